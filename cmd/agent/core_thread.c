#include "cmd/agent/core_thread.h"

#include <stdlib.h>
#include <sys/signalfd.h>

#include "cmd/agent/boot.h"
#include "cmd/agent/exec_run.h"
#include "cmd/agent/front_thread.h"
#include "cmd/agent/forward.h"
#include "cmd/agent/gossip_host.h"
#include "cmd/agent/log_hub.h"
#include "cmd/agent/log_writes.h"
#include "cmd/agent/raft_host.h"
#include "cmd/agent/regroup.h"
#include "cmd/agent/signals.h"
#include "cmd/agent/snapshots.h"
#include "cmd/agent/work_thread.h"
#include "core/base/must.h"
#include "core/base/slice.h"

enum { TAKE_MAX = 256, KEEP = 16 << 10 };

/* A world with what its reclamation needs: fronts may still look at it up to the end of `epoch`. */
struct published {
	struct world world; /* first: what fronts see */
	struct published *next;
	uint64_t epoch;
};

static struct {
	struct effects effects;
	struct published *old, **old_tail; /* oldest first */
	uint64_t number;
	struct message *unsent[FRONTS_MAX]; /* replies for which a front's ring had no room */
	bool news;                          /* the core was stepped since its last flush */
	bool left;                          /* effects wait for the core thread; until then no step */
	mono_ns sleeps_until;               /* the core thread */
	struct process *process;            /* for callbacks that bring none */
	bool stopping;
	int exit_code;
	struct start_join joined[GOSSIP_WAN + 1];
} own = {.old_tail = &own.old};

/* ---- publishing ---- */

static void free_old_worlds(struct process *p, bool all)
{
	uint64_t safe = epoch_safe(p->epoch);
	while (own.old && (all || own.old->epoch <= safe)) {
		struct published *gone = own.old;
		own.old = gone->next;
		if (!own.old)
			own.old_tail = &own.old;
		free(gone);
	}
}

/* First the new world becomes reachable, then the epoch advances: whoever enters later can't see the old one. */
static void publish(struct process *p)
{
	free_old_worlds(p, false);
	struct published *w = calloc(1, sizeof *w);
	MUST(w);
	db_publish(core_db(p->core));
	core_world(p->core, &w->world);
	w->world.number = ++own.number;
	struct published *before = (struct published *)atomic_exchange(&p->world, &w->world);
	atomic_store(&p->world_number, w->world.number);
	uint64_t ended = epoch_advance(p->epoch);
	if (before) {
		before->epoch = ended;
		*own.old_tail = before;
		own.old_tail = &before->next;
	}
	for (unsigned i = 0; i < p->front_count; i++)
		if (p->fronts[i] && atomic_load(&p->fronts[i]->parking.count))
			bell_ring(&p->fronts[i]->bell);
	own.effects.publish = false;
	atomic_store_explicit(&p->core_alone, w->world.voters <= 1, memory_order_relaxed);
}

static struct event event_now(struct process *p, enum event_kind kind)
{
	return (struct event){.kind = kind, .now = p->core_loop.now, .wall = p->core_loop.wall};
}

static void step(struct process *p, const struct event *ev)
{
	core_step(p->core, ev, &own.effects);
}

/* ---- effects ---- */

static void reply(struct process *p, struct message *m)
{
	struct front *f = p->fronts[m->front];
	if (!own.unsent[m->front] && ring_push(&f->from_core, m))
		return;
	struct message **last = &own.unsent[m->front];
	while (*last)
		last = &(*last)->next;
	m->next = NULL;
	*last = m;
}

static void send_replies(struct process *p)
{
	for (unsigned i = 0; i < p->front_count; i++) {
		while (own.unsent[i] && ring_push(&p->fronts[i]->from_core, own.unsent[i]))
			own.unsent[i] = own.unsent[i]->next;
		ring_flush(&p->fronts[i]->from_core);
	}
}

static void note_joined(const struct effect *e)
{
	struct start_join *j = &own.joined[e->joined.pool];
	j->done = true;
	j->n = e->joined.n;
	slice_cstr(e->joined.why, j->why, sizeof j->why);
}

