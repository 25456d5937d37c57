#include "core/agent/config_shape.h"

#include "core/base/map.h"
#include "core/base/slice.h"

struct shape {
	struct arena *arena;
	struct fail *fail;
	unsigned depth;
};

/* Where lists of objects stay lists. */
static const char *const lists[] = {"checks", "segments", "service.checks", "services", "services.checks", "watches"};

static const struct {
	const char *alias, *key;
} aliases[] = {
        {"check_id", "id"},
        {"checkid", "id"},
        {"deregistercriticalserviceafter", "deregister_critical_service_after"},
        {"dockercontainerid", "docker_container_id"},
        {"enabletagoverride", "enable_tag_override"},
        {"scriptargs", "args"},
        {"serviceid", "service_id"},
        {"tlsskipverify", "tls_skip_verify"},
};

static bool stays_list(struct slice path)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (slice_is(path, lists[i]))
			return true;
	return false;
}

static struct slice canonical(struct slice key)
{
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		if (slice_eq_fold(key, slice_of(aliases[i].alias)))
			return slice_of(aliases[i].key);
	return key;
}

static enum err shape_value(struct shape *s, struct slice path, const struct value *v, struct value *out);

/* Keeps one entry a key: the value of the last, at the place of the first. Returns how many are left. */
static uint32_t entries_unique(const struct value *v, struct value_entry *to)
{
	uint32_t n = 0;
	struct map seen;
	map_init(&seen, v->n);
	for (uint32_t i = 0; i < v->n; i++) {
		struct value_entry *known = map_get(&seen, v->entries[i].key);
		if (known) {
			known->val = v->entries[i].val;
			continue;
		}
		to[n] = v->entries[i];
		map_put(&seen, to[n].key, &to[n], NULL);
		n++;
	}
	map_free(&seen);
	return n;
}

/* An alias gets its canonical name; it is dropped where that name is there already. */
static void entries_translate(struct value *v)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < v->n; i++) {
		struct value_entry e = v->entries[i];
		struct slice key = canonical(e.key);
		if (!slice_eq(key, e.key)) {
			if (value_get(v, key))
				continue;
			e.key = key;
		}
		v->entries[n++] = e;
	}
	v->n = n;
}

static enum err shape_object(struct shape *s, struct slice path, const struct value *v, struct value *out)
{
	*out = *v;
	if (!v->n)
		return OK;
	out->entries = ARENA_ARRAY(s->arena, struct value_entry, v->n);
	if (!out->entries)
		return fail_set(s->fail, ERR_NO_MEMORY, "out of memory");
	out->n = entries_unique(v, out->entries);
	for (uint32_t i = 0; i < out->n; i++) {
		struct value_entry *e = &out->entries[i];
		struct value inner = e->val;
		struct slice name = path.n ? arena_str(s->arena, "%.*s.%.*s", PS(path), PS(e->key)) : e->key;
		enum err err = shape_value(s, name, &inner, &e->val);
		if (err)
			return err;
	}
	entries_translate(out);
	return OK;
}

static enum err shape_items(struct shape *s, struct slice path, const struct value *v, struct value *out)
{
	*out = *v;
	out->items = ARENA_ARRAY(s->arena, struct value, v->n);
	if (!out->items)
		return fail_set(s->fail, ERR_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < v->n; i++) {
		enum err err = shape_value(s, path, &v->items[i], &out->items[i]);
		if (err)
			return err;
	}
	return OK;
}

static enum err shape_list(struct shape *s, struct slice path, const struct value *v, struct value *out)
{
	if (!v->n) {
		*out = (struct value){.type = V_NULL};
		return OK;
	}
	if (stays_list(path))
		return shape_items(s, path, v, out);
	if (v->items[0].type != V_OBJECT) {
		*out = *v;
		return OK;
	}
	if (v->n > 1)
		return fail_set(s->fail, ERR_INVALID, "%.*s: more than one element is not supported here", PS(path));
	return shape_value(s, path, &v->items[0], out);
}

static enum err shape_value(struct shape *s, struct slice path, const struct value *v, struct value *out)
{
	enum err err = OK;
	if (++s->depth > CONFIG_DEPTH_MAX)
		return fail_set(s->fail, ERR_INVALID, "nested too deeply");
	if (v->type == V_OBJECT)
		err = shape_object(s, path, v, out);
	else if (v->type == V_LIST)
		err = shape_list(s, path, v, out);
	else
		*out = *v;
	s->depth--;
	return err;
}

enum err config_shape(const struct value *v, struct arena *a, struct value *out, struct fail *f)
{
	struct shape s = {.arena = a, .fail = f};
	return shape_value(&s, S_NONE, v, out);
}
