#include "core/api/http.h"

#include <stdarg.h>

#include "core/agent/config.h"
#include "core/api/http_gzip.h"
#include "core/api/http_kv.h"
#include "core/base/enc.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"

/* ---- answering ---- */

unsigned http_indent(const struct http_call *hc)
{
	return hc->pretty ? 4 : 0;
}

struct buf *http_json_begin(struct http_call *hc)
{
	hc->ans->content_type = S("application/json");
	return &hc->ans->body;
}

enum api_state http_json_end(struct http_call *hc)
{
	if (hc->pretty)
		buf_char(&hc->ans->body, '\n');
	return API_ANSWERED;
}

enum api_state http_json(struct http_call *hc, const struct schema *s, const void *obj)
{
	schema_json_write(http_json_begin(hc), s, obj, http_indent(hc), 0);
	return http_json_end(hc);
}

enum api_state http_json_list(struct http_call *hc, const struct schema *s, struct list l)
{
	schema_json_write_list(http_json_begin(hc), s, l, http_indent(hc), 0);
	return http_json_end(hc);
}

enum api_state http_json_items(struct http_call *hc, const struct schema *s, struct list l)
{
	if (!l.items)
		l.items = list_empty;
	return http_json_list(hc, s, l);
}

void http_json_strs(struct http_call *hc, struct list l, unsigned depth)
{
	const struct slice *items = l.items;
	struct buf *b = &hc->ans->body;
	buf_char(b, '[');
	for (uint32_t i = 0; i < l.n; i++) {
		if (i)
			buf_char(b, ',');
		json_newline(b, http_indent(hc), depth + 1);
		json_string(b, items[i]);
	}
	if (l.n)
		json_newline(b, http_indent(hc), depth);
	buf_char(b, ']');
}

void http_json_strings(struct http_call *hc, struct list l)
{
	http_json_begin(hc);
	http_json_strs(hc, l, 0);
}

void http_json_id(struct http_call *hc, struct slice id)
{
	struct buf *b = http_json_begin(hc);
	buf_char(b, '{');
	json_newline(b, http_indent(hc), 1);
	buf_cstr(b, http_indent(hc) ? "\"ID\": " : "\"ID\":");
	json_string(b, id);
	json_newline(b, http_indent(hc), 0);
	buf_char(b, '}');
	http_json_end(hc);
}

enum api_state http_bool(struct http_call *hc, bool v)
{
	buf_cstr(http_json_begin(hc), v ? "true" : "false");
	return http_json_end(hc);
}

/* As Fprint writes: net/http sniffs the type, which therefore stands behind the length. */
enum api_state http_text(struct http_call *hc, int status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	hc->ans->status = status;
	buf_reset(&hc->ans->body, SIZE_MAX);
	buf_vfmt(&hc->ans->body, fmt, ap);
	va_end(ap);
	hc->ans->content_type = S_NONE;
	hc->ans->sniff = true;
	return API_ANSWERED;
}

enum api_state http_status(struct http_call *hc, int status)
{
	hc->ans->status = status;
	return API_ANSWERED;
}

void http_header(struct http_call *hc, const char *name, struct slice value)
{
	struct buf *b = &hc->ans->headers;
	buf_cstr(b, name);
	BUF_LIT(b, ": ");
	buf_slice(b, value);
	BUF_LIT(b, "\r\n");
}

void http_meta(struct http_call *hc, const struct query_meta *meta)
{
	struct buf *b = &hc->ans->headers;
	if (meta->consistency.n)
		http_header(hc, "X-Consul-Effective-Consistency", meta->consistency);
	BUF_LIT(b, "X-Consul-Index: ");
	buf_u64(b, meta->index);
	if (meta->known_leader)
		BUF_LIT(b, "\r\nX-Consul-Knownleader: true\r\nX-Consul-Lastcontact: ");
	else
		BUF_LIT(b, "\r\nX-Consul-Knownleader: false\r\nX-Consul-Lastcontact: ");
	buf_u64(b, meta->last_contact < 0 ? 0 : (uint64_t)(meta->last_contact / NS_PER_MS));
	BUF_LIT(b, "\r\n");
}

/* ---- the log line, tokens hidden ---- */

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

static void log_request(struct http_call *hc)
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

static void log_error(struct http_call *hc, struct slice why)
{
	struct slice url = log_url(hc);
	log_err(&hc->api->log, "http: Request %.*s %.*s, error: %.*s from=%.*s", PS(hc->r->method), PS(url), PS(why),
	        PS(hc->r->remote));
}

