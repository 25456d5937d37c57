/* The newest entries of the log in memory: those not yet applied, and some more for followers that are behind.
 *
 * A ring of (base, last]; of `base` itself only the term is known. Data is lent by the proposer, or copied into chunks
 * that are filled one after another and freed as the entries leave at the other end. Entries that are cut off while the
 * log may still be writing them are buried: their data stays until that append is done. */
#ifndef CORE_RAFT_RAFT_CACHE_H
#define CORE_RAFT_RAFT_CACHE_H

#include "core/raft/raft.h"

struct raft_chunk {
	uint32_t live; /* entries whose data lies here, and one more while it is being filled */
	uint32_t used, cap;
	char bytes[];
};

struct raft_grave {
	struct raft_chunk *chunk;
	uint64_t until; /* sequence of the last append that may contain it */
};

struct raft_cache {
	struct raft_entry *ring; /* of `cap`, a power of two */
	size_t cap;
	raft_index base, last;
	raft_term base_term, last_term;
	size_t bytes; /* copied data of (base, last] */
	struct raft_chunk *open;
	struct raft_grave *graves;
	size_t graves_n, graves_cap;
};

bool raft_cache_init(struct raft_cache *c);
void raft_cache_free(struct raft_cache *c);

/* Empties it: the log goes on behind this entry. */
void raft_cache_reset(struct raft_cache *c, raft_index base, raft_term term, uint64_t sequence);

/* Precondition: base < index <= last. */
struct raft_entry *raft_cache_at(const struct raft_cache *c, raft_index index);
/* False: not known any more, or not there yet. */
bool raft_cache_term(const struct raft_cache *c, raft_index index, raft_term *term);

/* Puts an entry behind the last; `copy`: its data, too. False: no memory. */
bool raft_cache_add(struct raft_cache *c, const struct raft_entry *e, bool copy);
/* Copies what is lent. */
void raft_cache_own(struct raft_cache *c);
/* Drops the entries > after; the log may be writing them until the append `sequence`. */
void raft_cache_cut(struct raft_cache *c, raft_index after, uint64_t sequence);
/* Drops the oldest, up to `upto`. */
void raft_cache_forget(struct raft_cache *c, raft_index upto);
/* Appends up to `sequence` are done: frees what was buried with them. */
void raft_cache_unbury(struct raft_cache *c, uint64_t sequence);

#endif
