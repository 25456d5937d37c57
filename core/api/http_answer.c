#include "core/api/http.h"

#include <stdarg.h>

#include "core/base/enc.h"
#include "core/base/json.h"
#include "core/base/slice.h"
#include "core/base/text.h"

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
	http_log_error(hc, why);
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
	http_log_error(hc, why);
	return http_text(hc, 405, "%.*s", PS(why));
}

enum api_state http_redirect(struct http_call *hc, struct slice path)
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
