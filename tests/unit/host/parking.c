#include "cmd/agent/parking.h"

#include <stdlib.h>

#include "tests/test.h"

/* A front in small: remembers who was woken, and may park them again. */
struct host {
	struct parking parking;
	struct loop loop;
	struct db *db;
	struct arena arena;
	int woken[64], n;
	bool again;
};

static void note(struct host *h, struct watchset *ws, const char *key, bool prefix)
{
	ws->arena = &h->arena;
	if (prefix)
		watch_prefix(ws, db_published(h->db), TREE_KV, slice_of(key));
	else
		watch_key(ws, db_published(h->db), TREE_KV, slice_of(key));
}

static void park(struct host *h, int who, const char *key, bool prefix, mono_ns deadline)
{
	struct watchset ws = {0};
	note(h, &ws, key, prefix);
	ASSERT(parking_add(&h->parking, (void *)(intptr_t)who, &ws, deadline, false) != NULL);
}

static void run(void *host, void *owner, mono_ns deadline)
{
	struct host *h = host;
	h->woken[h->n++] = (int)(intptr_t)owner;
	if (h->again)
		park(h, (int)(intptr_t)owner, "k/1", false, deadline);
}

static void put(struct host *h, const char *key)
{
	struct item *it = db_item_new(h->db, slice_of(key), 1);
	ASSERT(it && db_put(h->db, TREE_KV, it));
	db_publish(h->db);
}

static struct host *host_new(void)
{
	struct host *h = calloc(1, sizeof *h);
	ASSERT(h && loop_init(&h->loop));
	loop_read_clocks(&h->loop);
	h->db = db_new(NULL);
	ASSERT(h->db);
	parking_init(&h->parking, &h->loop, 7, run, h);
	for (int i = 0; i < 40; i++) {
		char key[16];
		snprintf(key, sizeof key, "k/%d", i);
		put(h, key);
	}
	return h;
}

static void host_free(struct host *h)
{
	parking_free(&h->parking);
	loop_free(&h->loop);
	db_free(h->db);
	arena_free(&h->arena);
	free(h);
}

TEST(parking, only_those_who_looked_at_it_wake)
{
	struct host *h = host_new();
	for (int i = 0; i < 40; i++) {
		char key[16];
		snprintf(key, sizeof key, "k/%d", i);
		park(h, i + 1, key, false, INT64_MAX);
	}
	put(h, "k/17");
	parking_look(&h->parking, db_published(h->db));
	CHECK_EQ(h->n, 1);
	CHECK_EQ(h->woken[0], 18);
	CHECK_EQ(h->parking.count, 39);
	parking_look(&h->parking, db_published(h->db));
	CHECK_EQ(h->n, 1); /* one change wakes once */
	host_free(h);
}

TEST(parking, all_who_wait_for_one_key_wake_together_and_may_park_anew)
{
	struct host *h = host_new();
	for (int i = 0; i < 30; i++)
		park(h, i + 1, i % 2 ? "k/1" : "k/", i % 2 == 0, INT64_MAX);
	h->again = true;
	put(h, "k/1");
	parking_look(&h->parking, db_published(h->db));
	CHECK_EQ(h->n, 30);
	CHECK_EQ(h->parking.count, 30);
	h->again = false;
	put(h, "k/2"); /* they all wait for k/1 now */
	h->n = 0;
	parking_look(&h->parking, db_published(h->db));
	CHECK_EQ(h->n, 0);
	put(h, "k/1");
	parking_look(&h->parking, db_published(h->db));
	CHECK_EQ(h->n, 30);
	CHECK_EQ(h->parking.count, 0);
	CHECK(h->parking.all == NULL);
	host_free(h);
}

TEST(parking, a_query_on_two_moved_keys_wakes_once)
{
	struct host *h = host_new();
	struct watchset ws = {0};
	note(h, &ws, "k/3", false);
	note(h, &ws, "k/4", false);
	ASSERT(parking_add(&h->parking, (void *)1, &ws, INT64_MAX, false) != NULL);
	put(h, "k/3");
	put(h, "k/4");
	parking_look(&h->parking, db_published(h->db));
	CHECK_EQ(h->n, 1);
	host_free(h);
}

TEST(parking, the_deadline_wakes)
{
	struct host *h = host_new();
	park(h, 5, "k/1", false, h->loop.now + 2 * NS_PER_MS);
	for (int i = 0; i < 1000 && !h->n; i++)
		loop_turn(&h->loop, h->loop.now + NS_PER_MS);
	CHECK_EQ(h->n, 1);
	CHECK_EQ(h->woken[0], 5);
	CHECK_EQ(h->parking.count, 0);
	host_free(h);
}

TEST(parking, those_who_wait_for_a_leader_wake_by_it)
{
	struct host *h = host_new();
	struct watchset none = {0};
	ASSERT(parking_add(&h->parking, (void *)1, &none, INT64_MAX, true) != NULL);
	struct parked *gone = parking_add(&h->parking, (void *)2, &none, INT64_MAX, true);
	park(h, 3, "k/1", false, INT64_MAX);
	parking_remove(&h->parking, gone);
	put(h, "k/2");
	parking_look(&h->parking, db_published(h->db));
	CHECK_EQ(h->n, 0);
	parking_look_leader(&h->parking);
	CHECK_EQ(h->n, 1);
	CHECK_EQ(h->woken[0], 1);
	host_free(h);
}
