/* DNS on a front: net's server and its client of recursors on one side, core's api/dns on the other.
 *
 * Most questions are answered inside the server's callback. One that needs something first (a recursor) is kept with a
 * copy of its packet and what is known for it so far, at most DNS_PENDING_MAX at a time. */
#ifndef CMD_AGENT_FRONT_DNS_H
#define CMD_AGENT_FRONT_DNS_H

#include "cmd/agent/front_thread.h"

enum { DNS_PENDING_MAX = 512 };

/* f->dns; nothing when the configuration has no DNS address. False: no memory, or a setting that cannot be. */
bool front_dns_init(struct front *f, struct fail *why);
bool front_dns_listen(struct front *f, struct fail *why);
void front_dns_free(struct front *f);

#endif
