/* What does this directory say? Reads all segments in order and tells torn tails from bad middles (wal.h has the
 * reasoning).
 *
 *	headers of all segments     numbers without a gap; each names the end of the one before
 *	records of all but the last must check up to just that end, or ERR_CORRUPT
 *	records of the last         up to the first that does not check, at P; then the rest of the file is searched:
 *	    a whole head with synced > P   P had been on disk           → ERR_CORRUPT
 *	    only zeros                     the log ends here
 *	    anything else                  a crash in the middle of a write → cut: a new segment will say that this one
 *ends at P settle                      what no proof covers is written once more, in place, and synced
 *
 * Why settle: what we read may come from pages that never reached the disk, after kill -9, and after a failed sync
 * even from pages that the system no longer thinks of writing. Whoever read them would count them as durable.
 * Writing the same bytes again makes the pages dirty again; wherever this tears, old and new are the same. */
#ifndef STORE_WAL_RECOVER_H
#define STORE_WAL_RECOVER_H

#include "store/wal_trail.h"
#include "store/wal_window.h"

struct wal_segment {
	uint32_t seed;
	uint32_t end;     /* records lie before it */
	raft_index after; /* the last entry before its first record */
};

/* A log, as it stands. */
struct wal_state {
	struct disk *disk;
	char dir[DISK_PATH_MAX - 16];
	struct wal_trail trail;
	struct wal_hard hard;
	char vote[WAL_VOTE_MAX];
	struct wal_segment *segments; /* number first, first + 1 … */
	uint32_t first, n, cap;
	uint32_t size; /* of the last segment's file */
	bool torn;     /* the last segment must not be written to any more */
};

/* Fills the state, whose disk and dir are set, all else zero. After an error only recovery_free may follow. */
enum err wal_recover(struct wal_state *s, struct logbuf *log, struct fail *f);

struct wal_segment *recovery_segment(struct wal_state *s, uint32_t number);
/* Another segment, behind the last. False: no memory. Precondition: its number is the one after the last, if any. */
bool recovery_add(struct wal_state *s, uint32_t number, struct wal_segment segment);
void recovery_hard(struct wal_state *s, const struct wal_hard *h); /* copies it, the vote too */
void recovery_free(struct wal_state *s);

#endif
