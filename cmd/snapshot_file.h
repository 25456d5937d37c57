/* The archive of a snapshot as a file: a packed tar of meta.json, state.bin and SHA256SUMS, which has the sums of the
 * other two (Consul's own format, so that backups move both ways). */
#ifndef CMD_SNAPSHOT_FILE_H
#define CMD_SNAPSHOT_FILE_H

#include "core/base/arena.h"
#include "core/base/err.h"

struct snapshot_meta {
	struct slice id; /* in the arena */
	raft_index index;
	raft_term term;
	uint64_t version, size;
};

/* Reads all of `archive` and checks the sums. Errors as the reference has them: "failed to decompress snapshot: …". */
enum err snapshot_verify(struct slice archive, struct arena *a, struct snapshot_meta *out, struct fail *f);

#endif
