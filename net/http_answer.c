#include <stdio.h>
#include <time.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/http_conn.h"

/* ---- the head -------------------------------------------------------------------------------------------------- */

enum { LINES_MAX = 48 };

struct line {
	struct slice name,
	        whole; /* whole: with its \r\n; empty for what is put together: Content-Type, Content-Length */
};

static bool is_named(struct slice name, struct slice want)
{
	return name.n == want.n && slice_eq_fold(name, want);
}

/* The host's header lines in the order of their names, those left out that are the server's own business. */
static unsigned sort_lines(struct http_conn *c, const struct http_answer *a, struct line *lines)
{
	unsigned n = 0;
	struct slice rest = buf_view(&a->headers);
	if (a->content_type.n)
		lines[n++] = (struct line){S("Content-Type"), S_NONE};
	while (rest.n && n < LINES_MAX) {
		const char *start = rest.p;
		struct slice name = slice_next(&rest, '\n');
		struct line l = {.whole = {start, name.n + 1}};
		l.name = slice_next(&name, ':');
		if (is_named(l.name, S("Transfer-Encoding")))
			continue;
		if (is_named(l.name, S("Content-Length")))
			l.whole = S_NONE;
		if (is_named(l.name, S("Connection"))) {
			if (!http_has_token(slice_trim(name), "close"))
				continue;
			c->close = true;
		}
		unsigned at = n++;
		for (; at > 0 && slice_cmp(lines[at - 1].name, l.name) > 0; at--)
			lines[at] = lines[at - 1];
		lines[at] = l;
	}
	return n;
}

/* "Date: Sat, 21 Nov 2026 03:35:00 GMT\r\n", made once a second. */
static struct slice date_line(struct http_server *s)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t second = s->loop->wall / NS_PER_S;
	if (second != s->date_second) {
		time_t t = (time_t)second;
		struct tm tm;
		gmtime_r(&t, &tm);
		snprintf(s->date, sizeof s->date, "Date: %.3s, %02u %.3s %04u %02u:%02u:%02u GMT\r\n",
		        days + 3 * tm.tm_wday, (unsigned)tm.tm_mday % 100, months + 3 * tm.tm_mon,
		        (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
		        (unsigned)tm.tm_sec % 100);
		s->date_second = second;
	}
	return (struct slice){s->date, sizeof "Date: Sat, 21 Nov 2026 03:35:00 GMT\r\n" - 1};
}

static void put_status(struct buf *b, unsigned minor, int status)
{
	const char *text = http_status_text(status);
	if (status == 200 && minor > 0) {
		BUF_LIT(b, "HTTP/1.1 200 OK\r\n");
	} else if (*text) {
		buf_fmt(b, "HTTP/1.%u %d %s\r\n", minor > 0 ? 1U : 0U, status, text);
	} else {
		buf_fmt(b, "HTTP/1.%u %03d status code %d\r\n", minor > 0 ? 1U : 0U, status, status);
	}
}

static void put_content_type(struct buf *b, struct slice type)
{
	BUF_LIT(b, "Content-Type: ");
	buf_slice(b, type);
	BUF_LIT(b, "\r\n");
}

