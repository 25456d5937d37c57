/* Files of the data directory in which services, checks and TTL states given over HTTP outlive the agent, byte for byte
 * as Consul 1.0.8 writes them: services/<md5 of id>, checks/<md5 of id>, checks/state/<md5 of id>.
 *
 * Writing is an effect; nothing is written in -dev. Reading: the host hands all files over before the start
 * (persist_keep), the loading of definitions asks for them. */
#ifndef CORE_AGENT_PERSIST_H
#define CORE_AGENT_PERSIST_H

#include "core/agent/local.h"
#include "core/effect.h"

struct kept_file {
	struct slice name, bytes;
};

struct persist {
	const struct agent_config *config;
	struct logbuf *log;
	struct arena mem; /* of what was kept; gone after the start */
	struct kept_file *files;
	uint32_t n, cap;
};

void persist_init(struct persist *p, const struct agent_config *c, struct logbuf *log);
void persist_free(struct persist *p);
void persist_keep(struct persist *p, struct slice name, struct slice bytes);
void persist_forget(struct persist *p); /* what was kept */

void persist_service(const struct persist *p, const struct local_service *s, struct effects *out);
void persist_check(const struct persist *p, const struct local_check *c, struct effects *out);
/* `expires`: when the state is worth nothing any more. */
void persist_state(const struct persist *p, struct slice check_id, struct slice status, struct slice output,
        wall_ns expires, struct effects *out);
void purge_service(const struct persist *p, struct slice id, struct effects *out);
void purge_check(const struct persist *p, struct slice id, struct effects *out);
void purge_state(const struct persist *p, struct slice id, struct effects *out);

/* The next kept file of a kind; *at starts at 0. False: no more. Bad files are logged and skipped. Memory: the arena.
 */
bool persist_next_service(struct persist *p, uint32_t *at, struct arena *a, struct local_service *out);
bool persist_next_check(struct persist *p, uint32_t *at, struct arena *a, struct local_check *out);
/* The state of a TTL check, unless expired (then its file goes). */
bool persist_state_of(struct persist *p, struct slice check_id, wall_ns now, struct arena *a, struct slice *status,
        struct slice *output, struct effects *out);
/* "<data_dir>/services/<hash>", for log lines. */
struct slice persist_path(const struct persist *p, const char *kind, struct slice id, struct arena *a);

#endif