/* ---- errors ---- */

static int status_of(enum err e)
{
	switch (e) {
	case ERR_INVALID: return 400;
	case ERR_DENIED: return 403;
	case ERR_ABSENT: return 404;
	case ERR_FULL: return 429;
	default: return 500;
	}
}

enum api_state http_failed(struct http_call *hc, enum err e, struct slice why)
{
	log_error(hc, why);
	return http_text(hc, status_of(e), "%.*s", PS(why));
}

enum api_state http_error(struct http_call *hc, const struct fail *f)
{
	if (f->code == ERR_ABSENT) /* an answer, no error */
		return http_text(hc, 404, "%s", f->text);
	return http_failed(hc, f->code, slice_of(f->text));
}

enum api_state http_not_allowed(struct http_call *hc, unsigned methods, bool with_options)
{
	static const struct {
		enum http_verb verb;
		const char *name;
	} names[] = {{HTTP_GET, "GET"}, {HTTP_POST, "POST"}, {HTTP_PUT, "PUT"}, {HTTP_DELETE, "DELETE"}};
	struct slice allow = with_options ? S("OPTIONS") : S_NONE;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (methods & VERB(names[i].verb))
			allow = arena_str(&hc->api->arena, "%.*s%s%s", PS(allow), allow.n ? "," : "", names[i].name);
	http_header(hc, "Allow", allow);
	struct slice why = arena_str(&hc->api->arena, "method %.*s not allowed", PS(hc->r->method));
	log_error(hc, why);
	return http_text(hc, 405, "%.*s", PS(why));
}

/* ---- running methods ---- */

static void call_prepare(struct http_call *hc, const struct method *m, void *request, void *reply)
{
	hc->call = api_call(hc->api, m, request, reply, &hc->wait->again);
}

static enum api_state put_off(struct http_call *hc, enum api_state how)
{
	api_put_off(&hc->call, hc->wait);
	return how;
}

bool http_read(struct http_call *hc, const struct method *m, void *request, void *reply, enum api_state *out)
{
	call_prepare(hc, m, request, reply);
	switch (method_run(&hc->call)) {
	case CALL_DONE: return true;
	case CALL_WAIT: *out = put_off(hc, API_WAIT); return false;
	case CALL_WAIT_LEADER: *out = put_off(hc, API_WAIT_LEADER); return false;
	case CALL_FORWARD: *out = put_off(hc, API_FORWARD); return false;
	case CALL_VERIFY: *out = put_off(hc, API_VERIFY); return false;
	default: *out = http_error(hc, &hc->call.fail); return false;
	}
}

/* Which reads tell the consistency: by what they are, not by how they went. */
static bool tells_consistency(const struct http_call *hc)
{
	return slice_starts(hc->path, S("/v1/catalog/")) || slice_starts(hc->path, S("/v1/health/")) ||
	       slice_starts(hc->path, S("/v1/query"));
}

bool http_read_meta(struct http_call *hc, const struct method *m, void *request, void *reply, struct query_meta *meta,
        enum api_state *out)
{
	const struct query_options *q = &((const struct read_head *)request)->q;
	bool done = http_read(hc, m, request, reply, out);
	if (!done && (*out != API_ANSWERED || hc->call.err == ERR_ABSENT))
		return false;
	if (done && tells_consistency(hc))
		meta->consistency = q->require_consistent ? S("consistent") : q->allow_stale ? S("stale") : S("leader");
	http_meta(hc, done ? meta : &(struct query_meta){0});
	return done;
}

struct message *http_message(struct http_call *hc, enum ask ask)
{
	struct message *m = message_take(hc->api);
	if (!m)
		return NULL;
	m->ask = ask;
	m->token = arena_copy(&m->mem, params_token(hc));
	return m;
}

/* What the log line of the end needs, since the connection's buffers may be gone by then. */
struct sent_context {
	struct http_request r;
	struct param *params;
	unsigned param_count;
	const struct route *route;
	void *context;
	bool pretty, gzip;
};

static struct slice keep(struct message *m, struct slice s)
{
	return arena_copy(&m->mem, s);
}

