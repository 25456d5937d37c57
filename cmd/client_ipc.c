/* The 8400 transport of a client: msgpack messages one after another, each request answered in turn (Consul 0.7.5's
 * agent RPC, and the command `api` of ours). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/client_transport.h"
#include "core/base/msgpack.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "net/socket.h"

enum { RPC_VERSION = 1, ANSWER_MAX = 1 << 30 };

/* ---- the connection ---- */

static enum err address_of(struct client *c, const char *text, struct address *out, struct fail *f)
{
	if (text[0] == '/') {
		*out = (struct address){.kind = ADDRESS_UNIX, .path = arena_str(&c->fixed, "%s", text).p};
		return OK;
	}
	return client_address(c, slice_of(text), NULL, out, f);
}

static enum err dial(struct client *c, const struct address *to, struct fail *f)
{
	bool done = false;
	c->ipc.fd = socket_connect(to, &done, f);
	if (c->ipc.fd < 0)
		return f->code;
	struct pollfd p = {.fd = c->ipc.fd, .events = POLLOUT};
	while (!done && poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	return done ? OK : socket_connected(c->ipc.fd, to, f);
}

void client_ipc_close(struct client *c)
{
	if (c->ipc.fd >= 0)
		close(c->ipc.fd);
	c->ipc.fd = -1;
	buf_free(&c->ipc.in);
}

static enum err wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return ERR_IO;
	return OK;
}

static enum err send_all(struct client *c, struct slice bytes, struct fail *f)
{
	while (bytes.n) {
		ssize_t n = send(c->ipc.fd, bytes.p, bytes.n, MSG_NOSIGNAL);
		if (n >= 0)
			bytes = slice_from(bytes, (size_t)n);
		else if (errno == EAGAIN)
			wait_for(c->ipc.fd, POLLOUT);
		else if (errno != EINTR)
			return fail_set(f, ERR_IO, "write: %s", socket_error_text(errno));
	}
	return OK;
}

/* Reads until at least one more byte is there. */
static enum err receive(struct client *c, struct fail *f)
{
	enum { PIECE = 64 * 1024 };
	for (;;) {
		char *room = c->ipc.in.n < ANSWER_MAX ? buf_room(&c->ipc.in, PIECE) : NULL;
		if (!room)
			return fail_set(f, ERR_FULL, "answer too long");
		ssize_t n = recv(c->ipc.fd, room, PIECE, 0);
		if (n > 0) {
			buf_add(&c->ipc.in, (size_t)n);
			return OK;
		}
		if (n == 0)
			return fail_set(f, ERR_CLOSED, "client closed");
		if (errno == EAGAIN)
			wait_for(c->ipc.fd, POLLIN);
		else if (errno != EINTR)
			return fail_set(f, ERR_IO, "client closed");
	}
}

/* The next whole object, copied into the client's memory. */
static enum err object_next(struct client *c, struct slice *out, struct fail *f)
{
	size_t whole;
	while (!(whole = mp_whole(buf_view(&c->ipc.in))))
		if (receive(c, f) != OK)
			return f->code;
	if (whole == SIZE_MAX)
		return fail_set(f, ERR_CORRUPT, "client closed");
	*out = arena_copy(&c->arena, slice_cut(buf_view(&c->ipc.in), 0, whole));
	buf_consume(&c->ipc.in, whole);
	return c->arena.failed ? fail_set(f, ERR_NO_MEMORY, "out of memory") : OK;
}

/* ---- calls ---- */

struct ipc_header {
	struct slice error; /* empty: none */
	uint64_t seq;
};

static enum err header_next(struct client *c, struct ipc_header *h, struct fail *f)
{
	struct slice bytes;
	if (object_next(c, &bytes, f) != OK)
		return f->code;
	struct mp_reader r = mp_read(bytes);
	*h = (struct ipc_header){0};
	for (uint32_t n = mp_map(&r); n && !r.failed; n--) {
		struct slice key = mp_str(&r);
		if (slice_is(key, "Error"))
			h->error = mp_str(&r);
		else if (slice_is(key, "Seq"))
			h->seq = mp_u64(&r);
		else
			mp_skip(&r);
	}
	return r.failed ? fail_set(f, ERR_CORRUPT, "client closed") : OK;
}

/* The header of a request; its body, if it has one, is appended behind. */
static struct buf request_begin(struct client *c, const char *command, struct slice token)
{
	struct buf b = {0};
	mp_put_map(&b, token.n ? 3 : 2);
	mp_put_str_new(&b, S("Command"));
	mp_put_str_new(&b, slice_of(command));
	mp_put_str_new(&b, S("Seq"));
	mp_put_u64(&b, ++c->ipc.seq);
	if (token.n) {
		mp_put_str_new(&b, S("Token"));
		mp_put_str_new(&b, token);
	}
	return b;
}

