/* Internal.KeyringOperation: keys of the gossip pools, in every datacenter (agent/consul/internal_endpoint.go). */
#ifndef CORE_METHOD_KEYRING_H
#define CORE_METHOD_KEYRING_H

#include "core/method/method.h"
#include "core/method/requests.h"

struct keyring_request {
	struct read_head head;
	bool forwarded;         /* the LAN pool alone: whoever asks has asked the WAN, and asks all datacenters */
	struct slice key;       /* base64 */
	struct slice operation; /* list, install, use, remove */
	uint64_t relay;
};

/* What one pool said. */
struct keyring_response {
	bool wan;
	struct slice datacenter, segment, error;
	struct list messages; /* of struct pair: node → what went wrong there */
	struct value *keys;   /* an object: key → how many nodes have it */
	int64_t nodes;
};

struct keyring_responses {
	struct query_meta meta;
	struct list responses; /* of struct keyring_response */
};

struct ask_keyring;
struct keyring_reply;
/* The request for another datacenter; everything in the arena. */
void *keyring_far(const struct ask_keyring *ask, struct slice datacenter, struct slice token, struct arena *a);
/* What it replied (struct keyring_responses) as the agent has it; points into the reply. */
struct keyring_reply *keyring_take(const void *reply, struct arena *a);

#endif