enum api_state http_ask(struct http_call *hc, struct message *m, http_finish *finish)
{
	struct sent_context *c = ARENA_NEW(&m->mem, struct sent_context);
	if (c) {
		c->r.verb = hc->r->verb;
		c->r.began = hc->r->began;
		c->r.minor = hc->r->minor;
		c->r.method = keep(m, hc->r->method);
		c->r.target = keep(m, hc->r->target);
		c->r.remote = keep(m, hc->r->remote);
		c->params = ARENA_ARRAY(&m->mem, struct param, hc->param_count);
		for (unsigned i = 0; c->params && i < hc->param_count; i++)
			if (slice_is(hc->params[i].key, "token"))
				c->params[c->param_count++] = (struct param){S("token"), keep(m, hc->params[i].val)};
		c->route = hc->route;
		c->pretty = hc->pretty;
		c->gzip = hc->gzip;
		c->context = m->context;
	}
	if (m->mem.failed) {
		message_give(hc->api, m);
		return http_failed(hc, ERR_NO_MEMORY, S("out of memory"));
	}
	m->context = c;
	m->finish = (void *)finish;
	m->front = hc->api->front;
	hc->wait->message = m;
	return API_SENT;
}

/* The write is done, by another server: as if our core had answered. */
static enum api_state sent_elsewhere(struct http_call *hc, http_finish *finish)
{
	if (finish)
		finish(hc, hc->call.message);
	else
		http_bool(hc, true);
	return API_ANSWERED;
}

enum api_state http_send(struct http_call *hc, const struct method *m, void *request, http_finish *finish)
{
	call_prepare(hc, m, request, NULL);
	struct message *message = hc->call.message = message_take(hc->api);
	if (!message)
		return http_failed(hc, ERR_NO_MEMORY, S("out of memory"));
	enum call_state state = method_run(&hc->call);
	if (state == CALL_SENT)
		return http_ask(hc, message, finish);
	enum api_state out = API_ANSWERED;
	switch (state) {
	case CALL_WAIT_LEADER: out = put_off(hc, API_WAIT_LEADER); break;
	case CALL_FORWARD: out = put_off(hc, API_FORWARD); break;
	case CALL_DONE:
		if (hc->call.answered)
			out = sent_elsewhere(hc, finish);
		break;
	default: out = http_error(hc, &hc->call.fail); break;
	}
	message_give(hc->api, message);
	return out;
}

static void endpoint_headers(struct http_call *hc)
{
	const struct agent_config *config = hc->api->world->config;
	const struct pair *headers = config->http_response_headers.items;
	for (uint32_t i = 0; i < config->http_response_headers.n; i++) {
		buf_slice(&hc->ans->headers, headers[i].key);
		BUF_LIT(&hc->ans->headers, ": ");
		buf_slice(&hc->ans->headers, headers[i].val);
		BUF_LIT(&hc->ans->headers, "\r\n");
	}
	if (config->translate_wan_addrs)
		BUF_LIT(&hc->ans->headers, "X-Consul-Translate-Addresses: true\r\n");
	BUF_LIT(&hc->ans->headers, "Vary: Accept-Encoding\r\n");
}

static void endpoint_packed(struct http_call *hc)
{
	if (hc->gzip)
		http_gzip(hc->ans);
}

static void endpoint_done(struct http_call *hc)
{
	log_request(hc);
	endpoint_packed(hc);
}

void api_http_finish(struct api *a, struct message *m, struct http_answer *ans)
{
	struct sent_context *c = m->context;
	struct api_wait none = {0};
	struct http_call hc = {
	        .api = a,
	        .r = &c->r,
	        .ans = ans,
	        .wait = &none,
	        .route = c->route,
	        .params = c->params,
	        .param_count = c->param_count,
	        .pretty = c->pretty,
	        .gzip = c->gzip,
	};
	http_finish *finish = (http_finish *)m->finish;
	m->context = c->context;
	ans->status = 200;
	endpoint_headers(&hc);
	if (m->err)
		http_failed(&hc, m->err, m->why);
	else if (finish)
		finish(&hc, m);
	else
		http_bool(&hc, true);
	endpoint_done(&hc);
}

/* ---- the way of a request ---- */

/* Every number becomes a float64 on the way: one beyond that type is refused, the first one told. */
static enum err numbers_check(const struct value *body, struct fail *f)
{
	struct value_walk w;
	enum err e = OK;
	value_walk_begin(&w, body);
	for (enum walk_step step; !e && (step = value_walk_next(&w)) != WALK_END;) {
		double d;
		if (step == WALK_LEAF && w.v->type == V_NUMBER && !value_double(w.v, &d))
			e = fail_set(f, ERR_INVALID, "json: cannot unmarshal number %.*s into Go value of type float64",
			        PS(w.v->text));
	}
	if (w.failed)
		e = fail_set(f, ERR_NO_MEMORY, "out of memory");
	value_walk_end(&w);
	return e;
}

