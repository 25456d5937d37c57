/* A client: the settings, the choice of its transport, requests. */
#include "cmd/client.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "cmd/client_transport.h"
#include "cmd/say.h"
#include "core/base/enc.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/num.h"
#include "core/base/slice.h"

enum { REDIRECTS_MAX = 10 };

/* ---- settings ---- */

struct client_settings client_settings = {.datacenter = ""};

const struct flag client_flags[] = {
        {"http-addr", FLAG_OWN_STRING, &client_settings.http_addr,
                "Asks the agent over HTTP, at this `address` (host:port, with http:// or https:// before it if need "
                "be, or "
                "unix:// and a path). The environment variable CONSUL_HTTP_ADDR does the same. Without either the "
                "agent is "
                "asked over its RPC port: at -rpc-addr, else at CONSUL_RPC_ADDR, else at 127.0.0.1:8400. "
                "CONSUL_HTTP_SSL=true makes it HTTPS."},
        {"rpc-addr", FLAG_OWN_STRING, &client_settings.rpc_addr, "The `address` of the agent's RPC port.",
                .hidden = true},
        {"token", FLAG_OWN_STRING, &client_settings.token,
                "The ACL token to use, also from the environment variable CONSUL_HTTP_TOKEN. Without one the agent's "
                "own "
                "token counts."},
        {"ca-file", FLAG_OWN_STRING, &client_settings.ca_file,
                "A file with the certificates of authorities trusted over HTTPS. Also from CONSUL_CACERT."},
        {"ca-path", FLAG_OWN_STRING, &client_settings.ca_path, "A directory of such files. Also from CONSUL_CAPATH."},
        {"client-cert", FLAG_OWN_STRING, &client_settings.cert_file,
                "A file with the certificate to show to an agent that has 'verify_incoming' on. Also from "
                "CONSUL_CLIENT_CERT."},
        {"client-key", FLAG_OWN_STRING, &client_settings.key_file,
                "The file with the key of that certificate. Also from CONSUL_CLIENT_KEY."},
        {"tls-server-name", FLAG_OWN_STRING, &client_settings.tls_server_name,
                "The name to ask for, and to expect, over HTTPS. Also from CONSUL_TLS_SERVER_NAME."},
        {NULL},
};

const struct flag server_flags[] = {
        {"datacenter", FLAG_OWN_STRING, &client_settings.datacenter,
                "The datacenter to ask; that of the agent if none is given."},
        {"stale", FLAG_OWN_BOOL, &client_settings.stale,
                "Lets any server answer, not only the leader: faster, but perhaps not the newest. Only reads heed it."},
        {NULL},
};

/* ---- opening ---- */

static const char *environment(const char *name)
{
	const char *v = getenv(name);
	return v && *v ? v : NULL;
}

/* The reference only warns of a value that is no boolean. */
static bool environment_true(const char *name)
{
	struct fail ignored;
	bool on = false;
	const char *v = environment(name);
	return v && num_bool(slice_of(v), &on, &ignored) == OK && on;
}

static bool http_wanted(void)
{
	const struct client_settings *s = &client_settings;
	if (s->http_addr || s->ca_file || s->ca_path || s->cert_file || s->key_file || s->tls_server_name)
		return true;
	if (s->rpc_addr)
		return false;
	return environment("CONSUL_HTTP_ADDR") || environment_true("CONSUL_HTTP_SSL") ||
	       environment("CONSUL_HTTP_AUTH");
}

static const char *first_of(const char *flag, const char *variable, const char *otherwise)
{
	const char *v = flag && *flag ? flag : environment(variable);
	return v ? v : otherwise;
}

static void basic_auth_set(struct client *c)
{
	const char *auth = environment("CONSUL_HTTP_AUTH");
	if (!auth)
		return;
	struct slice text = strchr(auth, ':') ? slice_of(auth) : arena_str(&c->fixed, "%s:", auth);
	struct buf b = {0};
	base64_put(&b, text);
	c->http.basic = arena_copy(&c->fixed, buf_view(&b));
	buf_free(&b);
}

static enum err transport_open(struct client *c, struct fail *f)
{
	if (!http_wanted()) {
		c->is_ipc = true;
		return client_ipc_open(c, first_of(client_settings.rpc_addr, "CONSUL_RPC_ADDR", "127.0.0.1:8400"), f);
	}
	c->http.https = environment_true("CONSUL_HTTP_SSL");
	basic_auth_set(c);
	return client_http_open(c, first_of(client_settings.http_addr, "CONSUL_HTTP_ADDR", "127.0.0.1:8500"), f);
}

enum err client_address(struct client *c, struct slice text, const char *port, struct address *out, struct fail *f)
{
	if (address_parse(text, out))
		return OK;
	struct slice host = text, digits = slice_of(port);
	if ((!port || slice_find(text, ':') >= 0) && address_split(text, &host, &digits, f) != OK)
		return fail_wrap(f, "dial tcp");
	uint64_t number = 0;
	if (num_u64(digits, &number, f) != OK && port)
		return fail_set(f, ERR_INVALID, "dial tcp: lookup %.*s: no such host", PS(text));
	if (number > UINT16_MAX)
		return fail_set(f, ERR_INVALID, "dial tcp: address %.*s: invalid port", PS(digits));
	if (!number && !slice_is(digits, "0"))
		return fail_set(f, ERR_INVALID, "dial tcp: lookup tcp/%.*s: unknown port", PS(digits));
	const char *name = host.n ? arena_str(&c->fixed, "%.*s", PS(host)).p : "127.0.0.1";
	unsigned found = 0;
	if (address_resolve(name, (uint16_t)number, out, 1, &found, f) != OK)
		return fail_wrap(f, "dial tcp");
	return OK;
}

