#include "cmd/agent/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/slice.h"
#include "net/socket.h"

enum { NAME_MAX_BYTES = 256, STACK_BYTES = 256 << 10 };

struct lookup {
	struct watch watch; /* of the eventfd that the thread writes when it is done */
	struct loop *loop;
	struct resolve *owner; /* NULL: nobody waits any more */
	char host[NAME_MAX_BYTES];
	uint16_t port;
	struct address all[RESOLVE_ADDRESSES];
	unsigned n;
	struct fail fail;
};

static unsigned under_way;

static void *look_up(void *lookup)
{
	struct lookup *k = lookup;
	uint64_t one = 1;
	address_resolve(k->host, k->port, k->all, RESOLVE_ADDRESSES, &k->n, &k->fail);
	while (write(k->watch.fd, &one, sizeof one) < 0 && errno == EINTR)
		;
	return NULL;
}

static void release(struct lookup *k)
{
	loop_del(k->loop, &k->watch);
	close(k->watch.fd);
	free(k);
	under_way--;
}

static void ready(struct watch *w, uint32_t events)
{
	struct lookup *k = (struct lookup *)w;
	struct resolve *r = k->owner;
	uint64_t one;
	(void)events;
	if (read(w->fd, &one, sizeof one) < 0) /* what orders the thread's writes before our reads */
		return;
	if (r) {
		r->lookup = NULL;
		r->done(r, k->all, k->n, k->n ? NULL : &k->fail);
	}
	release(k);
}

static bool thread_start(struct lookup *k)
{
	pthread_attr_t attr;
	pthread_t thread;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	bool ok = !pthread_create(&thread, &attr, look_up, k);
	pthread_attr_destroy(&attr);
	return ok;
}

bool resolve_start(struct resolve *r, struct loop *l, struct slice host, uint16_t port, struct fail *f)
{
	struct lookup *k = under_way < RESOLVE_MAX && host.n < NAME_MAX_BYTES ? calloc(1, sizeof *k) : NULL;
	if (!k) {
		fail_set(f, ERR_FULL, "lookup %.*s: too many look-ups, or too long a name", PS(host));
		return false;
	}
	slice_cstr(host, k->host, sizeof k->host);
	k->port = port;
	k->loop = l;
	k->owner = r;
	k->watch.ready = ready;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	bool watched = fd >= 0 && loop_add(l, fd, EPOLLIN, &k->watch);
	under_way++;
	if (watched && thread_start(k)) {
		r->lookup = k;
		return true;
	}
	fail_set(f, ERR_NO_MEMORY, "lookup %.*s: %s", PS(host), socket_error_text(errno));
	if (watched) {
		release(k);
		return false;
	}
	if (fd >= 0)
		close(fd);
	free(k);
	under_way--;
	return false;
}

void resolve_cancel(struct resolve *r)
{
	if (r->lookup)
		r->lookup->owner = NULL;
	r->lookup = NULL;
}
