#include "core/state/delay.h"

#include "core/state/put.h"
#include "core/state/rows.h"

enum { SWEEP_EVERY_S = 1 };

static mono_ns until(const struct item *it)
{
	return *(const mono_ns *)item_payload(it);
}

mono_ns delay_until(const struct db_root *r, struct slice key)
{
	const struct item *it = db_get(r, TREE_LOCK_DELAYS, key);
	return it ? until(it) : 0;
}

void delay_set(struct state *s, struct slice key, dur_ns delay)
{
	struct item *it = db_item_new(s->db, key, sizeof(mono_ns));
	if (it)
		*(mono_ns *)item_payload_new(it) = s->now + delay;
	put_item(s, TREE_LOCK_DELAYS, it);
}

void delay_sweep(struct state *s)
{
	if (s->now - s->delays_swept < SWEEP_EVERY_S * NS_PER_S || !db_count(db_working(s->db), TREE_LOCK_DELAYS))
		return;
	s->delays_swept = s->now;
	struct rows over = ROWS(&s->scratch, struct slice);
	struct cursor c;
	cursor_prefix(&c, db_working(s->db), TREE_LOCK_DELAYS, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));)
		if (until(it) <= s->now)
			rows_add_key(&over, item_key(it));
	s->no_memory |= s->scratch.failed;
	for (uint32_t i = 0; !s->no_memory && i < over.n; i++)
		db_remove(s->db, TREE_LOCK_DELAYS, rows_key(&over, i));
}
