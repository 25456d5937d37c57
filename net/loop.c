#include "net/loop.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "core/base/must.h"

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

void loop_read_clocks(struct loop *l)
{
	l->now = clock_ns(CLOCK_MONOTONIC);
	l->wall = clock_ns(CLOCK_REALTIME);
}

bool loop_init(struct loop *l)
{
	memset(l, 0, offsetof(struct loop, ready));
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop_read_clocks(l);
	return l->epoll >= 0;
}

void loop_free(struct loop *l)
{
	if (l->epoll >= 0)
		close(l->epoll);
	l->epoll = -1;
	timers_free(&l->timers);
	pool_free(&l->pool);
}

bool loop_add(struct loop *l, int fd, uint32_t events, struct watch *w)
{
	MUST(w->ready != NULL);
	w->fd = fd;
	w->events = events;
	struct epoll_event e = {.events = events, .data.ptr = w};
	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

void loop_mod(struct loop *l, struct watch *w, uint32_t events)
{
	if (w->events == events)
		return;
	w->events = events;
	struct epoll_event e = {.events = events, .data.ptr = w};
	MUST(epoll_ctl(l->epoll, EPOLL_CTL_MOD, w->fd, &e) == 0);
}

void loop_del(struct loop *l, struct watch *w)
{
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	for (int i = l->ready_at; i < l->ready_n; i++)
		if (l->ready[i].data.ptr == w)
			l->ready[i].data.ptr = NULL;
}

/* Rounded up: waking early would only turn the loop for nothing. */
int loop_patience(const struct loop *l, mono_ns deadline)
{
	mono_ns next = timers_next(&l->timers);
	if (next < deadline)
		deadline = next;
	if (deadline <= 0)
		return 0;
	if (deadline == INT64_MAX)
		return -1;
	int64_t left = deadline - clock_ns(CLOCK_MONOTONIC);
	if (left <= 0)
		return 0;
	int64_t ms = (left + NS_PER_MS - 1) / NS_PER_MS;
	return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

int loop_wait(struct loop *l, int ms)
{
	int n = epoll_wait(l->epoll, l->ready, LOOP_READY_MAX, ms);
	MUST(n >= 0 || errno == EINTR);
	return n > 0 ? n : 0;
}

int loop_serve(struct loop *l, int n)
{
	loop_read_clocks(l);
	l->ready_n = n;
	for (l->ready_at = 0; l->ready_at < l->ready_n;) {
		const struct epoll_event *e = &l->ready[l->ready_at++];
		struct watch *w = e->data.ptr;
		if (w)
			w->ready(w, e->events);
	}
	l->ready_n = l->ready_at = 0;
	timers_run(&l->timers, l->now);
	return n;
}

int loop_turn(struct loop *l, mono_ns deadline)
{
	return loop_serve(l, loop_wait(l, loop_patience(l, deadline)));
}