/* ---- calls of other servers ---- */

/* The owner of a call is its tag: there is nothing to free when the process ends. */
static void called(void *tag, const struct call_answer *a)
{
	struct event ev = event_now(own.process, EV_CALL_DONE);
	ev.call.tag = (uintptr_t)tag;
	ev.call.answer = a;
	own.news = true;
	step(own.process, &ev);
}

static void call(struct process *p, const struct effect *e)
{
	static const struct call_answer none = {.kind = ANSWER_UNREACHABLE, .text = S("out of memory")};
	void *tag = (void *)(uintptr_t)e->call.tag;
	if (!forward_begin(p->core_forward, e->call.what, called, tag))
		called(tag, &none);
}

/* The next start takes the file (regroup.h): until that is on disk nobody is told. */
static void recover(struct process *p, const struct effect *e)
{
	struct message *m = e->recover.message;
	struct buf text = {0};
	struct fail f = {0};
	regroup_print(e->recover.servers, e->recover.n, p->config->raft_protocol, &text);
	if (regroup_write(&p->disk.disk, buf_view(&text), &f)) {
		m->err = ERR_IO;
		m->why = arena_str(&m->mem, "%s", f.text);
	} else {
		boot_again();
		own.stopping = true;
		own.exit_code = 1; /* if starting again fails */
	}
	buf_free(&text);
	reply(p, m);
}

static void carry_out_one(struct process *p, const struct effect *e)
{
	switch (e->kind) {
	case EFF_APPEND: log_writes_append(p, e); break;
	case EFF_REPLY: reply(p, e->message); break;
	case EFF_GOSSIP: gossip_host_step(p->gossip, (enum gossip_pool)e->gossip.pool, e->gossip.command); break;
	case EFF_GOSSIP_JOIN:
		gossip_host_join(
		        p->gossip, (enum gossip_pool)e->gossip_join.pool, e->gossip_join.tag, e->gossip_join.names);
		break;
	case EFF_JOINED: note_joined(e); break;
	case EFF_CALL: call(p, e); break;
	case EFF_EXEC_RUN: exec_run(p->execs, e); break;
	case EFF_EXEC_KILL: exec_kill(p->execs, e->exec.id); break;
	case EFF_CHECK_RUN: work_check_run(p->work, e->check); break;
	case EFF_CHECK_CANCEL: work_check_cancel(p->work, e->check); break;
	case EFF_SAVE: work_file(p->work, e->file.name, e->file.bytes); break;
	case EFF_DELETE: work_file(p->work, e->file.name, S_NONE); break;
	case EFF_SNAPSHOT: snapshots_begin(p, e); break;
	case EFF_SNAPSHOT_DROP: snapshots_drop(p, e->snapshot.index, e->snapshot.term); break;
	case EFF_LOG_FORGET: log_writes_snapshot(p, e->snapshot.index, e->snapshot.term); break;
	case EFF_RELOAD: signals_reload(p, e->message); break;
	case EFF_RAFT_SEND:
	case EFF_RAFT_ANSWER:
	case EFF_RAFT_INSTALL:
	case EFF_RAFT_DROP: raft_host_carry_out(p->raft, e); break;
	case EFF_RECOVER: recover(p, e); break;
	case EFF_STOP:
		own.stopping = true;
		own.exit_code = e->stop.exit_code;
		break;
	}
}

/* What the log and the peers get lies in Raft's memory, which the next step may move: so these go first. */
static size_t carry_out_log(struct process *p)
{
	size_t n = own.effects.n;
	for (size_t i = 0; i < n; i++)
		if (own.effects.items[i].kind <= EFF_LOG_LAST)
			carry_out_one(p, &own.effects.items[i]);
	return n;
}

/* In order. What is carried out may bring news at once (a join of nobody, a goodbye to nobody): the core is stepped
 * with them in between and adds effects behind. */
