#include "cmd/agent/snapshot_job.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/api/snapshot_call.h"
#include "core/base/slice.h"
#include "core/world.h"

enum { STACK_BYTES = 256 << 10 };

struct snapshot_job {
	struct watch watch; /* first; an eventfd: it is done */
	struct loop *loop;
	void (*done)(void *owner, const struct call_answer *a); /* NULL: cancelled */
	void *owner;
	struct buf out;
	mono_ns now;
	wall_ns wall;
	size_t request_n;
	char request[];
};

static struct {
	struct process *process;
	int reader; /* slot of the epoch */
	pthread_mutex_t one, count;
	pthread_cond_t ended;
	unsigned running;
} own = {
        .one = PTHREAD_MUTEX_INITIALIZER,
        .count = PTHREAD_MUTEX_INITIALIZER,
        .ended = PTHREAD_COND_INITIALIZER,
};

bool snapshot_jobs_init(struct process *p)
{
	own.process = p;
	own.reader = epoch_reader_add(p->epoch);
	return own.reader >= 0;
}

static void count(int by)
{
	pthread_mutex_lock(&own.count);
	own.running += (unsigned)by;
	pthread_cond_broadcast(&own.ended);
	pthread_mutex_unlock(&own.count);
}

void snapshot_jobs_wait(void)
{
	pthread_mutex_lock(&own.count);
	while (own.running)
		pthread_cond_wait(&own.ended, &own.count);
	pthread_mutex_unlock(&own.count);
}

/* The job may be freed by its loop as soon as that was told. */
static void *work(void *job)
{
	struct snapshot_job *j = job;
	const uint64_t one = 1;
	process_thread_yields();
	pthread_mutex_lock(&own.one);
	epoch_enter(own.process->epoch, own.reader);
	snapshot_save(atomic_load(&own.process->world), slice_at(j->request, j->request_n), j->now, j->wall, &j->out);
	epoch_leave(own.process->epoch, own.reader);
	pthread_mutex_unlock(&own.one);
	ssize_t told = write(j->watch.fd, &one, sizeof one);
	(void)told;
	count(-1);
	return NULL;
}

static void end(struct snapshot_job *j)
{
	loop_del(j->loop, &j->watch);
	close(j->watch.fd);
	buf_free(&j->out);
	free(j);
}

static void ready(struct watch *w, uint32_t events)
{
	struct snapshot_job *j = (struct snapshot_job *)w;
	uint64_t one;
	(void)events;
	if (read(w->fd, &one, sizeof one) < 0) /* what orders the thread's writes before our reads */
		return;
	struct call_answer a = {.kind = ANSWER_REPLY, .body = buf_view(&j->out)};
	if (j->out.failed)
		a = (struct call_answer){.kind = ANSWER_ERROR, .text = S("out of memory")};
	if (j->done)
		j->done(j->owner, &a);
	end(j);
}

static bool start(struct snapshot_job *j)
{
	pthread_attr_t attr;
	pthread_t thread;
	count(1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	bool good = !pthread_create(&thread, &attr, work, j);
	pthread_attr_destroy(&attr);
	if (!good)
		count(-1);
	return good;
}

struct snapshot_job *snapshot_job_begin(
        struct loop *l, struct slice request, void (*done)(void *owner, const struct call_answer *a), void *owner)
{
	struct snapshot_job *j = malloc(sizeof *j + request.n);
	if (!j)
		return NULL;
	*j = (struct snapshot_job){.loop = l, .done = done, .owner = owner, .now = l->now, .wall = l->wall};
	j->request_n = request.n;
	memcpy(j->request, request.p, request.n);
	j->watch.ready = ready;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd >= 0 && loop_add(l, fd, EPOLLIN, &j->watch)) {
		if (start(j))
			return j;
		loop_del(l, &j->watch);
	}
	if (fd >= 0)
		close(fd);
	free(j);
	return NULL;
}

void snapshot_job_cancel(struct snapshot_job *j)
{
	j->done = NULL;
}
