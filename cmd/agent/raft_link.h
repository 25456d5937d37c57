/* A link: our connection to one peer for one kind of Raft's requests.
 *
 *            send             connected             the first answer
 *   IDLE ----------> DIALING ----------> UP ----------------------> UP, patience back to nothing
 *     ^   too soon:     |                 |
 *     +-- WAITING ------+-----------------+  refused, closed, silent for too long: EV_RAFT_LOST
 *
 * Requests go out in order without waiting for answers (pipelined), and answers come in that order; the link remembers
 * the tags. What is sent before the connection stands waits; all of it is bounded, and a link that is full is lost. A
 * failed dial is repeated with the next request, after a pause that doubles from 10 ms to half a second.
 *
 * Thread: core. raft_link_send and raft_link_install never raise an event themselves: a failure comes from the loop. */
#ifndef CMD_AGENT_RAFT_LINK_H
#define CMD_AGENT_RAFT_LINK_H

#include "cmd/agent/raft_spool.h"
#include "core/base/logline.h"
#include "core/event.h"
#include "net/dial.h"

struct raft_link_host {
	struct loop *loop;
	struct logbuf *log;
	void *owner;
	/* How to dial this address: fills in *set (from, tls, tls_byte), whose pointers live until the next call. */
	void (*how)(void *owner, struct slice address, struct dial_settings *set);
	void (*event)(void *owner, struct event *ev); /* RAFT_ANSWER, RAFT_LOST; kind and raft are set */
};

enum { RAFT_LINK_PEER_MAX = 64 };

struct raft_link;

struct raft_link *raft_link_new(const struct raft_link_host *h, struct slice peer, uint8_t channel);
/* Silently. */
void raft_link_free(struct raft_link *l);
bool raft_link_is(const struct raft_link *l, struct slice peer, uint8_t channel);
bool raft_link_is_to(const struct raft_link *l, struct slice peer);

/* A request to the peer, who is at `address` ("ip:port") now. Copies what the kernel does not take. */
void raft_link_send(struct raft_link *l, struct slice address, uint64_t tag, struct slice bytes);
/* InstallSnapshot: the request's head, then the spool's bytes as the peer takes them. Takes over the spool. */
void raft_link_install(
        struct raft_link *l, struct slice address, uint64_t tag, struct slice head, struct raft_spool *spool);
/* What was to be sent can't be made: all under way is lost. */
void raft_link_fail(struct raft_link *l);

#endif
