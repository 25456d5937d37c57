#include "core/api/http.h"

#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"

static struct slice replace_all(struct arena *a, struct slice s, struct slice what, struct slice with)
{
	struct buf out = {0};
	for (;;) {
		ptrdiff_t at = slice_search(s, what);
		if (at < 0 || !what.n)
			break;
		buf_slice(&out, slice_cut(s, 0, (size_t)at));
		buf_slice(&out, with);
		s = slice_from(s, (size_t)at + what.n);
	}
	buf_slice(&out, s);
	struct slice whole = arena_copy(a, buf_view(&out));
	buf_free(&out);
	return whole;
}

/* /v1/acl/<verb>/<token>?query: the token in the path is hidden, too. */
static struct slice hide_acl_path(struct arena *a, struct slice url)
{
	if (!slice_starts(url, S("/v1/acl/")))
		return url;
	ptrdiff_t verb = slice_find(slice_from(url, 8), '/');
	if (verb < 1)
		return url;
	size_t from = 8 + (size_t)verb + 1;
	ptrdiff_t query = slice_find(slice_from(url, from), '?');
	size_t to = query < 0 ? url.n : from + (size_t)query;
	if (to == from)
		return url;
	return arena_str(a, "%.*s<hidden>%.*s", PS(slice_cut(url, 0, from)), PS(slice_from(url, to)));
}

static struct slice log_url(struct http_call *hc)
{
	struct slice url = hc->r->target;
	for (unsigned i = 0; i < hc->param_count; i++) {
		if (!slice_is(hc->params[i].key, "token"))
			continue;
		url = hc->params[i].val.n ? replace_all(&hc->api->arena, url, hc->params[i].val, S("<hidden>"))
		                          : arena_str(&hc->api->arena, "%.*s<hidden>", PS(url));
	}
	return hide_acl_path(&hc->api->arena, url);
}

void http_log_request(struct http_call *hc)
{
	struct logbuf *l = &hc->api->log;
	if (LOG_DEBUG < l->level)
		return;
	char text[48];
	struct buf took = {.p = text, .cap = sizeof text, .limit = sizeof text};
	dur_print(&took, hc->api->now - hc->r->began);
	struct slice url = log_url(hc);
	log_debug(l, "http: Request %.*s %.*s (%.*s) from=%.*s", PS(hc->r->method), PS(url), PS(buf_view(&took)),
	        PS(hc->r->remote));
}

void http_log_error(struct http_call *hc, struct slice why)
{
	struct slice url = log_url(hc);
	log_err(&hc->api->log, "http: Request %.*s %.*s, error: %.*s from=%.*s", PS(hc->r->method), PS(url), PS(why),
	        PS(hc->r->remote));
}
