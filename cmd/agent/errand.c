#include "cmd/agent/errand.h"

#include <stdarg.h>

#include "cmd/agent/check_url.h"
#include "cmd/authorities.h"
#include "core/base/heap.h"
#include "core/base/slice.h"

enum { REDIRECTS_MAX = 10 };

static void request(struct errand *e);

/* ---- the end ---- */

static void give_back(struct errand *e)
{
	loop_timer_stop(e->loop, &e->timer);
	resolve_cancel(&e->resolve);
	arena_free(&e->mem);
}

void errand_drop(struct errand *e)
{
	http_call_free(&e->call);
	give_back(e);
}

static void end(struct errand *e, int status, struct slice text)
{
	struct buf kept = {0};
	buf_slice(&kept, text);
	give_back(e);
	e->done(e, status, buf_view(&kept));
	buf_free(&kept);
}

static void fail(struct errand *e, const char *fmt, ...)
{
	struct buf text = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vfmt(&text, fmt, ap);
	va_end(ap);
	end(e, 0, buf_view(&text));
	buf_free(&text);
}

/* ---- the answer ---- */

static bool data(struct http_call *c, struct slice piece)
{
	struct errand *e = c->owner;
	e->data(e, piece, !e->some);
	e->some = true;
	return true;
}

static bool redirects(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* 301, 302 and 303 make a GET of anything but HEAD. */
static void follow(struct errand *e, int status, struct slice location)
{
	struct check_url from;
	struct fail f;
	bool keeps = status == 307 || status == 308 || slice_is(e->verb, "HEAD");
	check_url_read(e->at, e->verb, &e->mem, &from, &f);
	struct slice before = e->at;
	e->at = arena_copy(&e->mem, check_url_follow(&from, location, &e->mem));
	e->referer = slice_starts(before, S("https:")) && !slice_starts(e->at, S("https:")) ? S_NONE : before;
	http_call_free(&e->call);
	if (!keeps) {
		e->verb = S("GET");
		e->body = S_NONE;
		e->has_body = false;
	}
	if (++e->redirects >= REDIRECTS_MAX) {
		struct slice verb = check_url_verb(e->verb, &e->mem);
		fail(e, "%.*s \"%.*s\": stopped after 10 redirects", PS(verb), PS(location));
		return;
	}
	e->some = false;
	request(e);
}

static bool may_try_next(const struct errand *e, const struct fail *f)
{
	return !e->call.response.status && slice_search(slice_of(f->text), S("connect: ")) >= 0 &&
	       e->to_at + 1 < e->to_n;
}

static void send_to(struct errand *e);

static void done(struct http_call *c, const struct fail *f)
{
	struct errand *e = c->owner;
	const struct http_response *r = &c->response;
	struct slice location = f ? S_NONE : http_response_header(r, S("Location"));
	if (f && may_try_next(e, f)) {
		http_call_free(c);
		e->to_at++;
		send_to(e);
	} else if (f && !r->status) {
		struct fail why = *f;
		http_call_free(c);
		fail(e, "%s", why.text);
	} else if (redirects(r->status) && location.n) {
		follow(e, r->status, arena_copy(&e->mem, location));
	} else {
		int status = r->status;
		struct slice reason = arena_copy(&e->mem, r->reason);
		http_call_free(c);
		end(e, status, reason);
	}
}

/* ---- the request ---- */

static void send_to(struct errand *e)
{
	dur_ns left = e->deadline - e->loop->now;
	struct slice headers = e->headers;
	if (e->referer.n)
		headers = arena_str(&e->mem, "%.*sReferer: %.*s\r\n", PS(headers), PS(e->referer));
	const struct http_ask ask = {
	        .to = e->to[e->to_at],
	        .method = e->verb,
	        .host = e->host.n ? e->host : e->authority,
	        .target = e->target,
	        .headers = headers,
	        .body = e->body,
	        .has_body = e->has_body,
	        .timeout = e->deadline == INT64_MAX ? 0
	                   : left > 0               ? left
	                                            : 1,
	        .tls = e->secure ? &e->tls : NULL,
	};
	e->call = (struct http_call){.owner = e, .data = data, .done = done};
	http_call_start(&e->call, e->loop, &ask);
}

static void resolved(struct resolve *r, const struct address *all, unsigned n, const struct fail *f)
{
	struct errand *e = HEAP_OWNER(r, struct errand, resolve);
	loop_timer_stop(e->loop, &e->timer); /* from here on the call has its own */
	for (e->to_n = 0; e->to_n < n && e->to_n < RESOLVE_ADDRESSES; e->to_n++)
		e->to[e->to_n] = all[e->to_n];
	if (f)
		fail(e, "%.*s \"%.*s\": dial tcp: %s", PS(check_url_verb(e->verb, &e->mem)), PS(e->at), f->text);
	else
		send_to(e);
}

/* While the name is looked up. */
static void timeout(struct timer *t)
{
	struct errand *e = HEAP_OWNER(t, struct errand, timer);
	fail(e, "%.*s \"%.*s\": dial tcp: lookup %.*s: i/o timeout", PS(check_url_verb(e->verb, &e->mem)), PS(e->at),
	        PS(e->name));
}

static void look_up(struct errand *e, uint16_t port)
{
	struct address ip;
	struct fail f;
	e->to_at = 0;
	e->resolve.done = resolved;
	if (address_parse_ip(e->name, &ip)) {
		ip.port = port;
		resolved(&e->resolve, &ip, 1, NULL);
		return;
	}
	if (e->deadline != INT64_MAX)
		loop_timer(e->loop, &e->timer, e->deadline);
	if (!resolve_start(&e->resolve, e->loop, e->name, port, &f))
		resolved(&e->resolve, NULL, 0, &f);
}

static void set_tls(struct errand *e)
{
	const struct errand_tls *own = e->own;
	e->tls = (struct tls_settings){
	        .server_name = own && own->server_name ? own->server_name : arena_str(&e->mem, "%.*s", PS(e->name)).p,
	        .skip_verify = e->tls_skip_verify,
	        .identity = own ? own->identity : NULL,
	};
	if (!e->tls_skip_verify)
		e->tls.trust = own && own->trust ? own->trust : authorities_system();
}

static void request(struct errand *e)
{
	struct check_url u;
	struct fail f;
	if (check_url_read(e->at, e->verb, &e->mem, &u, &f)) {
		fail(e, "%s", f.text);
		return;
	}
	e->authority = u.authority;
	e->target = u.target;
	e->name = u.host;
	e->secure = slice_eq_fold(u.scheme, S("https"));
	if (e->secure)
		set_tls(e);
	look_up(e, u.port);
}

void errand_start(struct errand *e)
{
	e->mem = (struct arena){0};
	e->resolve = (struct resolve){0};
	e->timer = (struct timer){.fire = timeout};
	e->redirects = 0;
	e->some = false;
	e->referer = S_NONE;
	e->at = e->url;
	e->verb = e->method;
	request(e);
}

bool errand_method(struct slice method)
{
	for (size_t i = 0; i < method.n; i++)
		if (method.p[i] <= ' ' || method.p[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", method.p[i]))
			return false;
	return method.n > 0;
}
