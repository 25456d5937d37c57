/* The log of a Raft server on disk: entries and the hard state, append only, in preallocated segments.
 *
 * A segment is a file `<dir>/0000000001.wal`, numbered without gaps. It begins with a header that repeats what one must
 * know of all earlier ones, so that those can be deleted; then records (wal_record.h) follow, each whole and checked by
 * itself. Nothing is ever written twice at one place: cutting the log is a record, a file that was spoiled by a failed
 * write or sync is left behind and the header of the next one says up to where it counts.
 *
 * Durable means: wal_sync gave OK after it. An append that is not synced may or may not be there after a crash, whole
 * records of it, from its beginning on. wal_cut_after, wal_reset and wal_forget_before sync by themselves.
 *
 * Errors. ERR_FULL: no space, ERR_IO: the disk said no; the text names file and offset. The log then stands at what it
 * had before the call (wal_sync: at what the last good wal_sync left; look at wal_last and wal_hard) and stays usable:
 * a later append begins a new segment, and works as soon as the disk does. Nothing that was synced is ever lost by
 * these. (wal_append syncs what was there when it begins a segment, so it, too, may go back. What failed may still be
 * found after a crash, as any unsynced append, until the next append succeeds.) ERR_CORRUPT from wal_open or a reader:
 * what was durable is not there as it was written; the text names file, offset, expected and found checksum. Nobody
 * repairs that silently: the server must not start.
 *
 * Torn or corrupt? A record that does not check is a *torn tail* if it can be explained by a crash before a sync: then
 * it and all behind it was never acknowledged, and it is cut. It is *corruption* when something proves that it had been
 * on disk. Proofs are carried by what was written later: each record says up to which offset of its segment all was
 * synced when it was written, and each segment's header says up to where its predecessor counts (a segment is begun
 * only when the one before is synced). A header checks by itself, without its data, so even a torn later record proves.
 * What no proof covers is just the last sync before the crash; wal_mark writes a proof for that, too (when idle, and on
 * close), without a sync of its own. Sizes of records are believed only after the header's checksum, which is salted:
 * bytes that a client puts into a value can look like a record only by guessing the salt.
 *
 * Threads: all calls come from one thread (log), or from different ones that take turns. Memory: about 16 KB a full
 * segment of 16 MiB, and one buffer for the batch. Limits below. */
#ifndef STORE_WAL_H
#define STORE_WAL_H

#include "core/base/err.h"
#include "core/base/logline.h"
#include "core/base/types.h"
#include "store/disk.h"

enum {
	WAL_SEGMENT_BYTES = 16 << 20, /* default size of a segment */
	WAL_BATCH_MAX = 256 << 20,    /* encoded bytes of one append; a larger one is refused with ERR_INVALID */
	WAL_VOTE_MAX = 255,           /* bytes of a candidate's name */
};

struct wal_entry {
	raft_index index;
	raft_term term;
	uint8_t type;      /* Raft's log type, not interpreted here */
	struct slice data; /* not interpreted here */
};

/* What a Raft server must not forget besides its entries. */
struct wal_hard {
	raft_term term;       /* current term */
	raft_term vote_term;  /* the term in which it voted last */
	struct slice vote;    /* for whom (at most WAL_VOTE_MAX bytes); empty: nobody yet */
	raft_index commit;    /* known committed when this was written; a hint, 0 if unknown */
	raft_term floor_term; /* the floor: nobody whose log is older gets its vote, nor does it stand; */
	raft_index floor;     /* core/raft/raft.h has the rule. 0, 0: the log itself tells */
};

struct wal_options {
	uint64_t segment_bytes; /* 0: WAL_SEGMENT_BYTES. At most 1 GiB. A larger batch gets a larger segment */
	uint64_t salt;          /* random, of the host; used for new segments only */
};

struct wal;

/* Opens the log in directory `dir` (made if absent), with all its records checked and everything that counts made
 * durable again. A torn tail is cut and said so in `log` (may be NULL). The disk must outlive the wal. Errors:
 * ERR_CORRUPT, ERR_IO, ERR_FULL, ERR_NO_MEMORY. *out is NULL then. */
enum err wal_open(struct wal **out, struct disk *d, const char *dir, const struct wal_options *opt, struct logbuf *log,
        struct fail *f);

/* Writes a mark, syncs it, frees all. Errors while doing so lose nothing that was synced and are not told. */
void wal_close(struct wal *w);

/* ---- what is there; never fails, no disk ---- */

raft_index wal_first(const struct wal *w); /* the oldest entry that can be read; wal_last + 1 when there is none */
raft_index wal_last(const struct wal *w);  /* 0: a new log */
/* The term of an entry, also of the one just before wal_first where that is known. 0: not known here. */
raft_term wal_term_of(const struct wal *w, raft_index index);
/* The hard state written last; all zero at first. `vote` points into the wal and lives until the next append. */
struct wal_hard wal_hard(const struct wal *w);
raft_index wal_synced(const struct wal *w); /* the last entry that is durable */

/* ---- writing ---- */

/* Appends the hard state (if not NULL) and then n entries, as one write. Entries are consecutive (MUST). All or
 * nothing, in memory; not durable before wal_sync. ERR_FAILED: the first is not wal_last + 1; so whoever sends batches
 * without waiting may go on sending after one failed, and each is refused until the sender has looked at wal_last. */
enum err wal_append(
        struct wal *w, const struct wal_hard *hard, const struct wal_entry *entries, size_t n, struct fail *f);

/* One fdatasync; none when there is nothing new. */
enum err wal_sync(struct wal *w, struct fail *f);

/* Drops the entries > index (a conflict with the leader's log). Precondition: wal_first - 1 <= index (MUST). Durable on
 * return. Nothing happens if there are no such entries. */
enum err wal_cut_after(struct wal *w, raft_index index, struct fail *f);

/* Drops all entries; the next one is index + 1, after an entry of this term (a snapshot was installed). Durable on
 * return; the old segments are deleted. */
enum err wal_reset(struct wal *w, raft_index index, raft_term term, struct fail *f);

/* The entries < index are no longer needed (there is a snapshot). Deletes whole segments, oldest first, so that some
 * of them stay; wal_first tells. */
enum err wal_forget_before(struct wal *w, raft_index index, struct fail *f);

/* Notes, without a sync, that all is synced: call it when there is nothing else to do. Does nothing if unsynced
 * entries are there or if the last record says so already. */
void wal_mark(struct wal *w);

/* ---- reading ---- */

/* Goes through entries in order:
 *	wal_cursor_open(&c, w, from);
 *	while (!(e = wal_next(&c, &entry, f)) && entry.index)
 *		…
 *	wal_cursor_close(&c);
 * An appended entry can be read at once, synced or not. Between wal_next and wal_next nothing may be cut, reset or
 *forgotten. */
struct wal_cursor {
	struct wal *wal;
	raft_index next;
	struct wal_window *window; /* the file and the part of it in memory */
	uint32_t segment, at;
};

/* Precondition: wal_first <= from <= wal_last + 1 (MUST). */
void wal_cursor_open(struct wal_cursor *c, struct wal *w, raft_index from);
/* The next entry, its data valid until the next call; index 0 behind the last. Each checksum is looked at again. */
enum err wal_next(struct wal_cursor *c, struct wal_entry *out, struct fail *f);
void wal_cursor_close(struct wal_cursor *c);

#endif
