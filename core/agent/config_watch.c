#include "core/agent/config_watch.h"

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"

/* What of the watch has not been consumed yet. */
struct reading {
	struct value_entry *at;
	uint32_t n;
	struct arena *arena;
	struct fail *fail;
	struct config_watch *watch;
};

static const struct value *param(const struct reading *r, const char *name)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (slice_is(r->at[i].key, name))
			return &r->at[i].val;
	return NULL;
}

static void consume(struct reading *r, const char *name)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < r->n; i++)
		if (!slice_is(r->at[i].key, name))
			r->at[n++] = r->at[i];
	r->n = n;
}

static enum err take_text(struct reading *r, const char *name, struct slice *out)
{
	const struct value *v = param(r, name);
	if (!v)
		return OK;
	if (v->type != V_STRING)
		return fail_set(r->fail, ERR_INVALID, "Expecting %s to be a string", name);
	*out = v->text;
	consume(r, name);
	return OK;
}

static enum err take_bool(struct reading *r, const char *name, bool *out)
{
	const struct value *v = param(r, name);
	if (!v)
		return OK;
	if (v->type != V_BOOL)
		return fail_set(r->fail, ERR_INVALID, "Expecting %s to be a boolean", name);
	*out = v->boolean;
	consume(r, name);
	return OK;
}

/* ---- what is left, as Go's %#v prints a map ---- */

static int key_order(const void *x, const void *y)
{
	return slice_cmp(*(const struct slice *)x, *(const struct slice *)y);
}

static void go_print(struct buf *b, const struct value *v);

static void go_print_entries(struct buf *b, const struct value_entry *at, uint32_t n)
{
	BUF_LIT(b, "map[string]interface {}{");
	struct slice last = S_NONE;
	for (uint32_t done = 0; done < n; done++) {
		const struct value_entry *least = NULL;
		for (uint32_t i = 0; i < n; i++)
			if ((!done || key_order(&at[i].key, &last) > 0) &&
			        (!least || key_order(&at[i].key, &least->key) < 0))
				least = &at[i];
		if (!least)
			break;
		if (done)
			BUF_LIT(b, ", ");
		quote_put(b, least->key);
		buf_char(b, ':');
		go_print(b, &least->val);
		last = least->key;
	}
	buf_char(b, '}');
}

static void go_print(struct buf *b, const struct value *v)
{
	double number = 0;
	switch (v->type) {
	case V_NULL: BUF_LIT(b, "interface {}(nil)"); break;
	case V_BOOL: buf_cstr(b, v->boolean ? "true" : "false"); break;
	case V_NUMBER:
		value_double(v, &number);
		float_print(b, number);
		break;
	case V_STRING: quote_put(b, v->text); break;
	case V_LIST:
		BUF_LIT(b, "[]interface {}{");
		for (uint32_t i = 0; i < v->n; i++) {
			if (i)
				BUF_LIT(b, ", ");
			go_print(b, &v->items[i]);
		}
		buf_char(b, '}');
		break;
	case V_OBJECT: go_print_entries(b, v->entries, v->n); break;
	}
}

/* The sentence is about this watch: "Failed to parse watch (…): …". */
static enum err not_parsed(struct reading *r)
{
	struct buf b = {0};
	go_print_entries(&b, r->at, r->n);
	fail_wrap(r->fail, "Failed to parse watch (%.*s)", PS(buf_view(&b)));
	buf_free(&b);
	return ERR_INVALID;
}

/* ---- types ---- */

static enum err read_key(struct reading *r)
{
	enum err e = take_text(r, "key", &r->watch->key);
	return e || r->watch->key.n ? e : fail_set(r->fail, ERR_INVALID, "Must specify a single key to watch");
}

static enum err read_prefix(struct reading *r)
{
	enum err e = take_text(r, "prefix", &r->watch->prefix);
	return e || r->watch->prefix.n ? e : fail_set(r->fail, ERR_INVALID, "Must specify a single prefix to watch");
}

static enum err read_service(struct reading *r)
{
	enum err e = take_text(r, "service", &r->watch->service);
	if (!e && !r->watch->service.n)
		return fail_set(r->fail, ERR_INVALID, "Must specify a single service to watch");
	e = e ? e : take_text(r, "tag", &r->watch->tag);
	return e ? e : take_bool(r, "passingonly", &r->watch->passing_only);
}