struct client *client_open(struct fail *f)
{
	struct client *c = calloc(1, sizeof(*c));
	if (!c) {
		fail_set(f, ERR_NO_MEMORY, "out of memory");
		return NULL;
	}
	c->ipc.fd = -1;
	c->token = slice_of(first_of(client_settings.token, "CONSUL_HTTP_TOKEN", ""));
	if (transport_open(c, f) == OK)
		return c;
	client_close(c);
	return NULL;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	client_ipc_close(c);
	client_http_close(c);
	arena_free(&c->arena);
	arena_free(&c->fixed);
	free(c);
}

struct client *client_for_command(void)
{
	struct fail f;
	struct client *c = client_open(&f);
	if (!c)
		complain("Error connecting to Consul agent: %s", f.text);
	return c;
}

bool client_is_ipc(const struct client *c)
{
	return c->is_ipc;
}

struct arena *client_arena(struct client *c)
{
	return &c->arena;
}

/* ---- requests ---- */

static struct slice formatted(struct client *c, const char *fmt, va_list ap)
{
	struct buf b = {0};
	buf_vfmt(&b, fmt, ap);
	struct slice s = arena_copy(&c->arena, buf_view(&b));
	buf_free(&b);
	return s;
}

struct client_request client_request(struct client *c, const char *method, const char *path, ...)
{
	struct client_request r = {.method = method};
	va_list ap;
	va_start(ap, path);
	r.path = formatted(c, path, ap);
	va_end(ap);
	if (*client_settings.datacenter)
		request_param(&r, "dc", slice_of(client_settings.datacenter));
	return r;
}

void request_param_add(struct client_request *r, const char *name, struct slice value)
{
	MUST(r->param_count < CLIENT_PARAMS_MAX);
	r->params[r->param_count++] = (struct pair){slice_of(name), value};
}

void request_param(struct client_request *r, const char *name, struct slice value)
{
	for (size_t i = 0; i < r->param_count; i++) {
		if (slice_is(r->params[i].key, name)) {
			r->params[i].val = value;
			return;
		}
	}
	request_param_add(r, name, value);
}

void request_param_fmt(struct client *c, struct client_request *r, const char *name, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	request_param(r, name, formatted(c, fmt, ap));
	va_end(ap);
}

void request_body(struct client_request *r, struct slice body)
{
	r->body = body;
	r->has_body = true;
}

void request_stale(struct client_request *r)
{
	if (client_settings.stale)
		request_param(r, "stale", S(""));
}

/* By name, those of one name in the order given. */
static void params_sort(struct pair *p, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct pair moving = p[i];
		size_t j = i;
		for (; j && slice_cmp(p[j - 1].key, moving.key) > 0; j--)
			p[j] = p[j - 1];
		p[j] = moving;
	}
}

static struct slice target_of(struct client *c, const struct client_request *r)
{
	struct pair params[CLIENT_PARAMS_MAX];
	memcpy(params, r->params, r->param_count * sizeof(*params));
	params_sort(params, r->param_count);
	struct buf b = {0};
	percent_put_path(&b, r->path);
	for (size_t i = 0; i < r->param_count; i++) {
		buf_char(&b, i ? '&' : '?');
		percent_put_query(&b, params[i].key);
		buf_char(&b, '=');
		percent_put_query(&b, params[i].val);
	}
	struct slice s = arena_copy(&c->arena, buf_view(&b));
	buf_free(&b);
	return s;
}

/* A redirect to this same agent is followed as Go's client does: other methods than GET and HEAD become GET. */
static bool redirected(const struct client_answer *a, struct client_wire *w)
{
	bool moved = a->status == 301 || a->status == 302 || a->status == 303;
	if ((!moved && a->status != 307 && a->status != 308) || !a->location.n || a->location.p[0] != '/')
		return false;
	w->target = a->location;
	if (moved) {
		w->method = "GET";
		w->has_body = false;
		w->body = S_NONE;
	}
	return true;
}

enum err client_ask(struct client *c, const struct client_request *r, struct client_answer *a, struct fail *f)
{
	struct client_wire w = {r->method, target_of(c, r), c->token, r->body, r->has_body};
	enum err e;
	unsigned hops = 0;
	do {
		*a = (struct client_answer){0};
		e = c->is_ipc ? client_ipc_ask(c, &w, a, f) : client_http_ask(c, &w, NULL, NULL, a, f);
	} while (e == OK && redirected(a, &w) && hops++ < REDIRECTS_MAX);
	return e;
}

enum err client_ask_ok(struct client *c, const struct client_request *r, struct client_answer *a, struct fail *f)
{
	if (client_ask(c, r, a, f) != OK)
		return f->code;
	if (a->status != 200)
		return fail_set(f, ERR_FAILED, "Unexpected response code: %d (%.*s)", a->status, PS(a->body));
	return OK;
}

enum err client_ask_json(
        struct client *c, const struct client_request *r, struct value *out, raft_index *index, struct fail *f)
{
	struct client_answer a;
	struct slice rest;
	if (client_ask_ok(c, r, &a, f) != OK)
		return f->code;
	if (index)
		*index = a.index;
	return json_read_first(a.body, &c->arena, out, &rest, f);
}

/* ---- answers ---- */

struct slice value_text(const struct value *object, const char *key)
{
	const struct value *v = value_get_fold(object, slice_of(key));
	return v && v->type == V_STRING ? v->text : S_NONE;
}

uint64_t value_number(const struct value *object, const char *key)
{
	const struct value *v = value_get_fold(object, slice_of(key));
	uint64_t n = 0;
	return v && value_u64(v, &n) ? n : 0;
}

bool value_flag(const struct value *object, const char *key)
{
	const struct value *v = value_get_fold(object, slice_of(key));
	return v && v->type == V_BOOL && v->boolean;
}
