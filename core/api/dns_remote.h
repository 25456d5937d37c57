/* What DNS needs of the catalog and can't read here: a need → the call of a method → a fact. Pure; any front.
 *
 * Asked first with stale data allowed, if the configuration allows them; an answer that is too old is asked for again,
 * of the leader (Consul 1.0.8: agent/dns.go). */
#ifndef CORE_API_DNS_REMOTE_H
#define CORE_API_DNS_REMOTE_H

#include "core/api/api.h"
#include "core/api/dns.h"

struct dns_remote {
	const struct method *method; /* NULL: no such need can be asked for */
	struct read_head *head;      /* of the request */
	void *request, *reply;
	bool stale; /* stale data will do */
};

/* The call of a need, everything in the arena. */
struct dns_remote dns_remote_call(
        const struct agent_config *c, const struct dns_need *need, bool stale, struct arena *a);

/* It was answered: is that too old? Then ask again with stale == false. */
bool dns_remote_too_old(const struct agent_config *c, const struct dns_remote *r, struct logbuf *log);

/* The answer into the fact; all of it is copied to k->mem. */
void dns_remote_take(const struct dns_remote *r, struct dns_known *k, struct dns_fact *f);
/* It failed; ERR_ABSENT: there is no such query. */
void dns_remote_failed(struct dns_known *k, struct dns_fact *f, enum err e, struct slice why);

#endif
