/* Queries: a question to all members, answered straight to the asker (and through others, when asked for); among them
 * Serf's own: pings, the vote about a name, operations on the keyring. */
#ifndef GOSSIP_SERF_QUERY_H
#define GOSSIP_SERF_QUERY_H

#include "core/gossip/swim.h"

void serf_query_send(struct gossip *g, const struct gossip_event *ev);
void serf_query_key(struct gossip *g, const struct gossip_event *ev);
/* On who may keep our name, we or the one at `rival`. He is asked, too: whoever is silent is not there to yield to,
 * whatever the others still believe. */
void serf_query_vote(struct gossip *g, const struct gossip_addr *rival);
/* True if the ack was his. */
bool serf_query_rival_answered(struct gossip *g, uint32_t seq);
void serf_query_respond(struct gossip *g, const struct gossip_event *ev);
void serf_query_answer(struct gossip *g, const struct gossip_asked *to, struct slice payload);
/* True if it is new: tell it on. */
bool serf_query_take(struct gossip *g, const struct msg_query *m);
void serf_query_take_response(struct gossip *g, const struct msg_response *m);
void serf_query_timeout(struct gossip *g, struct query *q);
void serf_query_free(struct gossip *g);

dur_ns serf_query_default_timeout(const struct gossip *g);

#endif
