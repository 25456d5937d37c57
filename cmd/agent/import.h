/* The in-place switch: the data directory of a real Consul server becomes ours at the first start on it.
 *
 * Its snapshots (raft/snapshots) have our format already; its log and hard state (raft/raft.db, BoltDB) are copied into
 * a log of ours. The old file stays, as raft/raft.db.imported. Safe against a crash at any step: the copy is made
 *beside, under a name that nobody reads, and the two renames at the end can be told apart at the next start.
 *
 *	raft.db   wal         what it means
 *	no        any         nothing to do
 *	yes       none        copy: wal.import → wal, then raft.db → raft.db.imported
 *	yes       as new      the crash came between the two renames: only the second is missing
 *	yes       older       the real one ran again after a switch: nobody knows which is right; the start is refused
 */
#ifndef CMD_AGENT_IMPORT_H
#define CMD_AGENT_IMPORT_H

#include "cmd/agent/process.h"

/* Before the log is opened. ERR_IO: a process still has raft.db open; ERR_CORRUPT: it can't be read, the text names the
 * offset; ERR_FAILED: see above. */
enum err import_run(struct process *p, struct fail *f);

/* The same on any disk, without the look whether another process is at work. */
enum err import_carry(struct disk *d, uint64_t salt, struct logbuf *log, struct fail *f);

#endif
