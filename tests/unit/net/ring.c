#include "net/ring.h"

#include <pthread.h>
#include <stdlib.h>

#include "tests/test.h"

TEST(ring, keeps_order_and_says_when_it_is_full)
{
	struct ring r;
	int items[5];
	void *out[8];
	ASSERT(ring_init(&r, 4, NULL));
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 4; i++)
			CHECK(ring_push(&r, &items[i]));
		CHECK(!ring_push(&r, &items[4]));
		CHECK_EQ(ring_space(&r), 0);
		CHECK(!ring_waiting(&r)); /* not flushed yet */
		ring_flush(&r);
		CHECK(ring_waiting(&r));
		CHECK_EQ(ring_pop(&r, out, 3), 3);
		CHECK(out[0] == &items[0] && out[2] == &items[2]);
		CHECK_EQ(ring_pop(&r, out, 8), 1);
		CHECK(out[0] == &items[3]);
		CHECK_EQ(ring_pop(&r, out, 8), 0);
	}
	ring_free(&r);
}

TEST(ring, counters_may_wrap)
{
	struct ring r;
	int item;
	void *out[2];
	ASSERT(ring_init(&r, 2, NULL));
	r.next = r.head_seen = r.tail_seen = r.at = UINT32_MAX;
	atomic_store(&r.tail, UINT32_MAX);
	atomic_store(&r.head, UINT32_MAX);
	for (int i = 0; i < 5; i++) {
		CHECK(ring_push(&r, &item) && ring_push(&r, &item) && !ring_push(&r, &item));
		ring_flush(&r);
		CHECK_EQ(ring_pop(&r, out, 2), 2);
	}
	ring_free(&r);
}

TEST(ring, a_bell_wakes_only_a_sleeper)
{
	static struct loop l;
	struct bell b;
	ASSERT(loop_init(&l) && bell_init(&b) && bell_watch(&b, &l));
	bell_ring(&b); /* awake: no system call, nothing to read */
	CHECK_EQ(loop_turn(&l, 0), 0);
	bell_arm(&b);
	bell_ring(&b);
	bell_ring(&b);
	CHECK_EQ(loop_turn(&l, INT64_MAX), 1);
	bell_disarm(&b);
	CHECK_EQ(loop_turn(&l, 0), 0);
	bell_free(&b, &l);
	loop_free(&l);
}

enum { MESSAGES = 200000, WRITERS = 2 };

struct talk {
	struct ring ring[WRITERS];
	struct bell bell;
};

struct writer {
	struct talk *t;
	int which;
};

static void *write_all(void *arg)
{
	struct writer *w = arg;
	struct ring *r = &w->t->ring[w->which];
	uint32_t seed = 7 + (uint32_t)w->which;
	for (intptr_t i = 1; i <= MESSAGES;) {
		seed = seed * 1664525 + 1013904223;
		for (uint32_t batch = 1 + (seed >> 24) % 8; batch && i <= MESSAGES; batch--) {
			int *item = malloc(sizeof *item);
			*item = (int)i; /* must be seen on the other side */
			if (ring_push(r, item)) {
				i++;
			} else {
				free(item);
				break;
			}
		}
		ring_flush(r);
	}
	return NULL;
}

/* The reader sleeps for ever whenever it finds nothing: a lost wake-up hangs the test. */
TEST(ring, no_wake_up_is_lost_between_threads)
{
	static struct talk t;
	static struct loop l;
	pthread_t id[WRITERS];
	struct writer w[WRITERS];
	int seen[WRITERS] = {0};
	ASSERT(loop_init(&l) && bell_init(&t.bell) && bell_watch(&t.bell, &l));
	for (int i = 0; i < WRITERS; i++) {
		ASSERT(ring_init(&t.ring[i], 64, &t.bell));
		w[i] = (struct writer){&t, i};
		pthread_create(&id[i], NULL, write_all, &w[i]);
	}
	while (seen[0] < MESSAGES || seen[1] < MESSAGES) {
		for (int i = 0; i < WRITERS; i++) {
			void *items[16];
			uint32_t n = ring_pop(&t.ring[i], items, 16);
			for (uint32_t k = 0; k < n; k++) {
				int *item = items[k];
				if (*item != ++seen[i])
					test_fail(__FILE__, __LINE__, "got %d, expected %d", *item, seen[i]);
				free(item);
			}
		}
		if (seen[0] == MESSAGES && seen[1] == MESSAGES)
			break;
		bell_arm(&t.bell);
		loop_turn(&l, ring_waiting(&t.ring[0]) || ring_waiting(&t.ring[1]) ? 0 : INT64_MAX);
		bell_disarm(&t.bell);
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(id[i], NULL);
		ring_free(&t.ring[i]);
	}
	bell_free(&t.bell, &l);
	loop_free(&l);
}
