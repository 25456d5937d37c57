/* Maintenance: a critical check of its own that takes a service, or the whole node, out of answers. */
#include "core/agent/agent_parts.h"
#include "core/base/slice.h"
#include "core/base/text.h"

static const struct slice node_check = {"_node_maintenance", 17};

static const char no_reason_service[] =
        "Maintenance mode is enabled for this service, but no reason was provided. This is "
        "a default message.";
static const char no_reason_node[] = "Maintenance mode is enabled for this node, but no reason was provided. This is a "
                                     "default message.";

static bool has_check(struct agent *a, struct slice id)
{
	return local_check_get(db_working(a->db), id) != NULL;
}

/* True: the mode changed. */
static bool switch_mode(
        struct agent *a, const struct ask_maintenance *ask, struct health_check *check, const char *reason)
{
	struct fail f;
	if (has_check(a, check->check_id) == ask->enable)
		return false;
	check->status = S("critical");
	check->notes = ask->reason.n ? ask->reason : slice_of(reason);
	if (ask->enable)
		agent_add_check(a, check, NULL, KEPT, ask->token, FROM_FILES, &f);
	else
		agent_remove_check(a, check->check_id, KEPT, &f);
	return true;
}

enum err agent_maintain_service(struct agent *a, const struct ask_maintenance *ask, struct fail *f)
{
	char quoted[512];
	struct arena mem = {0};
	if (!local_service_get(db_working(a->db), ask->service_id))
		return fail_set(f, ERR_ABSENT, "No service registered with ID %s",
		        quote_cstr(ask->service_id, quoted, sizeof quoted));
	struct health_check check = {
	        .check_id = arena_str(&mem, "_service_maintenance:%.*s", PS(ask->service_id)),
	        .name = S("Service Maintenance Mode"),
	        .service_id = ask->service_id,
	};
	if (switch_mode(a, ask, &check, no_reason_service))
		log_info(a->log, "agent: Service \"%.*s\" %s maintenance mode", PS(ask->service_id),
		        ask->enable ? "entered" : "left");
	arena_free(&mem);
	return OK;
}

void agent_maintain_node(struct agent *a, const struct ask_maintenance *ask)
{
	struct health_check check = {.check_id = node_check, .name = S("Node Maintenance Mode")};
	if (switch_mode(a, ask, &check, no_reason_node))
		log_info(a->log, "agent: Node %s maintenance mode", ask->enable ? "entered" : "left");
}