enum reply_body { NO_BODY, BODY_IF_OK, BODY_ALWAYS };

/* Sends `request`, which it frees, and waits for its answer. *body is what followed the header. */
static enum err call(struct client *c, struct buf *request, enum reply_body expect, struct slice *body, struct fail *f)
{
	struct ipc_header h;
	enum err e = request->failed ? fail_set(f, ERR_NO_MEMORY, "out of memory") : send_all(c, buf_view(request), f);
	buf_free(request);
	if (e != OK || header_next(c, &h, f) != OK)
		return f->code;
	if (h.seq != c->ipc.seq)
		return fail_set(f, ERR_CORRUPT, "client closed");
	if ((expect == BODY_ALWAYS || (expect == BODY_IF_OK && !h.error.n)) && object_next(c, body, f) != OK)
		return f->code;
	return h.error.n ? fail_set(f, ERR_FAILED, "%.*s", PS(h.error)) : OK;
}

static enum err call_plain(struct client *c, const char *command, struct fail *f)
{
	struct buf b = request_begin(c, command, S_NONE);
	return call(c, &b, NO_BODY, NULL, f);
}

enum err client_ipc_open(struct client *c, const char *address, struct fail *f)
{
	struct address to;
	if (address_of(c, address, &to, f) != OK || dial(c, &to, f) != OK)
		return f->code;
	struct buf b = request_begin(c, "handshake", S_NONE);
	mp_put_map(&b, 1);
	mp_put_str_new(&b, S("Version"));
	mp_put_u64(&b, RPC_VERSION);
	return call(c, &b, NO_BODY, NULL, f);
}

/* ---- any request of the HTTP API ---- */

static void answer_header(struct client_answer *a, struct slice name, struct slice value)
{
	struct fail ignored;
	if (slice_eq_fold(name, S("Location")))
		a->location = value;
	else if (slice_eq_fold(name, S("X-Consul-Index")) && num_u64(value, &a->index, &ignored) != OK)
		a->index = 0;
}

static void answer_read(struct slice bytes, struct client_answer *a)
{
	struct mp_reader r = mp_read(bytes);
	for (uint32_t n = mp_map(&r); n && !r.failed; n--) {
		struct slice key = mp_str(&r);
		if (slice_is(key, "Status")) {
			a->status = (int)mp_i64(&r);
		} else if (slice_is(key, "Body")) {
			a->body = mp_str(&r);
		} else if (slice_is(key, "Header")) {
			for (uint32_t k = mp_map(&r); k && !r.failed; k--) {
				struct slice name = mp_str(&r);
				answer_header(a, name, mp_str(&r));
			}
		} else {
			mp_skip(&r);
		}
	}
}

enum err client_ipc_ask(struct client *c, const struct client_wire *w, struct client_answer *a, struct fail *f)
{
	struct slice body = S_NONE;
	struct buf b = request_begin(c, "api", w->token);
	mp_put_map(&b, 4);
	mp_put_str_new(&b, S("Body"));
	mp_put_bin_new(&b, w->body.p ? w->body : S(""));
	mp_put_str_new(&b, S("Header"));
	mp_put_map(&b, 0);
	mp_put_str_new(&b, S("Method"));
	mp_put_str_new(&b, slice_of(w->method));
	mp_put_str_new(&b, S("Path"));
	mp_put_str_new(&b, w->target);
	if (call(c, &b, BODY_IF_OK, &body, f) != OK)
		return f->code;
	answer_read(body, a);
	return OK;
}

/* ---- the commands of 0.7.5 ---- */

static struct slice ip_text(struct slice bytes, struct arena *arena)
{
	struct address a = {.kind = bytes.n == 4 ? ADDRESS_IP4 : ADDRESS_IP6};
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	if (bytes.n != 4 && bytes.n != 16)
		return S_NONE;
	if (bytes.n == 16 && !memcmp(bytes.p, mapped, sizeof(mapped))) {
		a.kind = ADDRESS_IP4;
		bytes = slice_from(bytes, sizeof(mapped));
	}
	memcpy(a.ip, bytes.p, bytes.n);
	char text[ADDRESS_TEXT];
	size_t n = address_print_ip(&a, text);
	return arena_copy(arena, slice_at(text, n));
}

static void tags_read(struct mp_reader *r, struct arena *arena, struct client_member *m)
{
	uint32_t n = mp_map(r);
	m->tags = ARENA_ARRAY(arena, struct pair, n + 1); /* one more: a segment may be added */
	while (n-- && m->tags && !r->failed) {
		struct pair tag = {.key = mp_str(r)};
		tag.val = mp_str(r);
		size_t i = m->tag_count++;
		for (; i && slice_cmp(m->tags[i - 1].key, tag.key) > 0; i--)
			m->tags[i] = m->tags[i - 1];
		m->tags[i] = tag;
	}
}

