/* Connections of peers who send us Raft's requests: cut into whole requests for the core, answered in order.
 *
 *   READING --- InstallSnapshot, whole ---> RECEIVING --- its bytes are all there ---> LENT --- answered ---> READING
 *
 * A connection is known by a number that is never used again. What follows an InstallSnapshot goes into a spool
 * (raft_spool.h) and is lent to the core until the answer. Limits: connections, bytes of a request, requests without an
 * answer (then nothing more is read from that peer).
 *
 * Thread: core. raft_incoming_answer never raises an event itself. */
#ifndef CMD_AGENT_RAFT_INCOMING_H
#define CMD_AGENT_RAFT_INCOMING_H

#include "core/base/logline.h"
#include "core/event.h"
#include "net/stream.h"

struct raft_incoming_host {
	struct loop *loop;
	struct logbuf *log;
	int spool_dir; /* descriptor of the data directory; -1: in memory */
	void *owner;
	void (*event)(void *owner, struct event *ev); /* RAFT_REQUEST, RAFT_CLOSED; kind and raft are set */
};

struct raft_incoming;

struct raft_incoming *raft_incoming_new(const struct raft_incoming_host *h); /* NULL: no memory */
void raft_incoming_free(struct raft_incoming *in);

/* Takes over a connection whose first byte said Raft: a stream that has left its loop, with what was read behind that
 * byte. False: it is closed. */
bool raft_incoming_take(struct raft_incoming *in, struct stream *s);
/* The oldest open request's answer; empty: the connection is closed. Nothing if it is gone. */
void raft_incoming_answer(struct raft_incoming *in, uint64_t conn, struct slice bytes);

#endif
