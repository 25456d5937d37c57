#include "net/listener.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/heap.h"
#include "core/base/must.h"

enum { ACCEPTS_MAX = 64 /* a turn */, REST_MS = 50 };

/* The first descriptor that is not for this listener's callers. */
static int room(const struct listeners *s)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur > INT_MAX)
		return INT_MAX;
	int limit = (int)files.rlim_cur;
	int spare = limit / 8 < LISTENER_SPARE ? limit / 8 : LISTENER_SPARE;
	return limit - (s->peers ? spare / 4 : spare);
}

static void rest(struct listener *l)
{
	struct loop *loop = l->all->loop;
	if (loop_timer(loop, &l->rest, loop->now + REST_MS * NS_PER_MS))
		loop_mod(loop, &l->watch, 0);
}

static void rest_over(struct timer *t)
{
	struct listener *l = HEAP_OWNER(t, struct listener, rest);
	loop_mod(l->all->loop, &l->watch, EPOLLIN);
}

static void turn_away(struct listener *l, int fd)
{
	if (l->all->refused)
		++*l->all->refused;
	if (l->all->turn_away)
		l->all->turn_away(l, fd);
	else
		close(fd);
}

static void ready(struct watch *w, uint32_t events)
{
	(void)events;
	struct listener *l = (struct listener *)(void *)w;
	int full = room(l->all);
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		union address_sock sock = {0};
		socklen_t n = sizeof sock;
		int fd = accept4(w->fd, &sock.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			struct address peer = address_of_sock(&sock.any);
			if (fd >= full || !l->all->welcome(l, fd, &peer))
				turn_away(l, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			rest(l);
			return;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINVAL) {
			return;
		} /* else: this caller hung up before he was let in; on with the next */
	}
}

void *listener_add(struct listeners *s, int fd, size_t size)
{
	MUST(offsetof(struct listener, watch) == 0 && size >= sizeof(struct listener));
	MUST(s->welcome);
	struct listener *l = calloc(1, size);
	if (!l)
		return NULL;
	l->all = s;
	l->watch.ready = ready;
	l->rest.fire = rest_over;
	if (!loop_add(s->loop, fd, EPOLLIN, &l->watch)) {
		free(l);
		return NULL;
	}
	l->next = s->first;
	s->first = l;
	return l;
}

void listener_close_all(struct listeners *s)
{
	while (s->first) {
		struct listener *l = s->first;
		s->first = l->next;
		loop_timer_stop(s->loop, &l->rest);
		loop_del(s->loop, &l->watch);
		close(l->watch.fd);
		free(l);
	}
}