static enum err read_checks(struct reading *r)
{
	enum err e = take_text(r, "service", &r->watch->service);
	e = e ? e : take_text(r, "state", &r->watch->state);
	if (!e && r->watch->service.n && r->watch->state.n)
		return fail_set(r->fail, ERR_INVALID, "Cannot specify service and state");
	if (!e && !r->watch->service.n && !r->watch->state.n)
		r->watch->state = S("any");
	return e;
}

static enum err read_event(struct reading *r)
{
	return take_text(r, "name", &r->watch->name);
}

static enum err read_nothing(struct reading *r)
{
	(void)r;
	return OK;
}

static const struct {
	const char *name;
	enum config_watch_type type;
	bool may_be_stale;
	enum err (*read)(struct reading *);
} types[] = {
        {"checks", WATCH_CHECKS, true, read_checks},
        {"event", WATCH_EVENT, false, read_event},
        {"key", WATCH_KEY, true, read_key},
        {"keyprefix", WATCH_KEYPREFIX, true, read_prefix},
        {"nodes", WATCH_NODES, true, read_nothing},
        {"service", WATCH_SERVICE, true, read_service},
        {"services", WATCH_SERVICES, true, read_nothing},
};

static enum err read_type(struct reading *r, struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (!slice_is(name, types[i].name))
			continue;
		r->watch->type = types[i].type;
		enum err e = types[i].may_be_stale ? take_bool(r, "stale", &r->watch->stale) : OK;
		return e ? e : types[i].read(r);
	}
	return fail_set(r->fail, ERR_INVALID, "Unsupported watch type: %.*s", PS(name));
}

/* ---- handlers ---- */

static bool texts_read(const struct value *v, struct arena *a, struct list *out)
{
	struct slice *at = ARENA_ARRAY(a, struct slice, v->n);
	if (v->type != V_LIST || !at)
		return false;
	for (uint32_t i = 0; i < v->n; i++) {
		if (v->items[i].type != V_STRING)
			return false;
		at[i] = v->items[i].text;
	}
	*out = (struct list){at, v->n};
	return true;
}

static bool header_read(const struct value *v, struct arena *a, struct list *out)
{
	struct named_strs *at = ARENA_ARRAY(a, struct named_strs, v->n);
	if (v->type != V_OBJECT || !at)
		return false;
	for (uint32_t i = 0; i < v->n; i++) {
		at[i].key = v->entries[i].key;
		if (!texts_read(&v->entries[i].val, a, &at[i].strs))
			return false;
	}
	*out = (struct list){at, v->n};
	return true;
}

enum { HTTP_TIMEOUT_S = 10 };

static enum err http_read(struct reading *r, const struct value *v)
{
	struct config_watch *w = r->watch;
	const struct value *path = value_get_fold(v, S("path")), *method = value_get_fold(v, S("method"));
	const struct value *timeout = value_get_fold(v, S("timeout")), *header = value_get_fold(v, S("header"));
	const struct value *skip = value_get_fold(v, S("tls_skip_verify"));
	if (!path || path->type != V_STRING || !path->text.n)
		return fail_set(r->fail, ERR_INVALID, "Requires 'path' to be set");
	w->http_path = path->text;
	w->http_method = method && method->type == V_STRING && method->text.n ? method->text : S("POST");
	w->http_timeout = HTTP_TIMEOUT_S * NS_PER_S;
	w->http_tls_skip_verify = skip && skip->type == V_BOOL && skip->boolean;
	if (header && !header_read(header, r->arena, &w->http_header))
		return fail_set(r->fail, ERR_INVALID, "'header' must be lists of strings by name");
	if (timeout && timeout->type == V_STRING && timeout->text.n &&
	        dur_parse(timeout->text, &w->http_timeout, r->fail))
		return fail_wrap(r->fail, "Failed to parse timeout");
	return OK;
}

static enum err read_http(struct reading *r)
{
	const struct value *v = param(r, "http_handler_config");
	if (!v)
		return fail_set(r->fail, ERR_INVALID, "Handler type 'http' requires 'http_handler_config' to be set");
	if (http_read(r, v))
		return fail_wrap(r->fail, "Failed to parse 'http_handler_config'");
	consume(r, "http_handler_config");
	return OK;
}

