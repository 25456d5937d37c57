/* User events: told to all, delivered once, remembered for 512 ticks of their clock. */
#ifndef GOSSIP_SERF_EVENT_H
#define GOSSIP_SERF_EVENT_H

#include "core/gossip/swim.h"

void serf_event_send(struct gossip *g, const struct gossip_event *ev);
/* True if it is new: tell it on. */
bool serf_event_take(struct gossip *g, const struct msg_user_event *m);
/* Between the maps of a push/pull: the ring as 512 values, and back. */
void serf_event_put_ring(const struct gossip *g, struct buf *out);
void serf_event_merge_ring(struct gossip *g, struct mp_reader *r);
void serf_event_free(struct gossip *g);

#endif
