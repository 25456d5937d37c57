#include "core/api/http.h"

#include "core/agent/config.h"
#include "core/api/http_gzip.h"
#include "core/api/http_kv.h"
#include "core/base/enc.h"
#include "core/base/slice.h"

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
	http_log_request(hc);
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
		http_log_error(hc, S("<nil>"));
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
		http_log_request(hc);
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
	if (!http_path_printable(hc->path))
		return http_status(hc, 400);
	struct slice asked = hc->path;
	if (!connect)
		hc->path = http_path_clean(&hc->api->arena, hc->path);
	hc->route = route_find(hc->path);
	if (!hc->route && wants_slash(hc))
		return http_redirect(hc, arena_str(&hc->api->arena, "%.*s/", PS(hc->path)));
	if (!slice_eq(hc->path, asked))
		return http_redirect(hc, hc->path);
	if (hc->route)
		return endpoint(hc);
	if (!slice_starts(hc->path, S("/")))
		return not_found(hc);
	if (slice_is(hc->path, "/")) {
		if (ui_enabled(hc->api->world->config))
			return http_redirect(hc, S("/ui/"));
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
