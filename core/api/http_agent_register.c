/* /v1/agent/: services and checks come, change and go (agent/agent_endpoint.go). */
#include "core/agent/config.h"
#include "core/agent/definition.h"
#include "core/api/http_agent.h"
#include "core/base/mapstructure.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"
#include "core/base/value.h"
#include "core/state/catalog_write.h"

enum { UPDATE_OUTPUT_MAX = 4096 };

static void nothing(struct http_call *hc, struct message *m)
{
	(void)hc, (void)m;
}

enum api_state http_agent_ask(struct http_call *hc, struct message *m, void *request)
{
	m->request = request;
	return http_ask(hc, m, nothing);
}

static enum api_state out_of_memory(struct http_call *hc)
{
	return http_failed(hc, ERR_NO_MEMORY, S("out of memory"));
}

/* A question about one id: the rest of the path. */
static enum api_state ask_id(struct http_call *hc, enum ask ask)
{
	struct message *m = http_message(hc, ask);
	struct slice *id = m ? ARENA_NEW(&m->mem, struct slice) : NULL;
	if (!id)
		return m ? http_agent_ask(hc, m, NULL) : out_of_memory(hc);
	*id = arena_copy(&m->mem, http_rest(hc));
	return http_agent_ask(hc, m, id);
}

/* ---- services ---- */

static bool valid_status(struct slice s)
{
	return slice_is(s, "passing") || slice_is(s, "warning") || slice_is(s, "critical");
}

static bool is_any_address(struct slice s)
{
	return slice_is(s, "0.0.0.0") || slice_is(s, "::") || slice_is(s, "[::]");
}

/* True: it may be registered; else the answer says why not. */
static bool service_fine(struct http_call *hc, const struct service_definition *d)
{
	struct list checks;
	struct fail f;
	if (!d->name.n)
		return http_text(hc, 400, "Missing service name"), false;
	if (is_any_address(d->address))
		return http_text(hc, 400, "Invalid service address"), false;
	if (catalog_check_meta(d->meta, false, &f))
		return http_text(hc, 400, "Invalid Service Meta: %s", f.text), false;
	if (service_definition_checks(d, &hc->api->arena, &checks, &f))
		return http_text(hc, 400, "Invalid check: %s", f.text), false;
	const struct check_definition *at = checks.items;
	for (uint32_t i = 0; i < checks.n; i++)
		if (at[i].status.n && !valid_status(at[i].status))
			return http_text(hc, 400, "Status for checks must 'passing', 'warning', 'critical'"), false;
	return true;
}

enum api_state http_agent_service_register(struct http_call *hc)
{
	struct service_definition d;
	struct value body;
	struct fail f;
	enum err e = http_body_value(hc, &body, &f);
	e = e ? e : definition_read_service(&body, &hc->api->arena, &d, &f);
	if (e)
		return http_text(hc, 400, "Request decode failed: %s", f.text);
	if (!service_fine(hc, &d))
		return API_ANSWERED;
	struct message *m = http_message(hc, ASK_SERVICE_REGISTER);
	return m ? http_agent_ask(hc, m, schema_copy(&service_definition_schema, &d, &m->mem)) : out_of_memory(hc);
}

enum api_state http_agent_service_deregister(struct http_call *hc)
{
	return ask_id(hc, ASK_SERVICE_DEREGISTER);
}

/* ---- checks ---- */

enum api_state http_agent_check_register(struct http_call *hc)
{
	struct check_definition d;
	struct value body;
	struct fail f;
	enum err e = http_body_value(hc, &body, &f);
	e = e ? e : definition_read_check(&body, &hc->api->arena, &d, &f);
	if (e)
		return http_text(hc, 400, "Request decode failed: %s", f.text);
	if (!d.name.n)
		return http_text(hc, 400, "Missing check name");
	if (d.status.n && !valid_status(d.status))
		return http_text(hc, 400, "Bad check status");
	if (check_definition_check(&d, &f))
		return http_text(hc, 400, "Invalid check: %s", f.text);
	struct message *m = http_message(hc, ASK_CHECK_REGISTER);
	return m ? http_agent_ask(hc, m, schema_copy(&check_definition_schema, &d, &m->mem)) : out_of_memory(hc);
}

enum api_state http_agent_check_deregister(struct http_call *hc)
{
	return ask_id(hc, ASK_CHECK_DEREGISTER);
}

