#include "core/agent/watch_plan.h"

#include "core/agent/watch_shape.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/slice.h"

enum { RETRY_S = 5, RETRY_S_MAX = 180 };

/* ---- asking ---- */

static void param(struct watch_question *q, const char *name, struct slice value)
{
	MUST(q->n < WATCH_PARAMS_MAX);
	q->params[q->n++] = (struct pair){slice_of(name), value};
}

static struct slice kv_path(struct arena *a, struct slice key)
{
	return arena_str(a, "/v1/kv/%.*s", PS(slice_starts(key, S("/")) ? slice_cut(key, 1, key.n) : key));
}

static struct slice path_of(const struct config_watch *w, struct arena *a)
{
	switch (w->type) {
	case WATCH_KEY: return kv_path(a, w->key);
	case WATCH_KEYPREFIX: return kv_path(a, w->prefix);
	case WATCH_SERVICES: return S("/v1/catalog/services");
	case WATCH_NODES: return S("/v1/catalog/nodes");
	case WATCH_SERVICE: return arena_str(a, "/v1/health/service/%.*s", PS(w->service));
	case WATCH_CHECKS:
		return w->state.n ? arena_str(a, "/v1/health/state/%.*s", PS(w->state))
		                  : arena_str(a, "/v1/health/checks/%.*s", PS(w->service));
	case WATCH_EVENT: return S("/v1/event/list");
	}
	return S_NONE;
}

void watch_plan_ask(const struct watch_plan *p, struct arena *a, struct watch_question *q)
{
	const struct config_watch *w = p->what;
	*q = (struct watch_question){.path = path_of(w, a)};
	if (w->datacenter.n)
		param(q, "dc", w->datacenter);
	if (p->index)
		param(q, "index", arena_str(a, "%llu", (unsigned long long)p->index));
	if (w->name.n)
		param(q, "name", w->name);
	if (w->passing_only)
		param(q, "passing", S("1"));
	if (w->type == WATCH_KEYPREFIX)
		param(q, "recurse", S(""));
	if (w->stale)
		param(q, "stale", S(""));
	if (w->tag.n)
		param(q, "tag", w->tag);
}

/* ---- hearing ---- */

static const struct shape *shape_of(enum config_watch_type type)
{
	static const struct shape *const shapes[] = {
	        [WATCH_KEY] = &shape_kv_pair,
	        [WATCH_KEYPREFIX] = &shape_kv_pairs,
	        [WATCH_SERVICES] = &shape_services,
	        [WATCH_NODES] = &shape_nodes,
	        [WATCH_SERVICE] = &shape_service_entries,
	        [WATCH_CHECKS] = &shape_checks,
	        [WATCH_EVENT] = &shape_events,
	};
	return shapes[type];
}

static bool hex_at(struct slice s, size_t from, size_t to, uint64_t *v)
{
	for (size_t i = from; i < to; i++) {
		ptrdiff_t digit = slice_find(S("0123456789abcdef"), (char)(s.p[i] | 0x20));
		if (digit < 0)
			return false;
		*v = *v << 4 | (uint64_t)digit;
	}
	return true;
}

/* The index that stands for an event: both halves of its id, one over the other. */
static raft_index event_index(struct slice id)
{
	uint64_t lower = 0, upper = 0;
	if (id.n != 36 || !hex_at(id, 0, 8, &lower) || !hex_at(id, 9, 13, &lower) || !hex_at(id, 14, 18, &lower) ||
	        !hex_at(id, 19, 23, &upper) || !hex_at(id, 24, 36, &upper))
		return 0;
	return lower ^ upper;
}

/* Leaves only the events that came after those seen. */
static void events_prune(struct value *events, raft_index seen)
{
	for (uint32_t i = 0; events->type == V_LIST && i < events->n; i++) {
		const struct value *id = value_get_fold(&events->items[i], S("ID"));
		if (!id || id->type != V_STRING || event_index(id->text) != seen)
			continue;
		events->items += i + 1;
		events->n -= i + 1;
		return;
	}
}

/* A key is the one item of the list that the agent sends; a missing key is null. */
static enum err take(
        const struct watch_plan *p, const struct watch_heard *h, struct arena *a, struct value *out, struct fail *f)
{
	enum config_watch_type type = p->what->type;
	bool kv = type == WATCH_KEY || type == WATCH_KEYPREFIX;
	struct slice rest;
	struct value v;
	*out = (struct value){V_NULL};
	if (kv && h->status == 404)
		return OK;
	if (h->status != 200 && kv)
		return fail_set(f, ERR_FAILED, "Unexpected response code: %d", h->status);
	if (h->status != 200)
		return fail_set(f, ERR_FAILED, "Unexpected response code: %d (%.*s)", h->status, PS(h->body));
	if (json_read_first(h->body, a, &v, &rest, f))
		return f->code;
	if (type == WATCH_EVENT)
		events_prune(&v, p->index);
	if (type == WATCH_KEY && !(v.type == V_LIST && v.n))
		return OK;
	*out = shape_take(shape_of(type), type == WATCH_KEY ? &v.items[0] : &v, a);
	return OK;
}

enum err watch_plan_answer(
        struct watch_plan *p, const struct watch_heard *h, struct arena *a, bool *news, struct fail *f)
{
	struct value v;
	*news = false;
	enum err e = take(p, h, a, &v, f);
	if (e)
		return e;
	p->failures = 0;
	if (h->index == p->index)
		return OK;
	raft_index before = p->index;
	struct buf text = {0};
	json_value(&text, &v, 0, 0);
	buf_char(&text, '\n');
	p->index = h->index;
	if (text.failed || (before && slice_eq(buf_view(&text), buf_view(&p->seen)))) {
		e = text.failed ? fail_set(f, ERR_NO_MEMORY, "out of memory") : OK;
		buf_free(&text);
		return e;
	}
	if (h->index < before)
		p->index = 0;
	buf_free(&p->seen);
	p->seen = text;
	p->told = h->index;
	*news = true;
	return OK;
}

dur_ns watch_plan_failed(struct watch_plan *p)
{
	p->index = 0;
	p->failures += p->failures < RETRY_S_MAX;
	unsigned seconds = RETRY_S * p->failures * p->failures;
	return (seconds < RETRY_S_MAX ? seconds : RETRY_S_MAX) * NS_PER_S;
}

void watch_plan_free(struct watch_plan *p)
{
	buf_free(&p->seen);
}
