/* The replicated state as a server's disk has it: the newest usable snapshot and the log behind it, into the core.
 * Needs no process around it: the simulator starts its servers by the same. */
#ifndef CMD_AGENT_RECOVERY_LOG_H
#define CMD_AGENT_RECOVERY_LOG_H

#include "core/core.h"
#include "store/disk.h"
#include "store/wal.h"

struct log_recovery {
	struct disk *disk;
	struct core *core;
	struct epoch *epoch;
	struct logbuf *log;
	struct wal_options options;
	bool all; /* all of the log counts as committed */

	/* out */
	struct wal *wal;
	raft_index snapshot; /* 0: there is none */
	raft_term snapshot_term;
};

/* Before EV_START. A damaged log is an error, never silently skipped. */
enum err recovery_log(struct log_recovery *r, struct fail *f);

#endif
