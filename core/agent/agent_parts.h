/* What the agent is made of, for the files that share it: agent.c (events and questions), register.c (services and
 * checks come and go), load.c (definitions of files, reload), maintenance.c. Not for others. */
#ifndef CORE_AGENT_AGENT_PARTS_H
#define CORE_AGENT_AGENT_PARTS_H

#include "core/agent/agent.h"
#include "core/agent/check.h"
#include "core/agent/join.h"
#include "core/agent/leave.h"
#include "core/agent/place.h"
#include "core/agent/persist.h"
#include "core/agent/remote_exec.h"
#include "core/agent/sync.h"
#include "core/agent/user_events.h"

/* Where a definition comes from: scripts need another permission. */
enum definition_source { FROM_FILES, FROM_HTTP };

struct agent {
	struct agent_host host;
	const struct agent_config *config;
	struct db *db;
	struct logbuf *log;
	struct local local;
	struct sync sync;
	struct checks_due checks;
	struct persist persist;
	struct user_events events;
	const struct gossip *pools[JOIN_POOLS]; /* by enum gossip_pool, for looking only; NULL: we have none such */
	struct joins joins;
	struct leave leave;
	struct place place;
	struct datacenter_order order; /* of the datacenters; looked up anew at order_due */
	mono_ns order_due;
	struct remote_exec remote;
	struct message *outbox;    /* own calls, by `next` */
	struct message *answered;  /* out of step with the catalog's: reloads, commands to the pools */
	struct message *reloading; /* the one that asked for a reload; one at a time */
	struct slice user_token, agent_token, agent_master_token; /* as set last */
	struct arena tokens;                                      /* all that were ever set: worlds point to them */
	/* of the step under way */
	mono_ns now;
	wall_ns wall;
	struct effects *out;
};

/* ---- register.c: texts of errors and order of steps as in Consul 1.0.8, agent/agent.go ---- */

enum persist_how { NOT_KEPT, KEPT };

/* AddService: the service, then its checks (struct check_definition). Checks that were there before keep their state.
 */
enum err agent_add_service(struct agent *a, const struct node_service *service, struct list checks,
        enum persist_how how, struct slice token, enum definition_source source, struct fail *f);
/* Unknown: a warning. */
enum err agent_remove_service(struct agent *a, struct slice id, enum persist_how how, struct fail *f);
/* AddCheck. type NULL: maintenance. */
enum err agent_add_check(struct agent *a, const struct health_check *check, const struct check_definition *type,
        enum persist_how how, struct slice token, enum definition_source source, struct fail *f);
enum err agent_remove_check(struct agent *a, struct slice id, enum persist_how how, struct fail *f);
enum err agent_set_check(struct agent *a, struct slice id, struct slice status, struct slice output, struct fail *f);
/* Services whose checks were critical for too long. */
void agent_reap(struct agent *a);

/* States of all checks, to be put back after definitions were taken on anew. In the arena. */
struct list agent_check_states(struct agent *a, struct arena *mem);
void agent_restore_states(struct agent *a, struct list states);

/* struct node_service and health_check of a definition. Shallow. */
struct node_service definition_service(const struct service_definition *d);
struct health_check definition_check(const struct check_definition *d);

/* ---- load.c ---- */
void agent_load(struct agent *a);
void agent_load_again(struct agent *a);

/* ---- maintenance.c ---- */
enum err agent_maintain_service(struct agent *a, const struct ask_maintenance *ask, struct fail *f);
void agent_maintain_node(struct agent *a, const struct ask_maintenance *ask);

#endif
