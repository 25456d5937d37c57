/* consul maint */
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/say.h"
#include "core/base/slice.h"

static bool enable, disable;
static const char *reason = "", *service = "";

static const struct flag flags[] = {
        {"enable", FLAG_BOOL, &enable, "Begins maintenance."},
        {"disable", FLAG_BOOL, &disable, "Ends maintenance."},
        {"reason", FLAG_STRING, &reason, "A text that says why, with -enable."},
        {"service", FLAG_STRING, &service, "The id of the service meant; without it the node is."},
        {NULL},
};

const struct command_page page_maint = {
        .text = "Usage: consul maint [options]\n\n"
                "  Takes the node, or one of its services, out of use for a while: a critical\n"
                "  check keeps it out of the answers over DNS and the API. This lasts until it is\n"
                "  ended here, also when the agent is started anew.\n\n"
                "  Without options the node and services in maintenance are listed.",
        .flags = flags,
        .asks = ASKS_AGENT,
};

static int refuse(const char *why)
{
	complain("%s", why);
	return FAILED;
}

static void check_show(const struct value *check, struct slice node)
{
	struct slice id = value_text(check, "CheckID"), notes = value_text(check, "Notes");
	if (slice_is(id, "_node_maintenance"))
		say("Node:\n  Name:   %.*s\n  Reason: %.*s\n", PS(node), PS(notes));
	else if (slice_starts(id, S("_service_maintenance:")))
		say("Service:\n  ID:     %.*s\n  Reason: %.*s\n", PS(value_text(check, "ServiceID")), PS(notes));
}

static int maintenance_list(struct client *c, struct slice node)
{
	struct fail f;
	struct value checks;
	struct client_request r = client_request(c, "GET", "/v1/agent/checks");
	if (client_ask_json(c, &r, &checks, NULL, &f) != OK)
		return give_up("Error getting checks", &f);
	for (uint32_t i = 0; checks.type == V_OBJECT && i < checks.n; i++)
		check_show(&checks.entries[i].val, node);
	return DONE;
}

static int maintenance_set(struct client *c)
{
	struct fail f;
	struct client_answer a;
	const char *what = *service ? "service" : "node";
	struct client_request r = *service ? client_request(c, "PUT", "/v1/agent/service/maintenance/%s", service)
	                                   : client_request(c, "PUT", "/v1/agent/maintenance");
	request_param(&r, "enable", enable ? S("true") : S("false"));
	if (enable)
		request_param(&r, "reason", slice_of(reason));
	if (client_ask_ok(c, &r, &a, &f) != OK) {
		complain("Error %s %s maintenance: %s", enable ? "enabling" : "disabling", what, f.text);
		return FAILED;
	}
	if (*service)
		say("Service maintenance is now %s for %s", enable ? "enabled" : "disabled", quoted(slice_of(service)));
	else
		say("Node maintenance is now %s", enable ? "enabled" : "disabled");
	return DONE;
}

static int maintenance(struct client *c)
{
	struct fail f;
	struct slice node;
	if (client_node_name(c, &node, &f) != OK)
		return give_up("Error querying Consul agent", &f);
	return enable || disable ? maintenance_set(c) : maintenance_list(c, node);
}

int cmd_maint(struct words words)
{
	(void)words;
	if (enable && disable)
		return refuse("Only one of -enable or -disable may be provided");
	if (!enable && *reason)
		return refuse("Reason may only be provided with -enable");
	if (!enable && !disable && *service)
		return refuse("Service requires either -enable or -disable");
	return command_ask(maintenance);
}
