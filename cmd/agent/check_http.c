/* HTTP: 2xx passes, 429 warns, all else is critical; redirects are followed. Consul 1.0.8: agent/checks/check.go,
 * CheckHTTP; texts of Go's client. */
#include "cmd/agent/check_job.h"
#include "cmd/agent/check_url.h"
#include "core/base/schema.h"
#include "core/base/slice.h"
#include "core/base/text.h"

enum { REDIRECTS_MAX = 10 };

static void request(struct check_job *j);

/* ---- the answer ---- */

static bool data(struct http_call *c, struct slice piece)
{
	struct check_job *j = c->owner;
	tail_put(&j->tail, piece);
	return true;
}

static void report(struct check_job *j, int status, struct slice reason)
{
	struct buf text = {0};
	const char *health = status >= 200 && status <= 299 ? "passing" : status == 429 ? "warning" : "critical";
	buf_fmt(&text, "HTTP %.*s %.*s: %d %.*s Output: ", PS(j->ask.method), PS(j->ask.http), status, PS(reason));
	tail_read(&j->tail, &text);
	http_call_free(&j->call);
	check_job_end(j, health, buf_view(&text));
	buf_free(&text);
}

static bool redirects(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* 301, 302 and 303 make a GET of anything but HEAD. */
static void follow(struct check_job *j, int status, struct slice location)
{
	struct check_url from;
	struct fail f;
	bool keeps = status == 307 || status == 308 || slice_is(j->method, "HEAD");
	check_url_read(j->url, j->method, &j->mem, &from, &f);
	j->url = arena_copy(&j->mem, check_url_follow(&from, location, &j->mem));
	http_call_free(&j->call);
	if (!keeps)
		j->method = S("GET");
	if (++j->redirects >= REDIRECTS_MAX) {
		check_job_fail(j, "%.*s \"%.*s\": stopped after 10 redirects",
		        PS(slice_is(j->method, "HEAD") ? S("Head") : S("Get")), PS(location));
		return;
	}
	j->tail.total = 0;
	request(j);
}

static bool may_try_next(const struct check_job *j, const struct fail *f)
{
	return !j->call.response.status && slice_search(slice_of(f->text), S("connect: ")) >= 0 &&
	       j->to_at + 1 < j->to_n;
}

static void send_to(struct check_job *j);

static void done(struct http_call *c, const struct fail *f)
{
	struct check_job *j = c->owner;
	const struct http_response *r = &c->response;
	struct slice location = f ? S_NONE : http_response_header(r, S("Location"));
	if (f && may_try_next(j, f)) {
		http_call_free(c);
		j->to_at++;
		send_to(j);
	} else if (f && !r->status) {
		struct fail why = *f;
		http_call_free(c);
		check_job_fail(j, "%s", why.text);
	} else if (redirects(r->status) && location.n) {
		follow(j, r->status, arena_copy(&j->mem, location));
	} else {
		report(j, r->status, arena_copy(&j->mem, r->reason));
	}
}

/* ---- the request ---- */

static bool has_header(const struct check_job *j, const char *name)
{
	const struct named_strs *h = j->ask.header.items;
	for (uint32_t i = 0; i < j->ask.header.n; i++)
		if (slice_eq_fold(h[i].key, slice_of(name)) && h[i].strs.n)
			return true;
	return false;
}

static void put_headers(const struct check_job *j, struct buf *b)
{
	static const char *const ruled[] = {"Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection"};
	const struct named_strs *h = j->ask.header.items;
	if (!has_header(j, "User-Agent"))
		buf_fmt(b, "User-Agent: %.*s\r\n", PS(j->ask.user_agent));
	if (!has_header(j, "Accept"))
		BUF_LIT(b, "Accept: text/plain, text/*, */*\r\n");
	for (uint32_t i = 0; i < j->ask.header.n; i++) {
		const struct slice *values = h[i].strs.items;
		bool skip = false;
		for (size_t k = 0; k < ARRAY_LEN(ruled); k++)
			skip |= slice_eq_fold(h[i].key, slice_of(ruled[k]));
		for (uint32_t k = 0; k < h[i].strs.n && !skip; k++) {
			buf_fmt(b, "%.*s: %.*s\r\n", PS(h[i].key), PS(values[k]));
			skip = slice_eq_fold(h[i].key, S("User-Agent"));
		}
	}
}

/* A header of that name can't be set any other way: it is what the request line's connection is for. */
static struct slice host_header(const struct check_job *j)
{
	const struct named_strs *h = j->ask.header.items;
	for (uint32_t i = 0; i < j->ask.header.n; i++)
		if (slice_eq_fold(h[i].key, S("Host")) && h[i].strs.n && ((const struct slice *)h[i].strs.items)->n)
			return *(const struct slice *)h[i].strs.items;
	return j->host;
}

static void send_to(struct check_job *j)
{
	struct buf headers = {0};
	put_headers(j, &headers);
	dur_ns left = j->deadline - j->loop->now;
	const struct http_ask ask = {
	        .to = j->to[j->to_at],
	        .method = j->method,
	        .host = host_header(j),
	        .target = j->target,
	        .headers = buf_view(&headers),
	        .timeout = j->deadline == INT64_MAX ? 0
	                   : left > 0               ? left
	                                            : 1,
	        .tls = j->secure ? &j->tls : NULL,
	        .has_body = false,
	};
	j->call = (struct http_call){.owner = j, .data = data, .done = done};
	http_call_start(&j->call, j->loop, &ask);
	buf_free(&headers);
}

static void resolved(struct check_job *j, const struct fail *f)
{
	loop_timer_stop(j->loop, &j->timer); /* from here on the call has its own */
	if (f)
		check_job_fail(j, "Get \"%.*s\": dial tcp: %s", PS(j->url), f->text);
	else
		send_to(j);
}

/* While the name is looked up. */
static void timeout(struct timer *t)
{
	struct check_job *j = (struct check_job *)(void *)((char *)t - offsetof(struct check_job, timer));
	check_job_fail(j, "Get \"%.*s\": dial tcp: lookup %s: i/o timeout", PS(j->url), j->pending.p);
}

static void request(struct check_job *j)
{
	struct check_url u;
	struct fail f;
	if (check_url_read(j->url, j->method, &j->mem, &u, &f)) {
		check_job_fail(j, "%s", f.text);
		return;
	}
	j->host = u.authority;
	j->target = u.target;
	j->secure = slice_eq_fold(u.scheme, S("https"));
	if (j->secure)
		j->tls = (struct tls_settings){
		        .trust = j->ask.tls_skip_verify ? NULL : checks_trust(j->checks),
		        .server_name = arena_str(&j->mem, "%.*s", PS(u.host)).p,
		        .skip_verify = j->ask.tls_skip_verify,
		};
	if (j->deadline != INT64_MAX)
		loop_timer(j->loop, &j->timer, j->deadline);
	check_job_resolve(j, u.host, u.port, resolved);
}

static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", s.p[i]))
			return false;
	return true;
}

static void start(struct check_job *j)
{
	char quoted[256];
	if (!j->ask.method.n)
		j->ask.method = S("GET");
	if (!is_token(j->ask.method)) {
		check_job_fail(j, "net/http: invalid method %s", quote_cstr(j->ask.method, quoted, sizeof quoted));
		return;
	}
	j->method = j->ask.method;
	j->url = j->ask.http;
	j->timer.fire = timeout;
	request(j);
}

static void drop(struct check_job *j)
{
	http_call_free(&j->call);
}

const struct check_kind_of check_http = {start, drop};
