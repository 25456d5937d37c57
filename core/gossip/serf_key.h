/* Operations on the keyring of all members: Serf's queries about keys, answered here and counted here. */
#ifndef GOSSIP_SERF_KEY_H
#define GOSSIP_SERF_KEY_H

#include "core/gossip/swim.h"

enum query_kind { QUERY_APP, QUERY_KEY, QUERY_VOTE };

/* A query of ours, until its time is over. */
struct query {
	struct gossip_timer timer; /* first: swim.c finds the query by it */
	struct query *next;
	enum query_kind kind;
	uint64_t tag, ltime;
	uint32_t id, nodes; /* members asked */
	bool want_acks;
	struct map acks, answers; /* names */
	/* QUERY_VOTE */
	uint32_t votes, votes_for_us;
	uint32_t rival; /* sequence number of the ping */
	bool rival_lives;
	/* QUERY_KEY */
	uint32_t errors;
	struct map keys;     /* base64 → struct key_count */
	struct map messages; /* node → struct key_message */
};

void serf_key_result_init(struct gossip *g, struct query *q);
void serf_key_result_free(struct query *q);

/* A query about keys that came: false when its name is none of them. */
bool serf_key_take(struct gossip *g, const struct gossip_asked *to, struct slice name, struct slice payload);
/* An answer to ours. */
void serf_key_count(struct gossip *g, struct query *q, struct slice from, struct slice payload);
/* All have answered, or the time is over: GX_KEYS and GX_DONE. */
void serf_key_done(struct gossip *g, struct query *q);

#endif
