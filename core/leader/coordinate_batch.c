#include "core/leader/coordinate_batch.h"

#include "core/base/slice.h"

void coordinate_batch_init(struct coordinate_batch *b)
{
	*b = (struct coordinate_batch){.due = INT64_MAX};
}

void coordinate_batch_free(struct coordinate_batch *b)
{
	arena_free(&b->mem);
	coordinate_batch_init(b);
}

static struct coordinate_entry *slot_of(struct coordinate_batch *b, const struct coordinate_entry *e)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (slice_eq(b->pending[i].node, e->node) && slice_eq(b->pending[i].segment, e->segment))
			return &b->pending[i];
	return b->n < COORDINATE_PENDING_MAX ? &b->pending[b->n++] : NULL;
}

void coordinate_batch_add(struct coordinate_batch *b, const struct coordinate_entry *e, mono_ns now, dur_ns period)
{
	if (!b->pending)
		b->pending = ARENA_ARRAY(&b->mem, struct coordinate_entry, COORDINATE_PENDING_MAX);
	struct coordinate_entry *copy = b->pending ? schema_copy(&coordinate_entry_schema, e, &b->mem) : NULL;
	struct coordinate_entry *slot = copy ? slot_of(b, e) : NULL;
	if (!slot) {
		b->dropped++;
		return;
	}
	*slot = *copy;
	if (b->due == INT64_MAX)
		b->due = now + period;
}

bool coordinate_batch_take(struct coordinate_batch *b, uint32_t *from, struct list *out)
{
	uint32_t left = b->n - *from;
	if (!left)
		return false;
	*out = (struct list){&b->pending[*from], left < COORDINATE_BATCH ? left : COORDINATE_BATCH};
	*from += out->n;
	return true;
}

void coordinate_batch_clear(struct coordinate_batch *b, struct logbuf *log)
{
	if (b->dropped)
		log_warn(log, "consul.coordinate: Discarded %u coordinate updates", b->dropped);
	coordinate_batch_free(b);
}