static bool body_allowed(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

static void put_length(struct buf *b, size_t n)
{
	BUF_LIT(b, "Content-Length: ");
	buf_u64(b, n);
	BUF_LIT(b, "\r\n");
}

/* The whole head. `chunked`: the body's length is not known. */
static void put_head(struct http_conn *c, const struct http_answer *a, bool chunked)
{
	struct buf *b = &c->server->out;
	struct line lines[LINES_MAX];
	unsigned n = sort_lines(c, a, lines);
	bool body = body_allowed(a->status);
	bool dated = false, said_close = false, length = !chunked && body && (!c->head_only || a->body.n);
	put_status(b, c->minor, a->status);
	for (unsigned i = 0; i < n; i++) {
		dated |= is_named(lines[i].name, S("Date"));
		said_close |= is_named(lines[i].name, S("Connection"));
		if (lines[i].whole.n) {
			buf_slice(b, lines[i].whole);
		} else if (is_named(lines[i].name, S("Content-Length"))) {
			if (length)
				put_length(b, a->body.n);
			length = false;
		} else if (a->status != 304) {
			put_content_type(b, a->content_type);
		}
	}
	if (!dated)
		buf_slice(b, date_line(c->server));
	if (length)
		put_length(b, a->body.n);
	if (body && !a->content_type.n && a->sniff && a->body.n)
		put_content_type(b, http_sniff(buf_view(&a->body)));
	if (c->close && c->minor > 0 && !said_close)
		BUF_LIT(b, "Connection: close\r\n");
	else if (!c->close && c->keep_alive_10)
		BUF_LIT(b, "Connection: keep-alive\r\n");
	if (chunked && c->minor > 0 && !c->head_only)
		BUF_LIT(b, "Transfer-Encoding: chunked\r\n");
	BUF_LIT(b, "\r\n");
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

static bool send_gathered(struct http_conn *c, struct slice behind)
{
	struct buf *b = &c->server->out;
	char *body;
	memcpy(&body, &behind.p, sizeof body); /* iovec forgot the const; sendmsg only reads */
	struct iovec parts[2] = {{b->p, b->n}, {body, behind.n}};
	bool sent = !b->failed && stream_send(&c->s, parts, behind.n ? 2 : 1);
	buf_reset(b, 2 * GATHER_MAX);
	return sent;
}

bool http_conn_flush(struct http_conn *c)
{
	struct buf *b = &c->server->out;
	return !b->n && !b->failed ? true : send_gathered(c, S_NONE);
}

/* The connection broke while the host is not finished with it: it hears so in the next turn. */
static void break_later(struct http_conn *c)
{
	c->clock = CLOCK_BROKEN;
	loop_timer(c->s.loop, &c->timer, 0);
}

/* `out` is the server's, and an answer may be given from inside another connection's request. */
static void own_out(struct http_conn *c)
{
	struct http_conn *other = c->server->corked;
	if (other && other != c && !http_conn_flush(other))
		break_later(other);
}

/* The answer is complete: what comes next on this connection? */
static void answer_finished(struct http_conn *c)
{
	http_kept_free(c);
	c->user = NULL;
	c->linger |= c->close && (c->early || stream_in(&c->s).n > c->taken);
	if (c->close)
		c->state = CONN_FLUSH;
	else
		c->state = c->early ? CONN_DRAIN : CONN_HEAD;
}

/* After an answering function: under http_conn_work the answers gather, else they leave now. */
static void leave(struct http_conn *c, struct slice behind)
{
	bool corked = c->server->corked == c;
	if (corked && !behind.n)
		return;
	if (!send_gathered(c, behind))
		c->state = CONN_DEAD;
	if (!corked)
		http_conn_settle(c);
}

static bool may_answer(const struct http_conn *c)
{
	return c->state == CONN_ASKED || c->state == CONN_WAIT || c->state == CONN_PARKED;
}

/* An answer that overtakes its request's body: may the connection be used again? */
static void judge_rest(struct http_conn *c)
{
	if (c->early && (c->hesitates || c->body_left > HTTP_DRAIN_MAX))
		c->close = true;
}

void http_answer(struct http_conn *c, const struct http_answer *a)
{
	MUST(may_answer(c));
	struct buf *b = &c->server->out;
	own_out(c);
	judge_rest(c);
	put_head(c, a, false);
	struct slice body = c->head_only || !body_allowed(a->status) ? S_NONE : buf_view(&a->body);
	if (a->headers.failed || a->body.failed)
		b->failed = true; /* half an answer is worse than none */
	if (body.n <= COPY_MAX) {
		buf_slice(b, body);
		body = S_NONE;
	}
	answer_finished(c);
	leave(c, body);
}

void http_conn_plain(struct http_conn *c, int status)
{
	static char close_line[] = "Connection: close\r\n";
	struct http_answer a = {.status = status, .headers = {.p = close_line, .n = sizeof close_line - 1}};
	http_answer(c, &a);
}

void http_conn_refuse(struct http_conn *c, int status, const char *reason)
{
	struct buf *b = &c->server->out;
	const char *text = http_status_text(status);
	const char *colon = reason ? ": " : "";
	if (!reason)
		reason = "";
	if (status == 501) /* net/http does not echo what it did not understand */
		buf_fmt(b,
		        "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: "
		        "close\r\n\r\nUnsupported "
		        "transfer encoding",
		        status, text);
	else
		buf_fmt(b,
		        "HTTP/1.1 %d %s%s%s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n%d "
		        "%s%s%s",
		        status, text, colon, reason, status, text, colon, reason);
	c->server->counts.refused++;
	c->close = c->linger = true;
	c->state = CONN_FLUSH;
}

/* ---- answers in pieces ----------------------------------------------------------------------------------------- */

static void put_piece(struct http_conn *c, struct slice piece)
{
	if (c->head_only || !piece.n)
		return;
	if (c->minor > 0)
		http_chunk_put(&c->server->out, piece);
	else
		buf_slice(&c->server->out, piece);
}

static void leave_open(struct http_conn *c)
{
	if (c->server->corked == c)
		return;
	if (!http_conn_flush(c))
		break_later(c);
	http_conn_settle(c);
}

void http_stream_begin(struct http_conn *c, const struct http_answer *a)
{
	MUST(may_answer(c) && !c->early && body_allowed(a->status));
	own_out(c);
	if (c->minor == 0)
		c->close = true;
	put_head(c, a, true);
	http_kept_free(c);
	c->state = CONN_STREAM;
	put_piece(c, buf_view(&a->body));
	leave_open(c);
}

size_t http_stream_write(struct http_conn *c, struct slice piece)
{
	MUST(c->state == CONN_STREAM);
	own_out(c);
	if (c->clock != CLOCK_BROKEN)
		put_piece(c, piece);
	leave_open(c);
	return stream_waiting(&c->s);
}

void http_stream_end(struct http_conn *c)
{
	MUST(c->state == CONN_STREAM);
	own_out(c);
	bool broken = c->clock == CLOCK_BROKEN;
	if (c->minor > 0 && !c->head_only && !broken)
		BUF_LIT(&c->server->out, HTTP_CHUNK_LAST);
	answer_finished(c);
	if (broken)
		c->state = CONN_DEAD;
	leave(c, S_NONE);
}
