/* Definitions of services and checks: what a config file, the HTTP API or a file of the data directory says about a
 * service or a check before the agent registers it.
 *
 * One structure serves structs.CheckDefinition and structs.CheckType of the reference (the latter is the check of a
 * service: it calls its id CheckID and has neither service id nor token). Everything points into the arena it was read
 * with; copy with schema_copy. Plain data: any thread may read.
 *
 * Three spellings of the same fields:
 *   config files  snake_case, durations as text             core/agent/config_keys.c
 *   HTTP API      Go's names, any case, and some snake_case  definition_read_check, definition_read_service
 *   JSON out      Go's names in Go's order                   the schemas below
 * Source: Consul 1.0.8 agent/structs/check_definition.go, check_type.go, service_definition.go, agent/config.go. */
#ifndef AGENT_DEFINITION_H
#define AGENT_DEFINITION_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/schema.h"
#include "core/base/types.h"
#include "core/base/value.h"

struct check_definition {
	struct slice id;
	struct slice name;
	struct slice notes;
	struct slice service_id;
	struct slice token;
	struct slice status;
	struct slice script;
	struct list script_args; /* of struct slice */
	struct slice http;
	struct list header; /* of struct named_strs */
	struct slice method;
	struct slice tcp;
	dur_ns interval;
	struct slice docker_container_id;
	struct slice shell;
	struct slice grpc;
	bool grpc_use_tls;
	bool tls_skip_verify;
	dur_ns timeout;
	dur_ns ttl;
	dur_ns deregister_after; /* deregister_critical_service_after; 0: never */
};

struct service_definition {
	struct slice id;
	struct slice name;
	struct list tags; /* of struct slice */
	struct slice address;
	struct list meta; /* of struct pair; from the HTTP API only: 1.0.8 has no such key in files */
	int64_t port;
	struct check_definition check; /* HTTP only; files put their single check into `checks` */
	struct list checks;            /* of struct check_definition */
	struct slice token;
	bool enable_tag_override;
};

/* Go's names, in Go's order, durations as numbers: JSON of persisted checks ("ChkType") and of the API. */
extern const struct schema check_definition_schema; /* structs.CheckDefinition: ID, ServiceID, Token */
extern const struct schema check_type_schema;       /* structs.CheckType: CheckID */
extern const struct schema service_definition_schema;

/* The body of PUT /v1/agent/check/register and of /v1/agent/service/register, as parsed JSON: keys match without regard
 * to case, durations are texts or nanoseconds, unknown keys are ignored. ERR_INVALID with the reference's text, which
 * the caller prefixes with "Request decode failed: ". A null body leaves everything zero. */
enum err definition_read_check(const struct value *v, struct arena *a, struct check_definition *out, struct fail *f);
enum err definition_read_service(
        const struct value *v, struct arena *a, struct service_definition *out, struct fail *f);

/* What kind of check it is; Docker and scripts need the interval, too. */
bool check_is_script(const struct check_definition *c); /* has a script or args */
bool check_is_empty(const struct check_definition *c);  /* every field zero: as if not there */

/* CheckType.Validate: "Interval and TTL cannot both be specified" … */
enum err check_definition_check(const struct check_definition *c, struct fail *f);

/* The checks of a service, `check` first; each validated. *out is a list of struct check_definition in the arena. */
enum err service_definition_checks(
        const struct service_definition *s, struct arena *a, struct list *out, struct fail *f);

#endif
