/* The command `api`: a request of the HTTP API inside a message, and its answer. */
#include "core/api/ipc_run.h"
#include "core/base/slice.h"

struct api_request {
	struct slice method, path, body;
	struct list header; /* of struct pair */
};
static const struct field request_fields[] = {
        FIELD(struct api_request, method, "Method", F_STR, 0),
        FIELD(struct api_request, path, "Path", F_STR, 0),
        FIELD(struct api_request, header, "Header", F_MAP, 0),
        FIELD(struct api_request, body, "Body", F_BYTES, 0),
};
static const struct schema request_schema = SCHEMA(struct api_request, "apiRequest", request_fields);

/* A target as it may stand in a request line. */
static bool is_target(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((uint8_t)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return s.n && s.p[0] == '/';
}

static void target_cut(struct http_request *r)
{
	ptrdiff_t mark = slice_find(r->target, '?');
	r->has_query = mark >= 0;
	r->path = r->has_query ? slice_cut(r->target, 0, (size_t)mark) : r->target;
	r->query = r->has_query ? slice_from(r->target, (size_t)mark + 1) : S("");
}

/* The token of the message's header counts unless a header of the request has one. */
static void headers_take(struct http_request *r, const struct api_request *q, struct slice token)
{
	const struct pair *headers = q->header.items;
	for (uint32_t i = 0; i < q->header.n && r->header_count < HTTP_HEADERS_MAX - 1; i++)
		r->headers[r->header_count++] = (struct http_header){headers[i].key, slice_trim(headers[i].val)};
	if (token.n && !http_header_get(r, S("X-Consul-Token")).n)
		r->headers[r->header_count++] = (struct http_header){S("X-Consul-Token"), token};
}

bool ipc_http_request(
        struct api *a, const struct ipc_client *c, struct slice remote, struct slice body, struct http_request *out)
{
	struct api_request q = {0};
	struct mp_reader r = mp_read(body);
	ipc_read(&r, &request_schema, &q, &a->arena);
	if (r.failed)
		return false;
	out->method = q.method.n ? q.method : S("GET");
	out->verb = http_verb_of(out->method);
	out->target = is_target(q.path) ? q.path : S_NONE;
	out->minor = 1;
	out->header_count = 0;
	out->body = q.body;
	out->body_cut = S_NONE;
	out->content_length = (int64_t)q.body.n;
	out->remote = remote;
	out->tls = false;
	out->began = a->now;
	target_cut(out);
	headers_take(out, &q, buf_view(&c->token));
	return true;
}

enum ipc_state ipc_api(struct ipc_call *call)
{
	if (!ipc_http_request(call->api, call->client, call->remote, call->body, &call->step->http))
		return ipc_undecodable(call);
	if (call->step->http.target.n)
		return IPC_HTTP;
	struct http_answer bad = {.status = 400, .content_type = S("text/plain; charset=utf-8")};
	BUF_LIT(&bad.body, "400 Bad Request");
	ipc_put_http(call->out, call->client, &bad);
	buf_free(&bad.body);
	return IPC_ANSWERED;
}

/* ---- answers ---- */

/* The next line "Name: value\r\n". */
static bool line_next(struct slice *rest, struct slice *name, struct slice *value)
{
	struct slice line = slice_next(rest, '\n');
	*name = slice_next(&line, ':');
	*value = slice_trim(line);
	return name->n > 0;
}

/* Does `name` stand before the end of `lines`, too? */
static bool seen(struct slice lines, struct slice name)
{
	struct slice other, value;
	while (line_next(&lines, &other, &value))
		if (slice_eq_fold(other, name))
			return true;
	return false;
}

/* Two passes, counting and writing: of a name that comes twice the first counts. */
static uint32_t put_lines(struct buf *out, struct slice lines)
{
	struct slice rest = lines, name, value;
	uint32_t n = 0;
	while (line_next(&rest, &name, &value)) {
		if (seen((struct slice){lines.p, (size_t)(name.p - lines.p)}, name))
			continue;
		n++;
		if (!out)
			continue;
		mp_put_str_new(out, name);
		mp_put_str_new(out, value);
	}
	return n;
}

void ipc_put_http(struct buf *out, const struct ipc_client *c, const struct http_answer *ans)
{
	struct slice lines = buf_view(&ans->headers), body = buf_view(&ans->body);
	struct slice type = ans->sniff && body.n ? http_sniff(body) : ans->content_type;
	ipc_put_head(out, c->seq, S_NONE);
	mp_put_map(out, 3);
	mp_put_str_new(out, S("Body"));
	mp_put_bin_new(out, body.p ? body : S(""));
	mp_put_str_new(out, S("Header"));
	mp_put_map(out, put_lines(NULL, lines) + (type.n ? 1 : 0));
	if (type.n) {
		mp_put_str_new(out, S("Content-Type"));
		mp_put_str_new(out, type);
	}
	put_lines(out, lines);
	mp_put_str_new(out, S("Status"));
	mp_put_u64(out, (uint64_t)ans->status);
}
