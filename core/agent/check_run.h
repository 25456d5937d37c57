/* One run of a check, as asked of the host (EFF_CHECK_RUN). The host copies what it needs. */
#ifndef CORE_AGENT_CHECK_RUN_H
#define CORE_AGENT_CHECK_RUN_H

#include "core/base/arena.h"
#include "core/base/types.h"

enum check_kind { CHECK_SCRIPT, CHECK_HTTP, CHECK_TCP, CHECK_DOCKER, CHECK_GRPC };

struct check_run {
	struct slice id;
	uint64_t run; /* comes back with EV_CHECK_DONE; a later run of the same check makes earlier ones void */
	enum check_kind kind;
	dur_ns timeout;
	struct slice script;                     /* SCRIPT, DOCKER: a shell line … */
	struct list script_args;                 /* … or an argument vector */
	struct slice shell, docker_container_id; /* DOCKER */
	struct slice http, method;               /* HTTP */
	struct list header;                      /* of struct named_strs */
	bool tls_skip_verify;
	struct slice tcp;
	struct slice user_agent;
};

/* With all that it points to. A full arena says so itself. */
void check_run_copy(struct check_run *to, const struct check_run *from, struct arena *a);

#endif
