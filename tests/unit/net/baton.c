#include "net/baton.h"

#include <pthread.h>

#include "tests/test.h"

TEST(baton, is_given_once_and_whoever_comes_is_not_forgotten)
{
	struct baton b;
	baton_init(&b);
	CHECK(baton_try(&b));
	CHECK(!baton_try(&b));
	CHECK(!baton_try(&b));
	CHECK(!baton_drop(&b)); /* still ours: look again */
	CHECK(!baton_try(&b));
	CHECK(!baton_drop(&b));
	CHECK(baton_drop(&b));
	baton_take(&b);
	CHECK(!baton_try(&b));
	CHECK(!baton_drop(&b));
	CHECK(baton_drop(&b));
	CHECK(baton_try(&b));
	CHECK(baton_drop(&b));
	baton_free(&b);
}

enum { THREADS = 3, PIECES = 50000, TAKES = 2000 };

/* Each thread brings pieces of work; what counts them is plain memory. */
struct desk {
	struct baton baton;
	atomic_uint brought[THREADS];
	unsigned done[THREADS];
};

struct bringer {
	struct desk *desk;
	int which;
};

static void look(struct desk *d)
{
	for (int i = 0; i < THREADS; i++)
		d->done[i] = atomic_load_explicit(&d->brought[i], memory_order_relaxed);
}

static void *bring(void *arg)
{
	struct bringer *me = arg;
	struct desk *d = me->desk;
	for (unsigned i = 1; i <= PIECES; i++) {
		atomic_store_explicit(&d->brought[me->which], i, memory_order_relaxed);
		if (!baton_try(&d->baton))
			continue;
		do
			look(d);
		while (!baton_drop(&d->baton));
	}
	return NULL;
}

static void *wait_again_and_again(void *arg)
{
	struct desk *d = arg;
	for (int i = 0; i < TAKES; i++) {
		baton_take(&d->baton);
		do
			look(d);
		while (!baton_drop(&d->baton));
	}
	return NULL;
}

/* A piece that is brought to a holder who does not look again is missing in the end. */
TEST(baton, nothing_is_overlooked_between_threads)
{
	static struct desk d;
	pthread_t id[THREADS], waiter;
	struct bringer b[THREADS];
	baton_init(&d.baton);
	for (int i = 0; i < THREADS; i++) {
		b[i] = (struct bringer){&d, i};
		pthread_create(&id[i], NULL, bring, &b[i]);
	}
	pthread_create(&waiter, NULL, wait_again_and_again, &d);
	for (int i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
	pthread_join(waiter, NULL);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(d.done[i], PIECES);
	baton_free(&d.baton);
}
