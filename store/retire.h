/* What the writer let go of while readers may still look at it, in the order in which it was let go.
 *
 * Pieces let go in one transaction form a batch. It gets the epoch in which its transaction is published, and is freed
 * when no reader is left from that epoch or before. A pinned root holds back those pieces of later batches that it
 * still reaches. Freeing goes in slices, so that dropping a million keys does not stop the writer. Thread: the
 * writer's. */
#ifndef STORE_RETIRE_H
#define STORE_RETIRE_H

#include "store/slab.h"
#include "store/twig.h"

enum retired_kind { RETIRED_BATCH, RETIRED_ITEM, RETIRED_BRANCH, RETIRED_TREE, RETIRED_ROOT };

struct retired_piece {
	uintptr_t what; /* address and kind; a batch: its version and kind */
	uint64_t more;  /* item, tree: number of its tree; tree: and its weight; a batch: its epoch */
};

struct held_piece {
	struct retired_piece piece;
	uint64_t version; /* of its batch */
};

/* Does a pinned root still reach what was retired in `version`? */
typedef bool retired_pinned(const void *ctx, enum retired_kind kind, const void *p, uint8_t tree, uint64_t version);

struct retired {
	struct slab *slab;
	struct retired_piece *q; /* [head, tail) */
	size_t head, tail, cap;
	size_t base;             /* how many pieces were ever taken off in front: head and tail as lasting numbers */
	size_t open;             /* number of the batch that is being filled; 0: none */
	uint64_t version;        /* of the batch that is being freed */
	struct branch *doomed;   /* branches nobody sees, linked through `made`; what hangs below them goes, too */
	struct held_piece *held; /* what pins hold: [0, kept) known, [check, held_n) to be looked at again */
	size_t kept, check, held_n, held_cap;
	size_t bytes; /* retired and not yet freed */
};

void retired_init(struct retired *r, struct slab *slab);
void retired_free(struct retired *r);

/* Room for n pieces; false: no memory. Each retired_* below takes one, and a batch one more. */
bool retired_room(struct retired *r, size_t n);
void retired_item(struct retired *r, uint64_t version, const struct item *it, uint8_t tree);
void retired_branch(struct retired *r, uint64_t version, struct branch *b);
void retired_tree(struct retired *r, uint64_t version, twig t, uint8_t tree, size_t weight);
void retired_root(struct retired *r, uint64_t version, void *root, size_t size);

/* A mark to come back to. Undoing takes what was retired since out of the queue again, last first, one piece a call: it
 * is in use. False when all are out. */
size_t retired_mark(const struct retired *r);
bool retired_undo(struct retired *r, size_t mark, struct retired_piece *out);
static inline enum retired_kind piece_kind(struct retired_piece p)
{
	return (enum retired_kind)(p.what & 7);
}
static inline void *piece_address(struct retired_piece p)
{
	return (void *)(p.what & ~(uintptr_t)7);
}

/* Ends the batch being filled; how many pieces it has. */
size_t retired_close(struct retired *r, uint64_t epoch);
/* Frees up to `budget` pieces of batches of epochs <= safe; true: there was more. */
bool retired_reclaim(struct retired *r, uint64_t safe, size_t budget, retired_pinned *pinned, const void *ctx);
/* A pin is gone: what it held is looked at again by the next reclaims. */
void retired_unpinned(struct retired *r);

#endif