static enum err left_over(struct reading *r)
{
	struct buf b = {0};
	if (!r->n)
		return OK;
	for (uint32_t i = 0; i < r->n; i++)
		buf_fmt(&b, "%s%.*s", i ? " " : "", PS(r->at[i].key));
	fail_set(r->fail, ERR_INVALID, "Invalid parameters: [%.*s]", PS(buf_view(&b)));
	buf_free(&b);
	return ERR_INVALID;
}

/* Everything up to the handlers, which stay in *handler and *args (type V_NULL with `there` false: not given). */
struct handlers {
	bool has_handler, has_args, http;
	struct value handler, args;
};

static void take_value(struct reading *r, const char *name, bool *has, struct value *out)
{
	const struct value *v = param(r, name);
	*has = v != NULL;
	if (v)
		*out = *v;
	consume(r, name);
}

static enum err parse(struct reading *r, struct handlers *h)
{
	struct config_watch *w = r->watch;
	struct slice type = S_NONE, handler_type = S_NONE;
	enum err e = take_text(r, "datacenter", &w->datacenter);
	e = e ? e : take_text(r, "token", &w->token);
	e = e ? e : take_text(r, "type", &type);
	if (!e && !type.n)
		e = fail_set(r->fail, ERR_INVALID, "Watch type must be specified");
	e = e ? e : take_text(r, "handler_type", &handler_type);
	h->http = slice_is(handler_type, "http");
	if (!e && h->http)
		e = read_http(r);
	e = e ? e : read_type(r, type);
	if (e)
		return e;
	take_value(r, "handler", &h->has_handler, &h->handler);
	take_value(r, "args", &h->has_args, &h->args);
	return left_over(r);
}

static enum err handlers_check(struct reading *r, const struct handlers *h)
{
	if (h->has_handler && h->handler.type != V_STRING)
		return fail_set(r->fail, ERR_INVALID, "Watch handler must be a string");
	if (h->has_args && !texts_read(&h->args, r->arena, &r->watch->args))
		return fail_set(r->fail, ERR_INVALID, "Watch args must be a list of strings");
	if (h->has_handler + h->has_args + h->http > 1)
		return fail_set(r->fail, ERR_INVALID, "Only one watch handler allowed");
	if (!h->has_handler && !h->has_args && !h->http)
		return fail_set(r->fail, ERR_INVALID, "Must define a watch handler");
	if (h->has_handler)
		r->watch->handler = h->handler.text;
	return OK;
}

static struct reading reading_begin(const struct value *v, struct arena *a, struct config_watch *out, struct fail *f)
{
	*out = (struct config_watch){0};
	struct reading r = {
	        .at = ARENA_ARRAY(a, struct value_entry, v->n + (size_t)1), .arena = a, .fail = f, .watch = out};
	for (uint32_t i = 0; r.at && v->type == V_OBJECT && i < v->n; i++)
		r.at[r.n++] = v->entries[i];
	return r;
}

enum err config_watch_read(const struct value *v, struct arena *a, struct config_watch *out, struct fail *f)
{
	struct reading r = reading_begin(v, a, out, f);
	struct handlers h = {0};
	if (!r.at)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	const struct value *kind = param(&r, "handler_type");
	if (!kind)
		r.at[r.n++] = (struct value_entry){S("handler_type"), {.type = V_STRING, .text = S("script")}};
	else if (kind->type != V_STRING || (!slice_is(kind->text, "http") && !slice_is(kind->text, "script")))
		return fail_set(f, ERR_INVALID, "Handler type '%.*s' not recognized", PS(kind->text));
	if (parse(&r, &h))
		return not_parsed(&r);
	return handlers_check(&r, &h);
}

enum err config_watch_parse(const struct value *v, struct arena *a, struct config_watch *out, struct fail *f)
{
	struct reading r = reading_begin(v, a, out, f);
	struct handlers h = {0};
	return r.at ? parse(&r, &h) : fail_set(f, ERR_NO_MEMORY, "out of memory");
}

const char *config_watch_type_name(enum config_watch_type type)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return "";
}
