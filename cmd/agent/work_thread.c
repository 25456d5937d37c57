#include "cmd/agent/work_thread.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/agent/checks_run.h"
#include "cmd/agent/errand.h"
#include "cmd/agent/https.h"
#include "cmd/agent/log_hub.h"
#include "core/base/map.h"
#include "core/base/must.h"
#include "core/base/slice.h"

enum { TAKE_MAX = 64, RETRY_MS = 10 };

enum job_kind { JOB_CHECK, JOB_CANCEL, JOB_FILE };

/* One thing to do, with all it points to in its arena. */
struct job {
	struct arena mem;
	enum job_kind kind;
	struct check_run check;
	struct slice name, bytes;
	struct job *prev, *next; /* while it waits for room in the ring */
};

struct result {
	uint64_t run;
	struct result *next;             /* while it waits for room in the ring */
	struct slice id, status, output; /* in the bytes behind */
	char bytes[];
};

struct work {
	struct loop loop;
	struct bell bell;
	struct ring jobs, results;
	struct checks *checks;
	struct tls_trust *trust; /* of checks */
	struct tls_identity *identity;
	struct errand_tls tls;
	char server_name[256];
	struct disk *disk;
	struct bell *reader;
	struct logbuf log;
	struct result *unsent; /* work thread: oldest first */
	atomic_bool behind;    /* jobs wait: the core wants to know of room in the ring */

	/* core thread */
	struct result *taken; /* the result at hand */
	struct job *first, *last;
	unsigned waiting;
	struct map files; /* name → the job that waits */

	atomic_bool stopping;
};

static void job_free(struct job *j)
{
	struct arena mem = j->mem; /* the job lies in it */
	arena_free(&mem);
}

/* ---- work thread ---- */

static void send_results(struct work *w)
{
	for (struct result *r; (r = w->unsent) != NULL && ring_push(&w->results, r);)
		w->unsent = r->next;
	ring_flush(&w->results);
}

static void check_done(void *host, struct slice id, uint64_t run, struct slice status, struct slice output)
{
	struct work *w = host;
	struct result *r = malloc(sizeof *r + id.n + status.n + output.n);
	if (!r)
		return;
	char *at = r->bytes;
	const struct slice from[] = {id, status, output};
	struct slice *const to[] = {&r->id, &r->status, &r->output};
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		if (from[i].n)
			memcpy(at, from[i].p, from[i].n);
		*to[i] = (struct slice){at, from[i].n};
		at += from[i].n;
	}
	r->run = run;
	r->next = NULL;
	struct result **end = &w->unsent;
	while (*end)
		end = &(*end)->next;
	*end = r;
	send_results(w);
}

static void directory_of(const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s", name);
	char *slash = strrchr(out, '/');
	if (slash)
		*slash = '\0';
	else
		out[0] = '\0';
}

/* Atomic: a temporary file, synced, renamed; a crash leaves the old or the new. States of TTL checks come often and are
 * worth little after a crash: those are not synced. */
static enum err save(struct disk *d, const char *name, struct slice bytes, struct fail *f)
{
	bool synced = !slice_starts(slice_of(name), S("checks/state/"));
	char temporary[DISK_PATH_MAX + 8], dir[DISK_PATH_MAX];
	snprintf(temporary, sizeof temporary, "%s.tmp", name);
	directory_of(name, dir, sizeof dir);
	enum err e = dir[0] ? d->make_dir(d, dir, f) : OK;
	e = e ? e : disk_write_file(d, temporary, bytes, synced, f);
	e = e ? e : d->rename(d, temporary, name, f);
	return e || !synced ? e : d->sync_dir(d, dir, f);
}

static void do_file(struct work *w, struct job *j)
{
	char name[DISK_PATH_MAX];
	struct fail f = {0};
	if (!w->disk)
		return;
	slice_cstr(j->name, name, sizeof name);
	enum err e = j->bytes.n ? save(w->disk, name, j->bytes, &f) : w->disk->remove(w->disk, name, &f);
	w->log.now = w->loop.wall;
	if (e && e != ERR_ABSENT)
		log_err(&w->log, "agent: %s was not %s: %s", name, j->bytes.n ? "saved" : "removed", f.text);
	log_hub_take(&w->log);
}

static void do_job(struct work *w, struct job *j)
{
	switch (j->kind) {
	case JOB_CHECK: checks_start(w->checks, &j->check); break;
	case JOB_CANCEL: checks_cancel(w->checks, j->check.id); break;
	case JOB_FILE: do_file(w, j); break;
	}
	job_free(j);
}

static void do_jobs(struct work *w)
{
	void *items[TAKE_MAX];
	uint32_t n = ring_pop(&w->jobs, items, TAKE_MAX);
	for (uint32_t i = 0; i < n; i++)
		do_job(w, items[i]);
	if (n && atomic_exchange(&w->behind, false))
		bell_ring(w->reader);
}

void *work_run(void *work)
{
	struct work *w = work;
	while (!atomic_load(&w->stopping)) {
		do_jobs(w);
		send_results(w);
		bell_arm(&w->bell);
		mono_ns until = w->unsent ? w->loop.now + RETRY_MS * NS_PER_MS : INT64_MAX;
		loop_turn(&w->loop, ring_waiting(&w->jobs) || atomic_load(&w->stopping) ? 0 : until);
		bell_disarm(&w->bell);
	}
	return NULL;
}

