#include "net/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/test.h"

static struct loop l;

struct probe {
	struct watch watch;
	int called;
	struct probe *victim;
};

static void probe_ready(struct watch *w, uint32_t events)
{
	struct probe *p = (struct probe *)(void *)w;
	(void)events;
	p->called++;
	if (p->victim) {
		loop_del(&l, &p->victim->watch);
		loop_del(&l, w);
	}
}

TEST(loop, readiness_comes_again_until_it_is_taken)
{
	struct probe p = {.watch.ready = probe_ready};
	uint64_t n;
	ASSERT(loop_init(&l));
	int fd = eventfd(1, EFD_NONBLOCK);
	ASSERT(loop_add(&l, fd, EPOLLIN, &p.watch));
	loop_turn(&l, INT64_MAX);
	loop_turn(&l, INT64_MAX);
	CHECK_EQ(p.called, 2);
	loop_mod(&l, &p.watch, 0);
	CHECK_EQ(loop_turn(&l, 0), 0);
	loop_mod(&l, &p.watch, EPOLLIN);
	CHECK_EQ(read(fd, &n, sizeof n), 8);
	CHECK_EQ(loop_turn(&l, 0), 0);
	loop_del(&l, &p.watch);
	close(fd);
	loop_free(&l);
}

TEST(loop, a_removed_watch_is_not_called_in_the_same_turn)
{
	struct probe a = {.watch.ready = probe_ready}, b = {.watch.ready = probe_ready, .victim = &a};
	a.victim = &b;
	ASSERT(loop_init(&l));
	int one = eventfd(1, EFD_NONBLOCK), two = eventfd(1, EFD_NONBLOCK);
	ASSERT(loop_add(&l, one, EPOLLIN, &a.watch) && loop_add(&l, two, EPOLLIN, &b.watch));
	loop_turn(&l, INT64_MAX);
	CHECK_EQ(a.called + b.called, 1);
	CHECK_EQ(loop_turn(&l, 0), 0);
	close(one);
	close(two);
	loop_free(&l);
}

struct alarm {
	struct timer timer;
	int fired, again;
	mono_ns at;
};

static int order[8], fired;

static void alarm_fire(struct timer *t)
{
	struct alarm *a = (struct alarm *)(void *)t;
	order[fired++ % 8] = (int)a->at;
	a->fired++;
	if (a->again-- > 0)
		timers_set(&l.timers, t, 0);
}

TEST(loop, timers_fire_in_order_and_one_cannot_hold_the_loop)
{
	struct alarm a = {.timer.fire = alarm_fire, .at = 3}, b = {.timer.fire = alarm_fire, .at = 1, .again = 2},
	             c = {.timer.fire = alarm_fire, .at = 2};
	struct timers *all = &l.timers;
	ASSERT(loop_init(&l));
	fired = 0;
	timers_set(all, &a.timer, 3);
	timers_set(all, &b.timer, 9);
	timers_set(all, &c.timer, 2);
	timers_set(all, &b.timer, 1); /* moved */
	CHECK_EQ(timers_next(all), 1);
	timers_run(all, 2);
	CHECK_EQ(fired, 2);
	CHECK_EQ(order[0], 1);
	CHECK_EQ(order[1], 2);
	CHECK_EQ(b.fired, 1); /* set again for the past: waits for the next run */
	CHECK_EQ(timers_next(all), 3);
	timers_stop(all, &a.timer);
	timers_stop(all, &a.timer);
	CHECK(!timer_is_set(&a.timer));
	timers_run(all, 3);
	timers_run(all, 4);
	timers_run(all, 5);
	CHECK_EQ(b.fired, 3);
	CHECK_EQ(a.fired, 0);
	CHECK_EQ(timers_next(all), INT64_MAX);
	loop_free(&l);
}

TEST(loop, a_turn_ends_with_the_first_timer)
{
	struct alarm a = {.timer.fire = alarm_fire};
	ASSERT(loop_init(&l));
	mono_ns began = l.now;
	loop_timer(&l, &a.timer, began + 3 * NS_PER_MS);
	while (!a.fired)
		loop_turn(&l, INT64_MAX);
	CHECK(l.now >= began + 3 * NS_PER_MS);
	loop_turn(&l, l.now + NS_PER_MS); /* its own deadline */
	CHECK_EQ(a.fired, 1);
	loop_free(&l);
}

TEST(loop, the_pool_keeps_some_blocks_and_no_more)
{
	struct pool p = {0};
	char *blocks[POOL_KEPT + 5];
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		blocks[i] = pool_lend(&p);
	CHECK_EQ(p.lent, ARRAY_LEN(blocks));
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		pool_return(&p, blocks[i]);
	CHECK_EQ(p.lent, 0);
	CHECK_EQ(p.kept, POOL_KEPT);
	pool_free(&p);
}
