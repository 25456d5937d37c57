/* Epochs: the rules one by one, then a writer and readers on real threads (worth most under MODE=tsan and asan). */
#include "store/epoch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/rand.h"
#include "store/db.h"
#include "tests/test.h"

TEST(epoch, nobody_inside_frees_what_has_ended)
{
	struct epoch *e = epoch_new();
	ASSERT(e);
	CHECK_EQ(epoch_safe(e), 0);
	CHECK_EQ(epoch_advance(e), 1);
	CHECK_EQ(epoch_safe(e), 1);
	CHECK_EQ(epoch_now(e), 2);
	epoch_free(e);
}

TEST(epoch, a_reader_inside_holds_back_from_where_it_entered)
{
	struct epoch *e = epoch_new();
	int a = epoch_reader_add(e), b = epoch_reader_add(e);
	epoch_enter(e, a);
	CHECK_EQ(epoch_advance(e), 1);
	CHECK_EQ(epoch_safe(e), 0);
	epoch_enter(e, b);
	CHECK_EQ(epoch_advance(e), 2);
	CHECK_EQ(epoch_safe(e), 0);
	epoch_leave(e, a);
	CHECK_EQ(epoch_safe(e), 1);
	epoch_leave(e, b);
	CHECK_EQ(epoch_safe(e), 2);
	epoch_enter(e, a);
	CHECK_EQ(epoch_safe(e), 2);
	epoch_free(e);
}

TEST(epoch, slots_run_out)
{
	struct epoch *e = epoch_new();
	for (int i = 0; i < EPOCH_READERS_MAX; i++)
		CHECK_EQ(epoch_reader_add(e), i);
	CHECK_EQ(epoch_reader_add(e), -1);
	epoch_free(e);
}

/* ---- threads ----
 *
 * The writer keeps pairs of keys equal within a root: a reader that sees half a transaction, or memory given out again,
 * finds a pair that differs. As in the agent, readers find the root through a pointer that the writer sets after
 * db_publish and before epoch_advance. */

enum { READERS = 3, PAIRS = 64, ROUNDS = 4000 };

struct stage {
	struct epoch *epoch;
	struct db *db;
	_Atomic(const struct db_root *) shown;
	atomic_bool over;
	atomic_int wrong;
	atomic_long looks;
};

struct reader {
	struct stage *stage;
	pthread_t thread;
	int slot;
};

static struct slice pair_key(char *to, char side, unsigned pair)
{
	return (struct slice){to, (size_t)sprintf(to, "%c/%u", side, pair)};
}

static uint64_t pair_value(const struct db_root *r, char side, unsigned pair)
{
	char key[16];
	uint64_t v = 0;
	const struct item *it = db_get(r, TREE_KV, pair_key(key, side, pair));
	if (it)
		memcpy(&v, item_payload(it), sizeof v);
	return v;
}

static bool root_whole(const struct db_root *r, struct rand *rand)
{
	struct cursor c;
	size_t n = 0;
	for (int i = 0; i < 8; i++) {
		unsigned pair = (unsigned)rand_below(rand, PAIRS);
		if (pair_value(r, 'a', pair) != pair_value(r, 'b', pair))
			return false;
	}
	cursor_prefix(&c, r, TREE_KV, S("b/"));
	while (cursor_next(&c))
		n++;
	return 2 * n == db_count(r, TREE_KV);
}

static void *read_on(void *arg)
{
	struct reader *self = arg;
	struct stage *s = self->stage;
	struct rand rand;
	rand_seed(&rand, (uint64_t)self->slot);
	while (!atomic_load_explicit(&s->over, memory_order_relaxed)) {
		epoch_enter(s->epoch, self->slot);
		const struct db_root *r = atomic_load_explicit(&s->shown, memory_order_acquire);
		for (uint64_t i = rand_below(&rand, 6); i < 6; i++)
			if (!root_whole(r, &rand))
				atomic_fetch_add(&s->wrong, 1);
		epoch_leave(s->epoch, self->slot);
		atomic_fetch_add_explicit(&s->looks, 1, memory_order_relaxed);
	}
	return NULL;
}

static void put_value(struct db *db, struct slice key, uint64_t value)
{
	struct item *it = db_item_new(db, key, sizeof value);
	ASSERT(it);
	memcpy(item_payload_new(it), &value, sizeof value);
	ASSERT(db_put(db, TREE_KV, it));
}

static void write_round(struct stage *s, struct rand *rand, uint64_t round)
{
	char key[16];
	for (int i = 0; i < 4; i++) {
		unsigned pair = (unsigned)rand_below(rand, PAIRS);
		bool gone = !rand_below(rand, 4);
		for (char side = 'a'; side <= 'b'; side++) {
			if (gone)
				db_remove(s->db, TREE_KV, pair_key(key, side, pair));
			else
				put_value(s->db, pair_key(key, side, pair), round + 1);
		}
	}
	if (!rand_below(rand, 200))
		db_remove_prefix(s->db, TREE_KV, S_NONE);
	db_publish(s->db);
	atomic_store_explicit(&s->shown, db_published(s->db), memory_order_release);
	epoch_advance(s->epoch);
}

TEST(epoch, readers_on_threads_see_whole_roots)
{
	struct stage s = {.epoch = epoch_new()};
	struct reader readers[READERS];
	struct rand rand;
	s.db = db_new(s.epoch);
	ASSERT(s.epoch && s.db);
	atomic_store(&s.shown, db_published(s.db));
	for (int i = 0; i < READERS; i++)
		readers[i] = (struct reader){.stage = &s, .slot = epoch_reader_add(s.epoch)};
	for (int i = 0; i < READERS; i++)
		ASSERT(!pthread_create(&readers[i].thread, NULL, read_on, &readers[i]));
	rand_seed(&rand, 5);
	for (uint64_t round = 0; round < ROUNDS || atomic_load(&s.looks) < 1000; round++)
		write_round(&s, &rand, round);
	atomic_store(&s.over, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i].thread, NULL);
	CHECK_EQ(atomic_load(&s.wrong), 0);
	db_remove_prefix(s.db, TREE_KV, S_NONE);
	db_publish(s.db);
	epoch_advance(s.epoch);
	while (db_reclaim(s.db))
		;
	CHECK_EQ(db_memory(s.db).retired, 0);
	db_free(s.db);
	epoch_free(s.epoch);
}