struct work *work_new(struct bell *reader, struct disk *disk)
{
	struct work *w = calloc(1, sizeof *w);
	MUST(w);
	w->disk = disk;
	w->reader = reader;
	w->log.level = LOG_ERR;
	map_init(&w->files, process_seed());
	if (!loop_init(&w->loop) || !bell_init(&w->bell) || !bell_watch(&w->bell, &w->loop) ||
	        !ring_init(&w->jobs, WORK_RING, &w->bell) || !ring_init(&w->results, WORK_RING, reader)) {
		free(w);
		return NULL;
	}
	w->checks = checks_new(&w->loop, check_done, w);
	return w;
}

enum err work_tls(struct work *w, const struct agent_config *c, struct fail *f)
{
	if (!c->enable_agent_tls_for_checks)
		return OK;
	if (https_authority(&w->trust, c, f) || https_identity(&w->identity, c, f))
		return fail_wrap(f, "Failed to set up TLS");
	slice_cstr(c->server_name, w->server_name, sizeof w->server_name);
	w->tls = (struct errand_tls){w->trust, w->identity, c->server_name.n ? w->server_name : NULL};
	checks_tls(w->checks, &w->tls);
	return OK;
}

void work_stop(struct work *w)
{
	atomic_store(&w->stopping, true);
	bell_ring(&w->bell);
}

/* Both threads have ended. */
static void finish(struct work *w, struct job *j)
{
	if (j->kind == JOB_FILE)
		do_file(w, j);
	job_free(j);
}

void work_free(struct work *w)
{
	void *item;
	checks_free(w->checks);
	tls_trust_free(w->trust);
	tls_identity_free(w->identity);
	loop_read_clocks(&w->loop);
	ring_flush(&w->jobs);
	while (ring_pop(&w->jobs, &item, 1))
		finish(w, item);
	for (struct job *j = w->first, *next; j; j = next) {
		next = j->next;
		finish(w, j);
	}
	map_free(&w->files);
	for (struct result *r; (r = w->unsent);) {
		w->unsent = r->next;
		free(r);
	}
	buf_free(&w->log.lines);
	while (ring_pop(&w->results, &item, 1))
		free(item);
	ring_free(&w->jobs);
	ring_free(&w->results);
	bell_free(&w->bell, &w->loop);
	loop_free(&w->loop);
	free(w);
}

/* ---- core thread ---- */

static struct job *job_new(enum job_kind kind)
{
	struct arena mem = {0};
	struct job *j = ARENA_NEW(&mem, struct job);
	MUST(j);
	j->mem = mem;
	j->kind = kind;
	return j;
}

static void wait_no_more(struct work *w, struct job *j)
{
	*(j->prev ? &j->prev->next : &w->first) = j->next;
	*(j->next ? &j->next->prev : &w->last) = j->prev;
	w->waiting--;
	if (j->kind == JOB_FILE)
		map_remove(&w->files, j->name);
}

static void wait(struct work *w, struct job *j)
{
	struct job *older = j->kind == JOB_FILE ? map_get(&w->files, j->name) : NULL;
	if (j->kind == JOB_CHECK && w->waiting >= WORK_WAITING_MAX) {
		job_free(j);
		return;
	}
	if (older) {
		wait_no_more(w, older);
		job_free(older);
	}
	j->prev = w->last;
	*(w->last ? &w->last->next : &w->first) = j;
	w->last = j;
	w->waiting++;
	if (j->kind == JOB_FILE)
		MUST(map_put(&w->files, j->name, j, NULL));
}

static void job_send(struct work *w, struct job *j)
{
	MUST(!j->mem.failed);
	if (w->first || !ring_push(&w->jobs, j))
		wait(w, j);
}

void work_check_run(struct work *w, const struct check_run *c)
{
	struct job *j = job_new(JOB_CHECK);
	check_run_copy(&j->check, c, &j->mem);
	job_send(w, j);
}

void work_check_cancel(struct work *w, const struct check_run *c)
{
	struct job *j = job_new(JOB_CANCEL);
	j->check.id = arena_copy(&j->mem, c->id);
	job_send(w, j);
}

void work_file(struct work *w, struct slice name, struct slice bytes)
{
	struct job *j = job_new(JOB_FILE);
	j->name = arena_copy(&j->mem, name);
	j->bytes = arena_copy(&j->mem, bytes);
	job_send(w, j);
}

void work_flush(struct work *w)
{
	if (w->first)
		atomic_store(&w->behind, true); /* before looking for room: who makes some from now on rings */
	for (struct job *j; (j = w->first) && ring_space(&w->jobs);) {
		wait_no_more(w, j);
		MUST(ring_push(&w->jobs, j));
	}
	ring_flush(&w->jobs);
}

bool work_check_done(struct work *w, struct event *ev)
{
	void *item;
	if (!ring_pop(&w->results, &item, 1))
		return false;
	w->taken = item;
	ev->check.id = w->taken->id;
	ev->check.run = w->taken->run;
	ev->check.status = w->taken->status;
	ev->check.output = w->taken->output;
	return true;
}

void work_check_free(struct work *w)
{
	free(w->taken);
	w->taken = NULL;
}

bool work_waiting(struct work *w)
{
	return ring_waiting(&w->results);
}
