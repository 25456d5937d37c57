/* May these members be merged with ours? If not, the sentence (Consul's merge guards).
 *
 * LAN: one datacenter, one segment, node ids that differ. WAN: servers only. A member that is dead or has left holds no
 * id: whoever comes after it, a container made anew, may have it. */
#ifndef GOSSIP_JOINABLE_H
#define GOSSIP_JOINABLE_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/gossip/gossip.h"

struct candidate {
	struct slice name, meta;
	struct gossip_addr addr;
	bool dead;
};

/* Who share an id: one of them and ourselves (other NULL), or two of them; one NULL: nobody. */
struct clash {
	const struct candidate *one, *other;
};

/* ERR_DENIED with Consul's words in *f. *detail (of `a`) says what they leave out: the member's address, and both
 * datacenters, in one line for the log. *clash (may be NULL) says whether it was for an id. */
enum err joinable(const struct gossip_config *us, const struct candidate *them, uint32_t n, struct arena *a,
        struct slice *detail, struct clash *clash, struct fail *f);

#endif