static void carry_out(struct process *p)
{
	struct effects *all = &own.effects;
	own.news = false;
	if (all->publish)
		publish(p);
	size_t flushed = carry_out_log(p);
	for (size_t i = 0; i < all->n; i++) {
		const struct effect e = all->items[i];      /* a copy: the list may grow and move */
		MUST(e.kind > EFF_LOG_LAST || i < flushed); /* a step alone asks nothing of log and peers */
		if (e.kind > EFF_LOG_LAST)
			carry_out_one(p, &e);
	}
	all->n = 0;
}

/* The end of a turn; `here`: this thread may write the log itself (log_writes.h). */
static void end(struct process *p, bool here)
{
	send_replies(p);
	log_writes_flush(p, here);
	arena_reset(&own.effects.mem, KEEP);
	log_hub_take(&p->core_log);
}

/* News that came while effects were carried out are flushed, too, before the turn ends. */
static void flush(struct process *p)
{
	do {
		core_flush(p->core, p->core_loop.now, &own.effects);
		carry_out(p);
	} while (own.news);
	work_flush(p->work);
	end(p, true);
	if (own.stopping) /* behind the replies: fronts look at their rings once more when they see the end */
		process_stop(p, own.exit_code);
}

/* Another thread made a turn of which there is more to carry out than log and replies. */
static void finish_left(struct process *p)
{
	if (!own.left)
		return;
	own.left = false;
	carry_out(p);
	flush(p);
}

/* ---- events ---- */

void core_thread_exec(void *process, struct event *ev)
{
	struct process *p = process;
	ev->now = p->core_loop.now;
	ev->wall = p->core_loop.wall;
	own.news = true;
	step(p, ev);
}

void core_thread_news(void *process, enum gossip_pool pool, const struct gossip_effect *x)
{
	struct process *p = process;
	struct event ev = event_now(p, EV_GOSSIP);
	ev.gossip.pool = (int)pool;
	ev.gossip.effect = x;
	own.news = true;
	step(p, &ev);
}

/* From the loop, between two turns. */
void core_thread_raft(void *process, struct event *ev)
{
	struct process *p = process;
	ev->now = p->core_loop.now;
	ev->wall = p->core_log.now = p->core_loop.wall;
	step(p, ev);
}

static void take_messages(struct process *p)
{
	for (unsigned i = 0; i < p->front_count; i++) {
		void *items[TAKE_MAX];
		uint32_t n = ring_pop(&p->fronts[i]->to_core, items, TAKE_MAX);
		for (uint32_t k = 0; k < n; k++) {
			struct event ev = event_now(p, EV_MESSAGE);
			ev.message = items[k];
			step(p, &ev);
		}
	}
}

static void take_logged(struct process *p)
{
	struct event ev = event_now(p, EV_LOGGED);
	while (log_writes_done(p, &ev))
		step(p, &ev);
}

static void take_snapshot(struct process *p)
{
	struct event ev = event_now(p, EV_SNAPSHOT_DONE);
	if (snapshots_done(p, &ev))
		step(p, &ev);
}

static void take_work(struct process *p)
{
	struct event ev = event_now(p, EV_CHECK_DONE);
	while (work_check_done(p->work, &ev)) {
		step(p, &ev);
		work_check_free(p->work);
	}
}

static bool waiting(struct process *p)
{
	for (unsigned i = 0; i < p->front_count; i++)
		if (ring_waiting(&p->fronts[i]->to_core) || own.unsent[i])
			return true;
	return log_writes_waiting(p) || work_waiting(p->work) || atomic_load(&p->stopping);
}

static void read_log_level(struct process *p)
{
	p->core_log.now = p->core_loop.wall;
	p->core_log.level = log_hub_wanted();
}

static void turn(struct process *p)
{
	read_log_level(p);
	if (core_next(p->core) <= p->core_loop.now) {
		struct event ev = event_now(p, EV_TICK);
		step(p, &ev);
	}
	struct event ev;
	while (signals_next(p, &ev)) {
		ev.now = p->core_loop.now;
		ev.wall = p->core_loop.wall;
		step(p, &ev);
	}
	take_messages(p);
	take_logged(p);
	take_snapshot(p);
	take_work(p);
	if (p->raft)
		raft_host_turn(p->raft);
	flush(p);
}

