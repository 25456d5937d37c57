/* Coordinates that arrived since the last batch: the leader writes them together once a period, the newest of each
 * node. Bounded: beyond COORDINATE_PENDING_MAX nodes the surplus of a period is dropped and counted. Thread: core. */
#ifndef CORE_LEADER_COORDINATE_BATCH_H
#define CORE_LEADER_COORDINATE_BATCH_H

#include "core/base/logline.h"
#include "store/model.h"

enum { COORDINATE_PENDING_MAX = 128 * 5, COORDINATE_BATCH = 128 };

struct coordinate_batch {
	struct arena mem;
	struct coordinate_entry *pending; /* of COORDINATE_PENDING_MAX */
	uint32_t n, dropped;
	mono_ns due; /* INT64_MAX: nothing pending */
};

void coordinate_batch_init(struct coordinate_batch *b);
void coordinate_batch_free(struct coordinate_batch *b);

/* Notes a coordinate (copied). The first of a batch sets `due` to now + period. */
void coordinate_batch_add(struct coordinate_batch *b, const struct coordinate_entry *e, mono_ns now, dur_ns period);

/* The pending ones as lists of at most COORDINATE_BATCH; *from starts at 0. False when all were taken; then clear it.
 */
bool coordinate_batch_take(struct coordinate_batch *b, uint32_t *from, struct list *out);
void coordinate_batch_clear(struct coordinate_batch *b, struct logbuf *log);

#endif
