#include "cmd/agent/front_thread.h"

#include <stdlib.h>
#include <unistd.h>

#include "cmd/agent/core_thread.h"
#include "cmd/agent/forward.h"
#include "cmd/agent/front_dns.h"
#include "cmd/agent/front_http.h"
#include "cmd/agent/front_ipc.h"
#include "cmd/agent/front_rpc.h"
#include "cmd/agent/log_hub.h"
#include "cmd/agent/monitors.h"
#include "cmd/agent/watches.h"
#include "cmd/agent/waiting.h"
#include "core/base/must.h"

enum { REPLIES_A_TURN = 1024, ARENA_KEEP = 256 << 10 };

struct front *front_new(struct process *p, int id)
{
	struct front *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->process = p;
	f->id = id;
	f->reader = epoch_reader_add(p->epoch);
	api_init(&f->api, id, process_seed());
	f->api.processors = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	f->api.threads = p->front_count + (p->wal ? 3 : 2);
	MUST(f->reader >= 0);
	if (!loop_init(&f->loop) || !bell_init(&f->bell) || !bell_watch(&f->bell, &f->loop) ||
	        !ring_init(&f->to_core, RING_SIZE, NULL) || !ring_init(&f->from_core, RING_SIZE, &f->bell)) {
		front_free(f);
		return NULL;
	}
	parking_init(&f->parking, &f->loop, process_seed(), waiting_woken, f);
	f->forward = forward_new(&f->loop, p->config, &p->rpc_tls, process_seed());
	MUST(f->forward);
	if (!p->config->server_mode) {
		if (!id)
			rpc_limit_init(&p->rpc_limit, p->config->rpc_rate, p->config->rpc_max_burst);
		f->api.router.limit = &p->rpc_limit;
		balance_init(&f->balance, f);
	}
	front_http_init(f);
	if (!id)
		MUST((f->watches = watches_new(f)) != NULL);
	return f;
}

bool front_listen(struct front *f, struct fail *why)
{
	return front_http_listen(f, why) && front_dns_init(f, why) && front_dns_listen(f, why) &&
	       front_ipc_init(f, why) && front_ipc_listen(f, why) && front_rpc_init(f, why) && front_rpc_listen(f, why);
}

/* What was on its way when the threads ended. */
static void give_back(struct front *f, struct ring *r)
{
	void *m;
	while (ring_pop(r, &m, 1))
		message_give(&f->api, m);
	ring_free(r);
}

void front_free(struct front *f)
{
	watches_free(f->watches);
	front_dns_free(f);
	front_ipc_free(f);
	front_http_free(f);
	front_rpc_free(f);
	if (f->balance.front)
		balance_free(&f->balance);
	forward_free(f->forward);
	parking_free(&f->parking);
	give_back(f, &f->to_core);
	give_back(f, &f->from_core);
	bell_free(&f->bell, &f->loop);
	loop_free(&f->loop);
	api_free(&f->api);
	free(f);
}

const struct world *front_world(struct front *f)
{
	if (f->world)
		return f->world;
	epoch_enter(f->process->epoch, f->reader);
	f->world = atomic_load_explicit(&f->process->world, memory_order_acquire);
	f->api.world = f->world;
	if (!f->parking.count) /* nobody waits who could have missed one */
		f->restores = f->world->restores;
	f->api.now = f->loop.now;
	f->api.wall = f->loop.wall;
	f->api.log.now = f->loop.wall;
	f->api.log.level = log_hub_wanted();
	return f->world;
}

static void leave_world(struct front *f)
{
	if (!f->world)
		return;
	f->world = f->api.world = NULL;
	epoch_leave(f->process->epoch, f->reader);
}

void front_send(struct front *f, struct message *m)
{
	if (!f->unsent && ring_push(&f->to_core, m))
		return;
	struct message **last = &f->unsent;
	while (*last)
		last = &(*last)->next;
	m->next = NULL;
	*last = m;
}

void front_over(struct front *f)
{
	arena_reset(&f->api.arena, ARENA_KEEP);
}

/* Messages of this turn, if there are any; the answers may be there at once. */
static void send_messages(struct front *f, bool alone)
{
	waiting_verify(f);
	while (f->unsent && ring_push(&f->to_core, f->unsent))
		f->unsent = f->unsent->next;
	if (!ring_flush(&f->to_core))
		return;
	leave_world(f);
	core_thread_turn_here(f->process, alone);
}

static void take_replies(struct front *f)
{
	void *items[64];
	uint32_t n;
	for (unsigned taken = 0; taken < REPLIES_A_TURN && (n = ring_pop(&f->from_core, items, ARRAY_LEN(items)));
	        taken += n) {
		leave_world(f); /* an answer may be newer than the world at hand */
		front_world(f);
		for (uint32_t i = 0; i < n; i++)
			waiting_reply(f, items[i]);
	}
}

/* Parked queries look once at each new world. */
static void look(struct front *f)
{
	if (!f->parking.count)
		return;
	const struct world *newest = atomic_load_explicit(&f->process->world, memory_order_acquire);
	if (f->world != newest)
		leave_world(f);
	const struct world *w = front_world(f);
	if (w->number == f->looked)
		return;
	f->looked = w->number;
	bool led = world_leading(w) || w->leader.n;
	if (led != f->led)
		parking_look_leader(&f->parking);
	f->led = led;
	if (w->restores != f->restores)
		parking_end_all(&f->parking);
	else
		parking_look(&f->parking, w->db);
	f->restores = w->restores;
}

/* Was a world published that parked queries have not seen? Its number may be read: whoever publishes rings us. */
static bool front_stale(struct front *f)
{
	return atomic_load(&f->process->world_number) != f->looked;
}

void *front_run(void *front)
{
	struct front *f = front;
	struct process *p = f->process;
	int ready = 0;
	loop_read_clocks(&f->loop);
	while (!atomic_load_explicit(&p->stopping, memory_order_relaxed)) {
		send_messages(f, ready == 1);
		take_replies(f);
		look(f);
		monitors_look(f);
		watches_look(f->watches);
		send_messages(f, false);
		log_hub_take(&f->api.log);
		leave_world(f);
		bell_arm(&f->bell);
		bool busy = ring_waiting(&f->from_core) || f->unsent || atomic_load(&p->stopping) ||
		            (f->parking.count && front_stale(f));
		ready = loop_turn(&f->loop, busy ? 0 : INT64_MAX);
		bell_disarm(&f->bell);
	}
	take_replies(f);
	log_hub_take(&f->api.log);
	leave_world(f);
	return NULL;
}
