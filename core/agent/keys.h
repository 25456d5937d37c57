/* Keys of the pools: install, use, remove, list on all members, the WAN pool and the LAN pool at once; what each pool
 * said. Source: Consul 1.0.8, agent/keyring.go and agent/consul/internal_endpoint.go, executeKeyringOp. */
#ifndef CORE_AGENT_KEYS_H
#define CORE_AGENT_KEYS_H

#include "core/gossip/gossip.h"
#include "core/message.h"

struct agent;

/* ASK_KEYRING; the reply is struct keyring_reply. */
struct ask_keyring {
	enum key_operation operation;
	struct slice key; /* base64 */
	uint8_t relay;
	bool lan_only;    /* another server has asked the WAN already */
	uint32_t waiting; /* for so many pools, then datacenters; the agent counts */
};

struct keyring_key {
	struct slice key; /* base64 */
	int64_t n;        /* nodes that have it */
};

/* One pool's answer. */
struct keyring_answer {
	bool wan;
	struct slice datacenter, segment;
	struct list messages; /* of struct pair: node → what went wrong there, sorted */
	struct list keys;     /* of struct keyring_key, sorted */
	int64_t nodes;
	struct slice error; /* empty: all is well */
};

/* ASK_KEYRING_FAR: the LAN pool of another datacenter. */
struct ask_keyring_far {
	struct slice datacenter;
	const struct ask_keyring *what; /* of the message that waits for it */
};

enum { KEYRING_ANSWERS_MAX = 32 }; /* both pools here, and that of each other datacenter */

/* WAN first, then our LAN, then those of other datacenters. */
struct keyring_reply {
	struct keyring_answer answers[KEYRING_ANSWERS_MAX];
	uint32_t n;
};

/* True: answered. */
bool keys_ask(struct agent *a, struct message *m);
/* GX_KEYS and GX_DONE of such a message. The latter: true when it was the last one. */
void keys_counted(struct message *m, enum gossip_pool pool, const struct gossip_keys *k);
bool keys_done(struct agent *a, struct message *m, enum gossip_pool pool, const struct gossip_effect *x);

#endif
