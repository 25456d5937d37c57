/* Definitions as bodies of HTTP requests. Consul 1.0.8: agent/config.go (FixupCheckType), agent/http.go (decodeBody).
 */
#include "core/agent/config_building.h"
#include "core/agent/config_decode.h"
#include "core/agent/definition.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"

/* ---- the fields by Go's names; durations have become numbers before this is used ---- */

#define CHECK(n, t, field)                                                                                             \
	{                                                                                                              \
		.key = n, .type = t, .offset = offsetof(struct check_definition, field)                                \
	}
#define CHECK_TYPE_KEYS                                                                                                \
	CHECK("Name", CT_STR, name), CHECK("Notes", CT_STR, notes), CHECK("Status", CT_STR, status),                   \
	        CHECK("Script", CT_STR, script), CHECK("ScriptArgs", CT_STRS, script_args),                            \
	        CHECK("HTTP", CT_STR, http), CHECK("Header", CT_MAP_STRS, header), CHECK("Method", CT_STR, method),    \
	        CHECK("TCP", CT_STR, tcp), CHECK("Interval", CT_INT, interval),                                        \
	        CHECK("DockerContainerID", CT_STR, docker_container_id), CHECK("Shell", CT_STR, shell),                \
	        CHECK("GRPC", CT_STR, grpc), CHECK("GRPCUseTLS", CT_BOOL, grpc_use_tls),                               \
	        CHECK("TLSSkipVerify", CT_BOOL, tls_skip_verify), CHECK("Timeout", CT_INT, timeout),                   \
	        CHECK("TTL", CT_INT, ttl), CHECK("DeregisterCriticalServiceAfter", CT_INT, deregister_after)

static const struct config_key check_rows[] = {
        {.key = "ID", .type = CT_STR, .offset = offsetof(struct check_definition, id), .go_type = "types.CheckID"},
        CHECK("ServiceID", CT_STR, service_id),
        CHECK("Token", CT_STR, token),
        CHECK_TYPE_KEYS,
};
static const struct config_key check_type_rows[] = {
        {.key = "CheckID", .type = CT_STR, .offset = offsetof(struct check_definition, id), .go_type = "types.CheckID"},
        CHECK_TYPE_KEYS,
};
static const struct config_table check_keys = {check_rows, ARRAY_LEN(check_rows)};
static const struct config_table check_type_keys = {check_type_rows, ARRAY_LEN(check_type_rows)};

#define SERVICE(n, t, field)                                                                                           \
	{                                                                                                              \
		.key = n, .type = t, .offset = offsetof(struct service_definition, field)                              \
	}

static const struct config_key service_rows[] = {
        SERVICE("ID", CT_STR, id),
        SERVICE("Name", CT_STR, name),
        SERVICE("Tags", CT_STRS, tags),
        SERVICE("Address", CT_STR, address),
        SERVICE("Meta", CT_MAP, meta),
        SERVICE("Port", CT_INT, port),
        {.key = "Check", .type = CT_TABLE, .flags = CF_RAW, .sub = &check_type_keys},
        {.key = "Checks", .type = CT_TABLES, .flags = CF_RAW, .sub = &check_type_keys},
        SERVICE("Token", CT_STR, token),
        SERVICE("EnableTagOverride", CT_BOOL, enable_tag_override),
};
static const struct config_table service_keys = {service_rows, ARRAY_LEN(service_rows)};

/* ---- spellings and durations put right ---- */

struct alias {
	const char *alias, *key;
};

static const struct alias check_aliases[] = {
        {"args", "ScriptArgs"},
        {"script_args", "ScriptArgs"},
        {"deregister_critical_service_after", "DeregisterCriticalServiceAfter"},
        {"docker_container_id", "DockerContainerID"},
        {"tls_skip_verify", "TLSSkipVerify"},
        {"service_id", "ServiceID"},
        {NULL, NULL},
};

static const struct alias service_aliases[] = {{"enable_tag_override", "EnableTagOverride"}, {NULL, NULL}};

static const char *const durations[] = {"ttl", "interval", "timeout", "deregistercriticalserviceafter"};

/* A copy of an object whose keys have their canonical names; the value of an alias yields to that of the name itself.
 */
static bool object_copy(const struct value *v, const struct alias *aliases, struct arena *a, struct value *out)
{
	*out = *v;
	out->entries = ARENA_ARRAY(a, struct value_entry, v->n);
	out->n = 0;
	for (uint32_t i = 0; out->entries && i < v->n; i++) {
		struct value_entry e = v->entries[i];
		const struct alias *x = aliases;
		while (x->alias && !slice_eq_fold(e.key, slice_of(x->alias)))
			x++;
		if (x->alias) {
			if (value_get(v, slice_of(x->key)))
				continue;
			e.key = slice_of(x->key);
		}
		out->entries[out->n++] = e;
	}
	return out->entries != NULL;
}

static bool is_duration(struct slice key)
{
	for (size_t i = 0; i < ARRAY_LEN(durations); i++)
		if (slice_eq_fold(key, slice_of(durations[i])))
			return true;
	return false;
}