static enum api_state update(struct http_call *hc, struct slice status, struct slice output)
{
	struct message *m = http_message(hc, ASK_CHECK_UPDATE);
	struct ask_check_update *ask = m ? ARENA_NEW(&m->mem, struct ask_check_update) : NULL;
	if (ask)
		*ask = (struct ask_check_update){
		        .id = arena_copy(&m->mem, http_rest(hc)),
		        .status = arena_copy(&m->mem, status),
		        .output = arena_copy(&m->mem, output),
		};
	return m ? http_agent_ask(hc, m, ask) : out_of_memory(hc);
}

enum api_state http_agent_check_pass(struct http_call *hc)
{
	return update(hc, S("passing"), param_get(hc, "note"));
}

enum api_state http_agent_check_warn(struct http_call *hc)
{
	return update(hc, S("warning"), param_get(hc, "note"));
}

enum api_state http_agent_check_fail(struct http_call *hc)
{
	return update(hc, S("critical"), param_get(hc, "note"));
}

struct update_body {
	struct slice status, output;
};
static const struct field update_fields[] = {
        FIELD(struct update_body, status, "Status", F_STR, 0),
        FIELD(struct update_body, output, "Output", F_STR, 0),
};
static const struct schema update_schema = SCHEMA(struct update_body, "agent.checkUpdate", update_fields);

enum api_state http_agent_check_update(struct http_call *hc)
{
	struct update_body u = {0};
	struct value body;
	struct fail f;
	enum err e = http_body_value(hc, &body, &f);
	e = e ? e : mapstructure_read(&update_schema, &body, &u, &hc->api->arena, &f);
	if (e)
		return http_text(hc, 400, "Request decode failed: %s", f.text);
	if (!valid_status(u.status))
		return http_text(hc, 400, "Invalid check status: '%.*s'", PS(u.status));
	if (u.output.n > UPDATE_OUTPUT_MAX)
		u.output = arena_str(&hc->api->arena, "%.*s ... (captured %d of %zu bytes)", UPDATE_OUTPUT_MAX,
		        u.output.p, UPDATE_OUTPUT_MAX, u.output.n);
	return update(hc, u.status, u.output);
}

/* ---- maintenance ---- */

/* ?enable= and ?reason=. False: the answer is complete. */
static bool read_mode(struct http_call *hc, struct ask_maintenance *ask)
{
	struct slice raw = param_get(hc, "enable");
	char quoted[512];
	if (!param_has(hc, "enable"))
		return http_text(hc, 400, "Missing value for enable"), false;
	if (num_bool(raw, &ask->enable, NULL))
		return http_text(hc, 400, "Invalid value for enable: %s", quote_cstr(raw, quoted, sizeof quoted)),
		       false;
	ask->reason = param_get(hc, "reason");
	return true;
}

static enum api_state maintain(struct http_call *hc, enum ask kind, const struct ask_maintenance *mode)
{
	struct message *m = http_message(hc, kind);
	struct ask_maintenance *ask = m ? ARENA_NEW(&m->mem, struct ask_maintenance) : NULL;
	if (ask)
		*ask = (struct ask_maintenance){
		        .service_id = arena_copy(&m->mem, mode->service_id),
		        .enable = mode->enable,
		        .reason = arena_copy(&m->mem, mode->reason),
		        .token = m->token,
		};
	return m ? http_agent_ask(hc, m, ask) : out_of_memory(hc);
}

/* Does the world know the service? Else it is a plain 404, of which the log tells nothing. */
enum api_state http_agent_service_maintenance(struct http_call *hc)
{
	struct ask_maintenance mode = {.service_id = http_rest(hc)};
	char quoted[512];
	if (!mode.service_id.n)
		return http_text(hc, 400, "Missing service ID");
	if (!read_mode(hc, &mode))
		return API_ANSWERED;
	if (!db_get(hc->api->world->db, TREE_LOCAL_SERVICES, mode.service_id))
		return http_text(hc, 404, "No service registered with ID %s",
		        quote_cstr(mode.service_id, quoted, sizeof quoted));
	return maintain(hc, ASK_SERVICE_MAINTENANCE, &mode);
}

enum api_state http_agent_maintenance(struct http_call *hc)
{
	struct ask_maintenance mode = {0};
	return read_mode(hc, &mode) ? maintain(hc, ASK_NODE_MAINTENANCE, &mode) : API_ANSWERED;
}
