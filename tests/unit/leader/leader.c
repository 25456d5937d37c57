#include <stdlib.h>

#include "core/base/slice.h"
#include "core/leader/coordinate_batch.h"
#include "core/leader/session_ttl.h"
#include "core/leader/tombstone_gc.h"
#include "store/model.h"
#include "tests/test.h"

static struct session with_ttl(const char *id, const char *ttl)
{
	return (struct session){.id = slice_of(id), .ttl = slice_of(ttl)};
}

#define ID_A "aaaaaaaa-0000-0000-0000-000000000000"
#define ID_B "bbbbbbbb-0000-0000-0000-000000000000"

TEST(session_ttl, a_session_lives_twice_its_ttl_from_the_last_renewal)
{
	struct session_ttl t;
	char id[37];
	struct session a = with_ttl(ID_A, "10s"), b = with_ttl(ID_B, "15s"), none = with_ttl("c", "");
	session_ttl_init(&t, 1);
	CHECK(session_ttl_renew(&t, &a, 0) && session_ttl_renew(&t, &b, 0) && session_ttl_renew(&t, &none, 0));
	CHECK_EQ(session_ttl_next(&t), 20 * NS_PER_S);
	CHECK(!session_ttl_due(&t, 20 * NS_PER_S - 1, id));
	CHECK(session_ttl_renew(&t, &a, 15 * NS_PER_S));
	CHECK(session_ttl_due(&t, 30 * NS_PER_S, id));
	CHECK_STR(slice_of(id), ID_B);
	CHECK(!session_ttl_due(&t, 35 * NS_PER_S - 1, id));
	CHECK(session_ttl_due(&t, 35 * NS_PER_S, id));
	CHECK_STR(slice_of(id), ID_A);
	CHECK_EQ(session_ttl_next(&t), INT64_MAX);
	session_ttl_free(&t);
}

TEST(session_ttl, a_destroyed_session_is_forgotten)
{
	struct session_ttl t;
	char id[37];
	struct session a = with_ttl(ID_A, "10s");
	session_ttl_init(&t, 1);
	session_ttl_renew(&t, &a, 0);
	session_ttl_forget(&t, slice_of(ID_A));
	session_ttl_forget(&t, slice_of(ID_B)); /* unknown: nothing */
	CHECK(!session_ttl_due(&t, INT64_MAX - 1, id));
	session_ttl_free(&t);
}

TEST(tombstone_gc, one_reap_a_step_each_after_its_time)
{
	struct tombstone_gc g = {0};
	raft_index index = 0;
	for (raft_index i = 1; i <= 100; i++)
		tombstone_gc_hint(&g, i, (mono_ns)i * NS_PER_S);
	CHECK(!tombstone_gc_due(&g, TOMBSTONE_TTL, &index));
	raft_index before = 0;
	unsigned reaps = 0;
	for (mono_ns now = TOMBSTONE_TTL; now < 2 * TOMBSTONE_TTL; now += NS_PER_S)
		while (tombstone_gc_due(&g, now, &index)) {
			CHECK(index > before);
			/* Nothing goes before its time. */
			CHECK(now >= TOMBSTONE_TTL + (mono_ns)index * NS_PER_S);
			before = index;
			reaps++;
		}
	CHECK_EQ(index, 100);
	CHECK(reaps >= 3 && reaps <= 5);
	CHECK_EQ(tombstone_gc_next(&g), INT64_MAX);
}

TEST(tombstone_gc, the_ring_holds_a_day_of_deletions)
{
	struct tombstone_gc g = {0};
	raft_index index, i = 0;
	for (mono_ns now = 0; now < 24 * NS_PER_H; now += 7 * NS_PER_S) {
		tombstone_gc_hint(&g, ++i, now);
		while (tombstone_gc_due(&g, now, &index))
			CHECK(index < i);
	}
}

TEST(coordinate_batch, keeps_the_newest_of_each_node)
{
	struct coordinate_batch b;
	double vec[8] = {0};
	struct coordinate c = {.vec = {vec, 8}, .height = 1};
	coordinate_batch_init(&b);
	for (int i = 0; i < 300; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%d", i % 150);
		c.height = i;
		const struct coordinate_entry e = {slice_of(name), S_NONE, &c};
		coordinate_batch_add(&b, &e, 5, 10);
	}
	CHECK_EQ(b.n, 150);
	CHECK_EQ(b.due, 15);
	struct list some;
	uint32_t from = 0, lists = 0, all = 0;
	while (coordinate_batch_take(&b, &from, &some)) {
		const struct coordinate_entry *e = some.items;
		CHECK(some.n <= COORDINATE_BATCH);
		for (uint32_t i = 0; i < some.n; i++)
			CHECK(e[i].coord->height >= 150);
		all += some.n;
		lists++;
	}
	CHECK_EQ(all, 150);
	CHECK_EQ(lists, 2);
	struct logbuf log = {.level = LOG_ERR};
	coordinate_batch_clear(&b, &log);
	CHECK_EQ(b.due, INT64_MAX);
	coordinate_batch_free(&b);
}

TEST(coordinate_batch, beyond_its_limit_it_drops_and_counts)
{
	struct coordinate_batch b;
	double vec[8] = {0};
	struct coordinate c = {.vec = {vec, 8}};
	coordinate_batch_init(&b);
	for (int i = 0; i < COORDINATE_PENDING_MAX + 7; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%d", i);
		const struct coordinate_entry e = {slice_of(name), S_NONE, &c};
		coordinate_batch_add(&b, &e, 0, 1);
	}
	CHECK_EQ(b.n, COORDINATE_PENDING_MAX);
	CHECK_EQ(b.dropped, 7);
	coordinate_batch_free(&b);
}