enum err http_body_value(struct http_call *hc, struct value *out, struct fail *f)
{
	struct slice rest, cut = hc->r->body_cut;
	enum err e = json_read_first(hc->r->body, &hc->api->arena, out, &rest, f);
	if (e && cut.n && slice_ends(slice_of(f->text), S("EOF"))) /* the decoder ran into what ended the body */
		fail_set(f, e, "%.*s", PS(cut));
	return e ? e : numbers_check(out, f);
}

enum err http_durations(struct http_call *hc, struct value *body, const char *const *names, size_t n, struct fail *f)
{
	struct value_walk w;
	enum err e = OK;
	value_walk_begin(&w, body);
	for (enum walk_step step; !e && (step = value_walk_next(&w)) != WALK_END;) {
		bool known = false;
		for (size_t i = 0; i < n && step == WALK_LEAF && w.v->type == V_STRING && w.key; i++)
			known |= slice_eq_fold(*w.key, slice_of(names[i]));
		if (!known)
			continue;
		dur_ns d;
		e = dur_parse(w.v->text, &d, f);
		struct value *v = (struct value *)(uintptr_t)w.v; /* the walk only looks; the tree is ours */
		v->type = V_NUMBER;
		v->text = arena_str(&hc->api->arena, "%lld", (long long)d);
	}
	if (w.failed)
		e = fail_set(f, ERR_NO_MEMORY, "out of memory");
	value_walk_end(&w);
	return e;
}

struct slice http_rest(const struct http_call *hc)
{
	return slice_from(hc->path, strlen(hc->route->pattern));
}

/* strconv.IsPrint on the decoded path (cleanhttp.PrintablePathCheckHandler): bytes that are no UTF-8 pass as U+FFFD. */
static bool path_printable(struct slice path)
{
	for (size_t at = 0; at < path.n;)
		if (!rune_printable(utf8_next(path, &at)))
			return false;
	return true;
}

/* path.Clean as ServeMux uses it: no "//", "." or "..", a final slash kept. */
static struct slice path_clean(struct arena *a, struct slice path)
{
	char *out = arena_alloc(a, path.n + 2);
	if (!out)
		return path;
	size_t n = 0;
	bool slash = path.n && path.p[path.n - 1] == '/';
	struct slice rest = path;
	while (rest.n) {
		struct slice part = slice_next(&rest, '/');
		if (!part.n || slice_is(part, "."))
			continue;
		if (slice_is(part, "..")) {
			while (n && out[--n] != '/')
				;
			continue;
		}
		out[n++] = '/';
		memcpy(out + n, part.p, part.n);
		n += part.n;
	}
	if (!n || (slash && out[n - 1] != '/'))
		out[n++] = '/';
	return (struct slice){out, n};
}

static bool needs_cleaning(struct slice path)
{
	if (!path.n || path.p[0] != '/')
		return true;
	for (size_t i = 0; i + 1 < path.n; i++)
		if (path.p[i] == '/' && (path.p[i + 1] == '/' || path.p[i + 1] == '.'))
			return true;
	return false;
}

/* http.Redirect: 301; a GET gets a little page. */
static enum api_state redirect(struct http_call *hc, struct slice path)
{
	struct buf to = {0};
	percent_put_path(&to, path);
	if (hc->r->has_query && hc->r->query.n) {
		buf_char(&to, '?');
		buf_slice(&to, hc->r->query);
	}
	http_header(hc, "Location", buf_view(&to));
	hc->ans->status = 301;
	if (hc->r->verb == HTTP_GET || hc->r->verb == HTTP_HEAD)
		hc->ans->content_type = S("text/html; charset=utf-8");
	if (hc->r->verb == HTTP_GET) {
		struct slice url = buf_view(&to);
		BUF_LIT(&hc->ans->body, "<a href=\"");
		for (size_t i = 0; i < url.n; i++) {
			if (url.p[i] == '&')
				BUF_LIT(&hc->ans->body, "&amp;");
			else if (url.p[i] == '<')
				BUF_LIT(&hc->ans->body, "&lt;");
			else if (url.p[i] == '>')
				BUF_LIT(&hc->ans->body, "&gt;");
			else if (url.p[i] == '"')
				BUF_LIT(&hc->ans->body, "&#34;");
			else if (url.p[i] == '\'')
				BUF_LIT(&hc->ans->body, "&#39;");
			else
				buf_char(&hc->ans->body, url.p[i]);
		}
		BUF_LIT(&hc->ans->body, "\">Moved Permanently</a>.\n\n");
	}
	buf_free(&to);
	return API_ANSWERED;
}