static void take_core(struct process *p)
{
	baton_take(&p->core_baton);
	finish_left(p);
}

/* Waits for what happens next; packets and timers of gossip come in between two turns. Meanwhile the baton is free. */
static void pause_until_more(struct process *p)
{
	bell_arm(&p->core_bell);
	mono_ns next = core_next(p->core), timer = timers_next(&p->core_loop.timers);
	own.sleeps_until = next < timer ? next : timer;
	int patience = loop_patience(&p->core_loop, waiting(p) ? 0 : next);
	bool dropped = baton_drop(&p->core_baton);
	int ready = loop_wait(&p->core_loop, dropped ? patience : 0);
	if (dropped)
		take_core(p);
	bell_disarm(&p->core_bell);
	loop_serve(&p->core_loop, ready);
}

/* ---- turns of others ---- */

enum { TURNS_HERE = 4 /* before the core thread is asked to go on, so that no front forgets its own clients */ };

static bool is_for_any_thread(const struct effects *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].kind != EFF_APPEND && all->items[i].kind != EFF_REPLY)
			return false;
	return true;
}

/* Messages and what the log says, nothing else. False: the core thread has to go on. */
static bool short_turn(struct process *p, bool here)
{
	if (own.left)
		return false;
	loop_read_clocks(&p->core_loop);
	read_log_level(p);
	take_messages(p);
	take_logged(p);
	core_flush(p->core, p->core_loop.now, &own.effects);
	own.left = !is_for_any_thread(&own.effects);
	if (own.left)
		return false;
	carry_out(p);
	end(p, here);
	return true;
}

static bool waits_here(struct process *p)
{
	for (unsigned i = 0; i < p->front_count; i++)
		if (ring_waiting(&p->fronts[i]->to_core))
			return true;
	return log_writes_waiting(p);
}

/* Has the core thread to wake earlier than it meant to? */
static bool is_wanted(struct process *p)
{
	mono_ns timer = timers_next(&p->core_loop.timers);
	return own.left || waiting(p) || core_next(p->core) < own.sleeps_until || timer < own.sleeps_until;
}

void core_thread_turn_here(struct process *p, bool alone)
{
	if (!atomic_load_explicit(&p->core_alone, memory_order_relaxed)) {
		bell_ring(&p->core_bell);
		return;
	}
	if (!baton_try(&p->core_baton))
		return;
	int turns = 0;
	do {
		while (turns < TURNS_HERE && short_turn(p, alone && !turns) && waits_here(p))
			turns++;
		if (is_wanted(p))
			bell_ring(&p->core_bell);
	} while (!baton_drop(&p->core_baton));
}

/* ---- the thread ---- */

bool core_thread_prepare(struct process *p)
{
	own.process = p;
	loop_read_clocks(&p->core_loop);
	p->core_forward = forward_new(&p->core_loop, p->config, &p->rpc_tls, process_seed());
	MUST(p->core_forward);
	p->core_log.now = p->core_loop.wall;
	struct event ev = event_now(p, EV_START);
	step(p, &ev);
	gossip_host_start(p->gossip);
	own.effects.publish = true;
	flush(p); /* the threads that do it all start later, with full rings */
	return true;
}

void *core_thread_run(void *process)
{
	struct process *p = process;
	take_core(p);
	while (!atomic_load_explicit(&p->stopping, memory_order_relaxed)) {
		turn(p);
		pause_until_more(p);
	}
	baton_drop(&p->core_baton);
	return NULL;
}

const struct start_join *core_thread_joined(struct process *p, int pool)
{
	take_core(p);
	while (!own.joined[pool].done && !atomic_load(&p->stopping)) {
		turn(p);
		pause_until_more(p);
	}
	baton_drop(&p->core_baton);
	return &own.joined[pool];
}

void core_thread_free(struct process *p)
{
	forward_free(p->core_forward);
	free_old_worlds(p, true);
	free(atomic_load(&p->world));
	free(own.effects.items);
	arena_free(&own.effects.mem);
	buf_free(&p->core_log.lines);
}
