/* A snapshot on its way to or from a peer: bytes in a file without a name, so that neither side's memory holds them
 * and nothing is left behind by a crash.
 *
 * Below the data directory where there is one, else in memory. Written front to back, then read as one piece. The bytes
 * need not survive anything, so they are never synced. */
#ifndef CMD_AGENT_RAFT_SPOOL_H
#define CMD_AGENT_RAFT_SPOOL_H

#include "core/base/err.h"
#include "core/base/types.h"

struct raft_spool {
	int fd; /* -1: closed */
	size_t written;
	const char *map; /* after raft_spool_view */
};

/* `dir`: a descriptor of the data directory; -1: in memory. */
enum err raft_spool_open(struct raft_spool *s, int dir, struct fail *f);
enum err raft_spool_write(struct raft_spool *s, struct slice bytes, struct fail *f);
/* All that was written; lives until the spool is closed. Nothing is written after it. */
enum err raft_spool_view(struct raft_spool *s, struct slice *out, struct fail *f);
/* May be called twice. */
void raft_spool_close(struct raft_spool *s);

#endif