static bool blocked(const struct http_call *hc)
{
	const struct list *l = &hc->api->world->config->http_block_endpoints;
	const struct slice *prefixes = l->items;
	for (uint32_t i = 0; i < l->n; i++)
		if (slice_starts(hc->path, prefixes[i]))
			return true;
	return false;
}

static enum api_state endpoint(struct http_call *hc)
{
	const struct route *route = hc->route;
	endpoint_headers(hc);
	hc->gzip = http_takes_gzip(hc->r);
	if (!params_parse(hc))
		return http_status(hc, 500);
	hc->pretty = hc->api->world->config->dev_mode || param_has(hc, "pretty");
	if (blocked(hc)) {
		log_error(hc, S("<nil>"));
		http_text(hc, 403, "Endpoint is blocked by agent configuration");
		endpoint_packed(hc);
		return API_ANSWERED;
	}
	enum api_state state;
	if (route->methods && hc->r->verb == HTTP_OPTIONS) {
		http_not_allowed(hc, route->methods, true);
		buf_reset(&hc->ans->body, SIZE_MAX);
		hc->ans->sniff = false;
		state = http_status(hc, 200);
	} else if (route->methods && !(route->methods & VERB(hc->r->verb))) {
		state = http_not_allowed(hc, route->methods, true);
	} else {
		state = route->handler(hc);
	}
	if (state == API_ANSWERED)
		endpoint_done(hc);
	else if (state == API_STREAM)
		log_request(hc);
	return state;
}

static bool ui_enabled(const struct agent_config *c)
{
	return c->ui || c->ui_dir.n;
}

/* A pattern that ends in a slash answers for its path without one by sending there. */
static bool wants_slash(const struct http_call *hc)
{
	const struct agent_config *c = hc->api->world->config;
	return route_wants_slash(hc->path) || (slice_is(hc->path, "/ui") && ui_enabled(c));
}

/* http.NotFound: for what matches no pattern at all, not even "/". */
static enum api_state not_found(struct http_call *hc)
{
	http_header(hc, "X-Content-Type-Options", S("nosniff"));
	http_text(hc, 404, "404 page not found\n");
	hc->ans->content_type = S("text/plain; charset=utf-8");
	return API_ANSWERED;
}

static enum api_state dispatch(struct http_call *hc)
{
	bool connect = slice_is(hc->r->method, "CONNECT"); /* its path is not cleaned */
	if (!percent_get_path(hc->r->path, &hc->api->arena, &hc->path))
		return http_text(hc, 400, "400 Bad Request");
	if (!path_printable(hc->path))
		return http_status(hc, 400);
	struct slice asked = hc->path;
	if (!connect && needs_cleaning(hc->path))
		hc->path = path_clean(&hc->api->arena, hc->path);
	hc->route = route_find(hc->path);
	if (!hc->route && wants_slash(hc))
		return redirect(hc, arena_str(&hc->api->arena, "%.*s/", PS(hc->path)));
	if (!slice_eq(hc->path, asked))
		return redirect(hc, hc->path);
	if (hc->route)
		return endpoint(hc);
	if (!slice_starts(hc->path, S("/")))
		return not_found(hc);
	if (slice_is(hc->path, "/")) {
		if (ui_enabled(hc->api->world->config))
			return redirect(hc, S("/ui/"));
		return http_text(hc, 200, "Consul Agent");
	}
	return http_status(hc, 404);
}

enum api_state api_http(struct api *a, const struct http_request *r, struct http_answer *ans, struct api_wait *wait)
{
	struct http_call hc = {.api = a, .r = r, .ans = ans, .wait = wait};
	ans->status = 200;
	return dispatch(&hc);
}

bool api_http_early(const struct http_request *r)
{
	return http_kv_refuses(r);
}

bool api_http_brings_snapshot(const struct http_request *r)
{
	return r->verb == HTTP_PUT && slice_eq(r->path, S("/v1/snapshot"));
}