static enum err duration_fix(struct value_entry *e, struct arena *a, struct fail *f)
{
	char q[64];
	dur_ns d = 0;
	if (e->val.type == V_NUMBER || e->val.type == V_NULL)
		return OK;
	if (e->val.type != V_STRING)
		return fail_set(f, ERR_INVALID, "invalid %s: invalid format", quote_cstr(e->key, q, sizeof(q)));
	enum err err = dur_parse(e->val.text, &d, f);
	if (err)
		return fail_wrap(f, "invalid %s", quote_cstr(e->key, q, sizeof(q))), err;
	e->val = (struct value){.type = V_NUMBER, .text = arena_str(a, "%lld", (long long)d)};
	return OK;
}

static bool is_header(const struct value *v)
{
	if (v->type == V_NULL)
		return true;
	for (uint32_t i = 0; v->type == V_OBJECT && i < v->n; i++) {
		const struct value *list = &v->entries[i].val;
		if (list->type != V_LIST)
			return false;
		for (uint32_t j = 0; j < list->n; j++)
			if (list->items[j].type != V_STRING)
				return false;
	}
	return v->type == V_OBJECT;
}

/* Puts a check right in a copy; what is no object stays as it is, for the decoder to complain about. */
static enum err check_fix(const struct value *v, struct arena *a, struct value *out, struct fail *f)
{
	char q[64];
	enum err err = OK;
	*out = *v;
	if (v->type != V_OBJECT)
		return OK;
	if (!object_copy(v, check_aliases, a, out))
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; !err && i < out->n; i++) {
		struct value_entry *e = &out->entries[i];
		if (is_duration(e->key))
			err = duration_fix(e, a, f);
		else if (slice_eq_fold(e->key, S("header")) && !is_header(&e->val))
			err = fail_set(f, ERR_INVALID, "invalid %s: agent: invalid format of 'header' field",
			        quote_cstr(e->key, q, sizeof(q)));
	}
	return err;
}

static enum err checks_fix(struct value *list, struct arena *a, struct fail *f)
{
	struct value *items = ARENA_ARRAY(a, struct value, list->n);
	enum err err = items ? OK : fail_set(f, ERR_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; !err && i < list->n; i++)
		err = check_fix(&list->items[i], a, &items[i], f);
	list->items = items;
	return err;
}

static enum err service_fix(const struct value *v, struct arena *a, struct value *out, struct fail *f)
{
	enum err err = OK;
	*out = *v;
	if (v->type != V_OBJECT)
		return OK;
	if (!object_copy(v, service_aliases, a, out))
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; !err && i < out->n; i++) {
		struct value *inner = &out->entries[i].val, check = *inner;
		if (slice_eq_fold(out->entries[i].key, S("check"))) {
			err = check_fix(&check, a, inner, f);
		} else if (slice_eq_fold(out->entries[i].key, S("checks")) && inner->type == V_LIST) {
			err = checks_fix(inner, a, f);
		}
	}
	return err;
}

/* ---- values into fields ---- */

/* Slots of the table, or NULL with f. */
static struct config_slot *decode(const struct config_table *t, const struct value *v, struct arena *a, struct fail *f)
{
	struct config_decode d = {.arena = a};
	struct config_slot *slots = ARENA_ARRAY(a, struct config_slot, t->n);
	static const char *const kinds[] = {"", "bool", "float64", "string", "slice", "map"};
	if (!slots)
		return fail_set(f, ERR_NO_MEMORY, "out of memory"), NULL;
	if (v->type != V_OBJECT && v->type != V_NULL)
		return fail_set(f, ERR_INVALID, "'' expected a map, got '%s'", kinds[v->type]), NULL;
	config_decode(&d, t, v, slots);
	if (!d.errors.n)
		return slots;
	config_texts_sort(&d.errors);
	fail_set(f, ERR_INVALID, "%.*s", PS(config_texts_print(&d.errors, a, "error(s) decoding:")));
	return NULL;
}

enum err definition_read_check(const struct value *v, struct arena *a, struct check_definition *out, struct fail *f)
{
	struct config_building b = {.arena = a};
	struct value fixed;
	*out = (struct check_definition){0};
	enum err err = check_fix(v, a, &fixed, f);
	if (err)
		return err;
	struct config_slot *slots = decode(&check_keys, &fixed, a, f);
	if (!slots)
		return ERR_INVALID;
	config_fields(&b, &check_keys, slots, out, S_NONE);
	return OK;
}

enum err definition_read_service(const struct value *v, struct arena *a, struct service_definition *out, struct fail *f)
{
	struct config_building b = {.arena = a};
	struct value fixed;
	*out = (struct service_definition){0};
	enum err err = service_fix(v, a, &fixed, f);
	if (err)
		return err;
	struct config_slot *slots = decode(&service_keys, &fixed, a, f);
	if (!slots)
		return ERR_INVALID;
	const struct config_slot *one = config_slot_of(&service_keys, slots, "Check");
	const struct config_slot *many = config_slot_of(&service_keys, slots, "Checks");
	struct check_definition *checks = ARENA_ARRAY(a, struct check_definition, many->set ? many->tables.count : 0);
	if (!checks)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	for (size_t i = 0; many->set && i < many->tables.count; i++)
		config_fields(&b, &check_type_keys, many->tables.items + i * check_type_keys.n, &checks[i], S_NONE);
	config_fields(&b, &service_keys, slots, out, S_NONE);
	if (one->set)
		config_fields(&b, &check_type_keys, one->table, &out->check, S_NONE);
	if (many->set)
		out->checks = (struct list){checks, (uint32_t)many->tables.count};
	return OK;
}
