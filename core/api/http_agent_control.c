/* /v1/agent/: what the agent is told to do (agent/agent_endpoint.go). */
#include "core/agent/config.h"
#include "core/api/http_agent.h"
#include "core/base/mapstructure.h"
#include "core/base/slice.h"
#include "core/base/value.h"

static enum api_state out_of_memory(struct http_call *hc)
{
	return http_failed(hc, ERR_NO_MEMORY, S("out of memory"));
}

enum api_state http_agent_join(struct http_call *hc)
{
	struct message *m = http_message(hc, ASK_JOIN);
	struct ask_join *ask = m ? ARENA_NEW(&m->mem, struct ask_join) : NULL;
	struct slice *address = ask ? ARENA_NEW(&m->mem, struct slice) : NULL;
	if (address) {
		*address = arena_copy(&m->mem, http_rest(hc));
		ask->addresses = (struct list){address, 1};
		ask->wan = param_get(hc, "wan").n > 0;
	}
	return m ? http_agent_ask(hc, m, ask) : out_of_memory(hc);
}

static enum api_state ask_plain(struct http_call *hc, enum ask ask)
{
	struct message *m = http_message(hc, ask);
	return m ? http_agent_ask(hc, m, NULL) : out_of_memory(hc);
}

enum api_state http_agent_leave(struct http_call *hc)
{
	return ask_plain(hc, ASK_LEAVE);
}

enum api_state http_agent_reload(struct http_call *hc)
{
	return ask_plain(hc, ASK_RELOAD);
}

enum api_state http_agent_force_leave(struct http_call *hc)
{
	struct message *m = http_message(hc, ASK_FORCE_LEAVE);
	struct ask_force_leave *ask = m ? ARENA_NEW(&m->mem, struct ask_force_leave) : NULL;
	if (ask)
		*ask = (struct ask_force_leave){arena_copy(&m->mem, http_rest(hc)), param_has(hc, "prune")};
	return m ? http_agent_ask(hc, m, ask) : out_of_memory(hc);
}

/* ---- tokens ---- */

struct token_body {
	struct slice token;
};
static const struct field token_fields[] = {FIELD(struct token_body, token, "Token", F_STR, 0)};
static const struct schema token_schema = SCHEMA(struct token_body, "api.AgentToken", token_fields);

static bool is_token_name(struct slice s)
{
	return slice_is(s, "acl_token") || slice_is(s, "acl_agent_token") || slice_is(s, "acl_agent_master_token") ||
	       slice_is(s, "acl_replication_token");
}

/* With ACLs only the agent's own master token opens this, until tokens can be looked up. */
static bool may_set_tokens(struct http_call *hc)
{
	struct slice master = hc->api->world->agent_master_token;
	return master.n && slice_eq(params_token(hc), master);
}

enum api_state http_agent_token(struct http_call *hc)
{
	struct token_body t = {0};
	struct value body;
	struct fail f;
	if (!hc->api->world->config->acl_datacenter.n)
		return http_text(hc, 401, "ACL support disabled");
	if (!may_set_tokens(hc))
		return http_failed(hc, ERR_DENIED, S("Permission denied"));
	enum err e = http_body_value(hc, &body, &f);
	e = e ? e : mapstructure_read(&token_schema, &body, &t, &hc->api->arena, &f);
	if (e)
		return http_text(hc, 400, "Request decode failed: %s", f.text);
	if (!is_token_name(http_rest(hc)))
		return http_text(hc, 404, "Token \"%.*s\" is unknown", PS(http_rest(hc)));
	struct message *m = http_message(hc, ASK_TOKEN);
	struct ask_token *ask = m ? ARENA_NEW(&m->mem, struct ask_token) : NULL;
	if (ask)
		*ask = (struct ask_token){arena_copy(&m->mem, http_rest(hc)), arena_copy(&m->mem, t.token)};
	return m ? http_agent_ask(hc, m, ask) : out_of_memory(hc);
}
