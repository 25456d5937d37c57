/* The life of an HTTP request inside the core: route → parameters → handler → answer, with Consul's headers, errors and
 * log lines (1.0.8: agent/http.go). Handlers live in http_*.c, one file a family; routes.c lists them. */
#ifndef CORE_API_HTTP_H
#define CORE_API_HTTP_H

#include "core/api/api.h"
#include "core/base/schema.h"
#include "core/method/method.h"

struct param {
	struct slice key, val;
};

enum { PARAMS_MAX = 256 };

struct route;

/* One request being translated. Lives on the stack of api_http; what must outlive it (a write under way) is copied to
 * the message by http_sent. */
struct http_call {
	struct api *api;
	const struct http_request *r;
	struct http_answer *ans;
	struct api_wait *wait;
	const struct route *route;
	struct slice path; /* decoded */
	struct param *params;
	unsigned param_count;
	bool pretty;
	bool gzip;        /* the client takes it packed */
	struct call call; /* the method call under way */
};

/* A handler answers, parks or sends. */
typedef enum api_state http_handler(struct http_call *hc);

/* Bits of route.methods, by enum http_verb. 0: the handler looks at the verb itself. */
#define VERB(v) (1u << (v))

struct route {
	const char *pattern; /* ends in '/': a prefix */
	unsigned methods;
	http_handler *handler;
};

/* The longest pattern that fits; NULL: 404. */
const struct route *route_find(struct slice path);
/* "/v1/kv" → true: with a slash behind it, it would be a prefix pattern (net/http redirects). */
bool route_wants_slash(struct slice path);

/* ---- parameters (params.c) ---- */
bool params_parse(struct http_call *hc); /* false: a bad escape */
bool param_has(const struct http_call *hc, const char *key);
struct slice param_get(const struct http_call *hc, const char *key); /* the first value; empty when absent */

/* dc, token, index, wait, stale, consistent, max_stale → head. False: the answer (400) is complete. */
bool params_read(struct http_call *hc, struct read_head *head);
bool params_wait(struct http_call *hc, struct query_options *q);  /* index and wait alone */
void params_write(struct http_call *hc, struct write_head *head); /* dc and token */
struct slice params_token(struct http_call *hc);
void params_encode(struct http_call *hc, struct buf *out); /* url.Values.Encode: sorted by key */
struct list params_meta(struct http_call *hc);             /* node-meta=key:value, as a map; nil when absent */
struct service_request;
/* /v1/catalog/service/NAME and /v1/health/service/NAME: all of it. False: the answer (400) is complete. */
bool params_service(struct http_call *hc, struct service_request *q);
/* The same for paths that end in a node's name. */
struct node_request;
bool params_node(struct http_call *hc, struct node_request *q);
struct query_source;
void params_source(struct http_call *hc, struct query_source *source);

/* ---- the path (http_path.c) ---- */

/* May a decoded path be asked for at all? strconv.IsPrint of each rune, as cleanhttp.PrintablePathCheckHandler; bytes
 * that are no UTF-8 pass as U+FFFD. */
bool http_path_printable(struct slice path);
/* path.Clean as ServeMux uses it: no "//", "." or "..", a final slash kept. The same slice when there was nothing to
 * do. */
struct slice http_path_clean(struct arena *a, struct slice path);
/* What is behind the route's pattern: "/v1/kv/" and "/v1/kv/a/b" → "a/b". */
struct slice http_rest(const struct http_call *hc);

/* ---- running a method ---- */

/* Runs `m`; on a wait or failure the answer is complete or parked and *out tells what the handler has to return. True:
 * go on, the reply is there (reads) . Handlers of writes use http_send. */
bool http_read(struct http_call *hc, const struct method *m, void *request, void *reply, enum api_state *out);

/* The same for families that tell index and leader on failure, too (zero then), and the consistency that was used:
 * catalog, health, query; sessions without the latter. Sends the X-Consul-* headers. */
bool http_read_meta(struct http_call *hc, const struct method *m, void *request, void *reply, struct query_meta *meta,
        enum api_state *out);

/* Runs a write; `finish` turns the message's answer into ours (NULL: body "true"). `context` is kept for it in the
 * message's memory by the caller (message->mem) and comes back as message->context. */
typedef void http_finish(struct http_call *hc, struct message *m);
enum api_state http_send(struct http_call *hc, const struct method *m, void *request, http_finish *finish);
/* A question to the core thread that is no method. The message comes from http_message. */
struct message *http_message(struct http_call *hc, enum ask ask);
enum api_state http_ask(struct http_call *hc, struct message *m, http_finish *finish);

/* ---- answering (http_answer.c) ---- */

void http_meta(struct http_call *hc, const struct query_meta *meta); /* X-Consul-* */
void http_header(struct http_call *hc, const char *name, struct slice value);
enum api_state http_json(struct http_call *hc, const struct schema *s, const void *obj);
enum api_state http_json_list(struct http_call *hc, const struct schema *s, struct list l);  /* nil: null */
enum api_state http_json_items(struct http_call *hc, const struct schema *s, struct list l); /* nil: [] */
void http_json_strs(struct http_call *hc, struct list l, unsigned depth); /* a list of struct slice inside a body */
void http_json_strings(struct http_call *hc, struct list l);              /* a list of struct slice; nil: [] */
void http_json_id(struct http_call *hc, struct slice id);                 /* {"ID": …} */
/* A body written by hand: begin gives the buffer, end sets type and newline. */
struct buf *http_json_begin(struct http_call *hc);
enum api_state http_json_end(struct http_call *hc);
unsigned http_indent(const struct http_call *hc); /* 0 or 4 */
enum api_state http_bool(struct http_call *hc, bool v);
enum api_state http_text(struct http_call *hc, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
enum api_state http_status(struct http_call *hc, int status); /* no body */
/* The error of the call: 403, 404, 429 or 500 with its text, logged. */
enum api_state http_failed(struct http_call *hc, enum err e, struct slice why);
enum api_state http_error(struct http_call *hc, const struct fail *f);
/* 405 with Allow. */
enum api_state http_not_allowed(struct http_call *hc, unsigned methods, bool with_options);

/* http.Redirect: 301, with the query as it came; a GET gets a little page. */
enum api_state http_redirect(struct http_call *hc, struct slice path);

/* ---- bodies (http_body.c) ---- */

/* The body as json.NewDecoder + mapstructure read it (agent/http.go decodeBody). */
struct value;
enum err http_body_value(struct http_call *hc, struct value *out, struct fail *f);

/* Durations among the members of these names (any case) may be texts: they become numbers (agent/util.go). */
enum err http_durations(struct http_call *hc, struct value *body, const char *const *names, size_t n, struct fail *f);

/* ---- the agent's log (http_log.c) ---- */

/* One line a request, at its end: [DEBUG] how long it took, [ERR] what went wrong. Tokens are shown as <hidden>. */
void http_log_request(struct http_call *hc);
void http_log_error(struct http_call *hc, struct slice why);

#endif
