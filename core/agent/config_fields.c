/* Slots into the fields of structures. */
#include "core/agent/config_building.h"

#include "core/base/num.h"
#include "core/base/slice.h"

dur_ns config_duration(struct config_building *b, struct slice name, struct slice text)
{
	struct fail f = {0};
	dur_ns d = 0;
	if (!dur_parse(text, &d, &f))
		return d;
	b->errors.n = 0;
	config_texts_add(&b->errors, b->arena, "%.*s: invalid duration: %.*s: %s", PS(name),
	        PS(config_quoted(text, b->arena)), f.text);
	return 0;
}

/* How errors name a duration; the reference lacks the section in one case. */
static struct slice duration_name(struct config_building *b, struct slice what, const char *key)
{
	if (what.n)
		return arena_str(b->arena, "%.*s.%s", PS(what), key);
	return strcmp(key, "dns_config.recursor_timeout") ? slice_of(key) : S("recursor_timeout");
}

static void field_set(struct config_building *b, const struct config_key *key, const struct config_slot *slot, void *at,
        struct slice what)
{
	switch (key->type) {
	case CT_BOOL: *(bool *)at = slot->b; break;
	case CT_INT: *(int64_t *)at = slot->i; break;
	case CT_FLOAT: *(double *)at = slot->f; break;
	case CT_STR: *(struct slice *)at = slot->s; break;
	case CT_DUR: *(dur_ns *)at = config_duration(b, duration_name(b, what, key->key), slot->s); break;
	default: *(struct list *)at = slot->l; break;
	}
}

void config_fields(struct config_building *b, const struct config_table *t, const struct config_slot *slots, void *obj,
        struct slice what)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->rows[i].key && !(t->rows[i].flags & CF_RAW) && slots[i].set)
			field_set(b, &t->rows[i], &slots[i], (char *)obj + t->rows[i].offset, what);
}

static void check_fill(struct config_building *b, struct config_slot *slots, struct check_definition *c)
{
	struct slice id = config_slot_of(&config_check_keys, slots, "id")->s;
	config_fields(b, &config_check_keys, slots, c, arena_str(b->arena, "check[%.*s]", PS(id)));
}

static struct list checks_fill(struct config_building *b, struct config_slot *many, struct config_slot *one)
{
	size_t n = many->set ? many->tables.count : 0;
	struct check_definition *all = ARENA_ARRAY(b->arena, struct check_definition, n + 1);
	if (!all)
		return (struct list){0};
	for (size_t i = 0; i < n; i++)
		check_fill(b, many->tables.items + i * config_check_keys.n, &all[i]);
	if (one && one->set)
		check_fill(b, one->table, &all[n++]);
	return (struct list){n ? all : NULL, (uint32_t)n};
}

static void service_fill(struct config_building *b, struct config_slot *slots, struct service_definition *s)
{
	s->checks = checks_fill(b, config_slot_of(&config_service_keys, slots, "checks"),
	        config_slot_of(&config_service_keys, slots, "check"));
	config_fields(b, &config_service_keys, slots, s, S_NONE);
}

void config_definitions(struct config_building *b)
{
	struct config_slot *services = config_slot_of(&config_keys, b->slots, "services");
	b->config->checks = checks_fill(b, config_slot_of(&config_keys, b->slots, "checks"), NULL);
	if (!services->set)
		return;
	struct service_definition *all = ARENA_ARRAY(b->arena, struct service_definition, services->tables.count);
	for (size_t i = 0; all && i < services->tables.count; i++)
		service_fill(b, services->tables.items + i * config_service_keys.n, &all[i]);
	b->config->services = (struct list){all, all ? (uint32_t)services->tables.count : 0};
}
