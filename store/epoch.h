/* When is an old version free? Quiescent-state reclamation.
 *
 * Every reader thread has a slot. Around each turn of its loop it announces: epoch_enter before it takes a world, and
 * epoch_leave when it holds nothing from it any more (before it waits for events). The writer stamps what it retires
 * with the current epoch and frees it when every slot is either outside or has entered later. No reader ever waits; a
 * reader that stays inside holds memory back, which is its cost. Proof in the .c. */
#ifndef STORE_EPOCH_H
#define STORE_EPOCH_H

#include "core/base/types.h"

enum { EPOCH_READERS_MAX = 64 };

struct epoch;

struct epoch *epoch_new(void);
void epoch_free(struct epoch *e);
int epoch_reader_add(struct epoch *e);         /* a slot number; -1 when all are taken. Before the threads start */
void epoch_enter(struct epoch *e, int reader); /* reader thread */
void epoch_leave(struct epoch *e, int reader);
uint64_t epoch_advance(struct epoch *e);    /* writer: begins a new epoch; returns the one that ended */
uint64_t epoch_now(const struct epoch *e);  /* writer: the epoch that is going on; the first is 1 */
uint64_t epoch_safe(const struct epoch *e); /* writer: everything retired in an epoch <= this may be freed */

#endif
