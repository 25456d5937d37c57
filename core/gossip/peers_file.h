/* The file that remembers whom to join again: Serf's snapshot, as lines.
 *
 * "alive: NAME IP:PORT", "not-alive: NAME", "clock: N", "event-clock: N", "query-clock: N", "leave", comments. Lines
 * are only appended; above PEERS_FILE_MAX bytes the file is written anew from what is known. The core says what to
 * write (GX_SNAPSHOT); the host has the file. */
#ifndef GOSSIP_PEERS_FILE_H
#define GOSSIP_PEERS_FILE_H

#include "core/base/arena.h"
#include "core/gossip/gossip.h"

enum { PEERS_FILE_MAX = 128 << 10, PEERS_FILE_PREVIOUS_MAX = 65536 };

struct peers_file {
	uint64_t clock, event_clock, query_clock; /* as last written */
	size_t size;
	bool closed; /* after a leave nothing more is written */
};

struct previous_peer {
	struct slice name, addr;
};

/* What a file says: members that were alive (into the arena) and the clocks. Total: bad lines are said and skipped. */
void peers_file_read(struct slice bytes, bool rejoin_after_leave, struct arena *a, struct logbuf *log,
        struct peers_file *out, struct previous_peer **alive, uint32_t *n);

struct gossip;
struct peer;

void peers_file_alive(struct gossip *g, const struct peer *p);
void peers_file_not_alive(struct gossip *g, const struct peer *p);
void peers_file_clock(struct gossip *g);
void peers_file_event(struct gossip *g, uint64_t ltime);
void peers_file_query(struct gossip *g, uint64_t ltime);
void peers_file_leave(struct gossip *g);

#endif
