/* What a push/pull carries: every record of memberlist, then Serf's user state. Written, read, judged, merged. */
#ifndef GOSSIP_EXCHANGE_STATE_H
#define GOSSIP_EXCHANGE_STATE_H

#include "core/gossip/swim.h"

struct remote_state {
	struct msg_push_node *nodes; /* in the scratch arena */
	struct gossip_addr *addrs;
	uint32_t n;
	bool join;
	struct slice user;
};

/* `body` is what follows the type byte. */
enum err remote_state_read(struct gossip *g, struct slice body, struct remote_state *out, struct fail *f);
/* Nothing is merged when it fails: protocol versions that don't meet, or (joining) members that may not join;
 * ERR_TIMEOUT: an id's holder is being asked, join again when it has had its time. `from` is who sent it, for the log;
 * `served`: they came to us. */
enum err remote_state_merge(struct gossip *g, const struct remote_state *r, const struct gossip_addr *from,
        bool joining, bool served, bool ignore_old, struct fail *f);

#endif
