#include "core/agent/watch_shape.h"

#include <stdlib.h>

#include "core/base/slice.h"

/* ---- the shapes ---- */

static const struct shape text = {SHAPE_TEXT}, bytes = {SHAPE_BYTES}, number = {SHAPE_NUMBER}, flag = {SHAPE_FLAG},
                          duration = {SHAPE_DURATION}, texts = {SHAPE_TEXTS}, text_map = {SHAPE_MAP, .of = &text},
                          texts_map = {SHAPE_MAP, .of = &texts};

static const struct shape_field kv_fields[] = {{"Key", &text}, {"CreateIndex", &number}, {"ModifyIndex", &number},
        {"LockIndex", &number}, {"Flags", &number}, {"Value", &bytes}, {"Session", &text}, {NULL}};
const struct shape shape_kv_pair = {SHAPE_OBJECT, .fields = kv_fields};
const struct shape shape_kv_pairs = {SHAPE_LIST, .of = &shape_kv_pair};

const struct shape shape_services = {SHAPE_MAP, .of = &texts};

static const struct shape_field node_fields[] = {{"ID", &text}, {"Node", &text}, {"Address", &text},
        {"Datacenter", &text}, {"TaggedAddresses", &text_map}, {"Meta", &text_map}, {"CreateIndex", &number},
        {"ModifyIndex", &number}, {NULL}};
static const struct shape node = {SHAPE_OBJECT, .fields = node_fields};
const struct shape shape_nodes = {SHAPE_LIST, .of = &node};

static const struct shape_field definition_fields[] = {{"HTTP", &text}, {"Header", &texts_map}, {"Method", &text},
        {"TLSSkipVerify", &flag}, {"TCP", &text}, {"Interval", &duration}, {"Timeout", &duration},
        {"DeregisterCriticalServiceAfter", &duration}, {NULL}};
static const struct shape definition = {SHAPE_OBJECT, .fields = definition_fields};

static const struct shape_field check_fields[] = {{"Node", &text}, {"CheckID", &text}, {"Name", &text},
        {"Status", &text}, {"Notes", &text}, {"Output", &text}, {"ServiceID", &text}, {"ServiceName", &text},
        {"ServiceTags", &texts}, {"Definition", &definition}, {NULL}};
static const struct shape check = {SHAPE_OBJECT, .fields = check_fields};
const struct shape shape_checks = {SHAPE_LIST, .of = &check};

static const struct shape_field service_fields[] = {{"ID", &text}, {"Service", &text}, {"Tags", &texts},
        {"Port", &number}, {"Address", &text}, {"EnableTagOverride", &flag}, {"CreateIndex", &number},
        {"ModifyIndex", &number}, {NULL}};
static const struct shape service = {SHAPE_OBJECT, .fields = service_fields};

static const struct shape_field entry_fields[] = {
        {"Node", &node}, {"Service", &service}, {"Checks", &shape_checks}, {NULL}};
static const struct shape entry = {SHAPE_OBJECT, .fields = entry_fields};
const struct shape shape_service_entries = {SHAPE_LIST, .of = &entry};

static const struct shape_field event_fields[] = {{"ID", &text}, {"Name", &text}, {"Payload", &bytes},
        {"NodeFilter", &text}, {"ServiceFilter", &text}, {"TagFilter", &text}, {"Version", &number}, {"LTime", &number},
        {NULL}};
static const struct shape event = {SHAPE_OBJECT, .fields = event_fields};
const struct shape shape_events = {SHAPE_LIST, .of = &event};

/* ---- taking ---- */

static bool is(const struct value *v, enum value_type type)
{
	return v && v->type == type;
}

static struct value scalar(const struct shape *s, const struct value *v)
{
	bool whole = is(v, V_STRING);
	switch (s->kind) {
	case SHAPE_NUMBER: return (struct value){V_NUMBER, .text = is(v, V_NUMBER) ? v->text : S("0")};
	case SHAPE_FLAG: return (struct value){V_BOOL, .boolean = is(v, V_BOOL) && v->boolean};
	case SHAPE_BYTES: return whole ? *v : (struct value){V_NULL};
	case SHAPE_DURATION: return whole && v->text.n ? *v : (struct value){V_STRING, .text = S("0s")};
	default: return whole ? *v : (struct value){V_STRING, .text = S("")};
	}
}

static struct value list_take(const struct shape *of, const struct value *v, struct arena *a)
{
	if (!is(v, V_LIST))
		return (struct value){V_NULL};
	struct value out = {V_LIST, .items = ARENA_ARRAY(a, struct value, v->n)};
	for (; out.items && out.n < v->n; out.n++)
		out.items[out.n] = shape_take(of, &v->items[out.n], a);
	return out;
}

static int entry_cmp(const void *a, const void *b)
{
	return slice_cmp(((const struct value_entry *)a)->key, ((const struct value_entry *)b)->key);
}

static struct value map_take(const struct shape *of, const struct value *v, struct arena *a)
{
	if (!is(v, V_OBJECT))
		return (struct value){V_NULL};
	struct value out = {V_OBJECT, .entries = ARENA_ARRAY(a, struct value_entry, v->n)};
	for (; out.entries && out.n < v->n; out.n++)
		out.entries[out.n] =
		        (struct value_entry){v->entries[out.n].key, shape_take(of, &v->entries[out.n].val, a)};
	if (out.n)
		qsort(out.entries, out.n, sizeof(*out.entries), entry_cmp);
	return out;
}

static struct value object_take(const struct shape_field *fields, const struct value *v, struct arena *a)
{
	uint32_t n = 0;
	while (fields[n].name)
		n++;
	struct value out = {V_OBJECT, .entries = ARENA_ARRAY(a, struct value_entry, n)};
	for (; out.entries && out.n < n; out.n++) {
		const struct shape_field *f = &fields[out.n];
		const struct value *member = is(v, V_OBJECT) ? value_get_fold(v, slice_of(f->name)) : NULL;
		out.entries[out.n] = (struct value_entry){slice_of(f->name), shape_take(f->shape, member, a)};
	}
	return out;
}

struct value shape_take(const struct shape *s, const struct value *v, struct arena *a)
{
	switch (s->kind) {
	case SHAPE_TEXTS: return list_take(&text, v, a);
	case SHAPE_LIST: return list_take(s->of, v, a);
	case SHAPE_MAP: return map_take(s->of, v, a);
	case SHAPE_OBJECT: return object_take(s->fields, v, a);
	default: return scalar(s, v);
	}
}