static void member_read(struct mp_reader *r, struct arena *arena, struct client_member *m)
{
	for (uint32_t n = mp_map(r); n && !r->failed; n--) {
		struct slice key = mp_str(r);
		if (slice_is(key, "Name"))
			m->name = mp_str(r);
		else if (slice_is(key, "Addr"))
			m->address = ip_text(mp_str(r), arena);
		else if (slice_is(key, "Port"))
			m->port = (uint16_t)mp_u64(r);
		else if (slice_is(key, "Status"))
			m->status = mp_str(r);
		else if (slice_is(key, "Tags"))
			tags_read(r, arena, m);
		else
			mp_skip(r);
	}
}

enum err client_ipc_members(struct client *c, bool wan, struct client_member **out, size_t *n, struct fail *f)
{
	struct slice body;
	struct buf b = request_begin(c, wan ? "members-wan" : "members-lan", S_NONE);
	if (call(c, &b, BODY_IF_OK, &body, f) != OK)
		return f->code;
	struct mp_reader r = mp_read(body);
	*n = 0;
	*out = NULL;
	for (uint32_t k = mp_map(&r); k && !r.failed; k--) {
		if (!slice_is(mp_str(&r), "Members")) {
			mp_skip(&r);
			continue;
		}
		uint32_t count = mp_array(&r);
		*out = ARENA_ARRAY(&c->arena, struct client_member, count);
		for (*n = 0; *n < count && *out && !r.failed; ++*n)
			member_read(&r, &c->arena, &(*out)[*n]);
	}
	return r.failed || c->arena.failed ? fail_set(f, ERR_CORRUPT, "client closed") : OK;
}

enum err client_ipc_stats(struct client *c, struct value *out, struct fail *f)
{
	struct slice body;
	struct buf b = request_begin(c, "stats", S_NONE);
	if (call(c, &b, BODY_IF_OK, &body, f) != OK)
		return f->code;
	struct mp_reader r = mp_read(body);
	mp_value(&r, &c->arena, out);
	return r.failed ? fail_set(f, ERR_CORRUPT, "client closed") : OK;
}

enum err client_ipc_join(struct client *c, bool wan, char *const *addresses, size_t n, unsigned *joined, struct fail *f)
{
	struct slice body = S_NONE;
	struct buf b = request_begin(c, "join", S_NONE);
	mp_put_map(&b, 2);
	mp_put_str_new(&b, S("Existing"));
	mp_put_array(&b, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		mp_put_str_new(&b, slice_of(addresses[i]));
	mp_put_str_new(&b, S("WAN"));
	mp_put_bool(&b, wan);
	enum err e = call(c, &b, BODY_ALWAYS, &body, f);
	struct mp_reader r = mp_read(body);
	for (uint32_t k = mp_map(&r); k && !r.failed; k--) {
		if (slice_is(mp_str(&r), "Num"))
			*joined = (unsigned)mp_i64(&r);
		else
			mp_skip(&r);
	}
	return e;
}

enum err client_ipc_force_leave(struct client *c, const char *node, bool prune, struct fail *f)
{
	struct buf b = request_begin(c, "force-leave", c->token);
	mp_put_map(&b, prune ? 2 : 1);
	mp_put_str_new(&b, S("Node"));
	mp_put_str_new(&b, slice_of(node));
	if (prune) {
		mp_put_str_new(&b, S("Prune"));
		mp_put_bool(&b, true);
	}
	return call(c, &b, NO_BODY, NULL, f);
}

enum err client_ipc_leave(struct client *c, struct fail *f)
{
	return call_plain(c, "leave", f);
}

enum err client_ipc_reload(struct client *c, struct fail *f)
{
	return call_plain(c, "reload", f);
}

static struct slice log_of(struct slice record)
{
	struct slice text = S_NONE;
	struct mp_reader r = mp_read(record);
	for (uint32_t n = mp_map(&r); n && !r.failed; n--) {
		if (slice_is(mp_str(&r), "Log"))
			text = mp_str(&r);
		else
			mp_skip(&r);
	}
	return text;
}

enum err client_ipc_monitor(struct client *c, const char *level, void (*line)(struct slice text), struct fail *f)
{
	struct buf b = request_begin(c, "monitor", S_NONE);
	mp_put_map(&b, 1);
	mp_put_str_new(&b, S("LogLevel"));
	mp_put_str_new(&b, slice_of(level));
	if (call(c, &b, NO_BODY, NULL, f) != OK)
		return f->code;
	struct fail end;
	for (struct ipc_header h; header_next(c, &h, &end) == OK; arena_reset(&c->arena, 1 << 16)) {
		struct slice record;
		if (object_next(c, &record, &end) != OK)
			break;
		line(log_of(record));
	}
	return OK;
}
