#include "core/agent/definition.h"

#include "core/base/slice.h"

#define CHECK(member, name, type) FIELD(struct check_definition, member, name, type, 0)

/* structs.CheckType and the second half of structs.CheckDefinition are the same fields in the same order. */
#define CHECK_TYPE_FIELDS                                                                                              \
	CHECK(script, "Script", F_STR), CHECK(script_args, "ScriptArgs", F_STRS), CHECK(http, "HTTP", F_STR),          \
	        CHECK(header, "Header", F_MAP_STRS), CHECK(method, "Method", F_STR), CHECK(tcp, "TCP", F_STR),         \
	        CHECK(interval, "Interval", F_DUR), CHECK(docker_container_id, "DockerContainerID", F_STR),            \
	        CHECK(shell, "Shell", F_STR), CHECK(grpc, "GRPC", F_STR), CHECK(grpc_use_tls, "GRPCUseTLS", F_BOOL),   \
	        CHECK(tls_skip_verify, "TLSSkipVerify", F_BOOL), CHECK(timeout, "Timeout", F_DUR),                     \
	        CHECK(ttl, "TTL", F_DUR), CHECK(deregister_after, "DeregisterCriticalServiceAfter", F_DUR)

static const struct field check_definition_fields[] = {
        CHECK(id, "ID", F_STR),
        CHECK(name, "Name", F_STR),
        CHECK(notes, "Notes", F_STR),
        CHECK(service_id, "ServiceID", F_STR),
        CHECK(token, "Token", F_STR),
        CHECK(status, "Status", F_STR),
        CHECK_TYPE_FIELDS,
};

static const struct field check_type_fields[] = {
        CHECK(id, "CheckID", F_STR),
        CHECK(name, "Name", F_STR),
        CHECK(status, "Status", F_STR),
        CHECK(notes, "Notes", F_STR),
        CHECK_TYPE_FIELDS,
};

const struct schema check_definition_schema =
        SCHEMA(struct check_definition, "structs.CheckDefinition", check_definition_fields);
const struct schema check_type_schema = SCHEMA(struct check_definition, "structs.CheckType", check_type_fields);

static const struct field service_definition_fields[] = {
        FIELD(struct service_definition, id, "ID", F_STR, 0),
        FIELD(struct service_definition, name, "Name", F_STR, 0),
        FIELD(struct service_definition, tags, "Tags", F_STRS, 0),
        FIELD(struct service_definition, address, "Address", F_STR, 0),
        FIELD(struct service_definition, meta, "Meta", F_MAP, 0),
        FIELD(struct service_definition, port, "Port", F_INT, 0),
        FIELD_SUB(struct service_definition, check, "Check", F_STRUCT, 0, &check_type_schema),
        FIELD_SUB(struct service_definition, checks, "Checks", F_LIST, 0, &check_type_schema),
        FIELD(struct service_definition, token, "Token", F_STR, 0),
        FIELD(struct service_definition, enable_tag_override, "EnableTagOverride", F_BOOL, 0),
};

const struct schema service_definition_schema =
        SCHEMA(struct service_definition, "structs.ServiceDefinition", service_definition_fields);

bool check_is_script(const struct check_definition *c)
{
	return c->script.n || c->script_args.n;
}

bool check_is_empty(const struct check_definition *c)
{
	static const struct check_definition nothing;
	return schema_equal(&check_type_schema, c, &nothing, true);
}

enum err check_definition_check(const struct check_definition *c, struct fail *f)
{
	bool runs = check_is_script(c) || c->http.n || c->tcp.n || c->grpc.n;
	if (c->interval > 0 && c->ttl > 0)
		return fail_set(f, ERR_INVALID, "Interval and TTL cannot both be specified");
	if (runs && c->interval <= 0)
		return fail_set(f, ERR_INVALID, "Interval must be > 0 for Script, HTTP, or TCP checks");
	if (!runs && c->ttl <= 0)
		return fail_set(f, ERR_INVALID, "TTL must be > 0 for TTL checks");
	return OK;
}

enum err service_definition_checks(
        const struct service_definition *s, struct arena *a, struct list *out, struct fail *f)
{
	const struct check_definition *more = s->checks.items;
	struct check_definition *all = ARENA_ARRAY(a, struct check_definition, s->checks.n + (size_t)1);
	enum err e = OK;
	uint32_t n = 0;
	if (!all)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	if (!check_is_empty(&s->check))
		all[n++] = s->check;
	for (uint32_t i = 0; i < s->checks.n; i++)
		all[n++] = more[i];
	for (uint32_t i = 0; !e && i < n; i++)
		e = check_definition_check(&all[i], f);
	*out = (struct list){n ? all : NULL, n};
	return e;
}
