/* A call at an agent's door, run as cmd/agent/front_rpc.c runs it: answered, or it waits for the core, for another
 * server, for what it looked at to change, for a leader, and runs again. */
#include <stdlib.h>

#include "core/api/rpc.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "store/watchset.h"
#include "tests/sim/cluster_world.h"

/* A blocking query of one of the clients' keys or of their service, wherever it has been sent on to. */
static void note_key(struct asked *a)
{
	struct arena mem = {0};
	bool service = slice_is(buf_view(&a->method), method_health_service_nodes.name);
	const struct method *m = service ? &method_health_service_nodes : &method_kvs_get;
	if (!slice_is(buf_view(&a->method), m->name))
		return;
	const struct read_head *head = method_read_request(m, buf_view(&a->args), &mem);
	if (head && head->q.min_index) {
		a->key = service ? WEB : (unsigned)(((const struct key_request *)head)->key.p[1] - '0');
		a->min_index = head->q.min_index;
	}
	arena_free(&mem);
}

struct asked *asked_new(struct cluster *c, struct host *h, struct slice method, struct slice args)
{
	struct asked *a = calloc(1, sizeof *a);
	MUST(a);
	a->host = h;
	a->number = ++c->numbers;
	a->key = NO_KEY;
	buf_slice(&a->method, method);
	buf_slice(&a->args, args);
	note_key(a);
	a->next = h->asked;
	a->prev = &h->asked;
	if (a->next)
		a->next->prev = &a->next;
	h->asked = a;
	return a;
}

static void asked_free(struct asked *a)
{
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	buf_free(&a->method);
	buf_free(&a->args);
	arena_free(&a->mem);
	free(a);
}

static struct asked *asked_of(struct host *h, uint64_t number)
{
	struct asked *a = h->asked;
	while (a && a->number != number)
		a = a->next;
	return a;
}

static void over(struct cluster *c, struct asked *a, struct slice error, struct slice body)
{
	struct client *k = a->client;
	uint64_t call = a->call;
	struct host *h = a->host;
	asked_free(a);
	if (k)
		client_answered(c, k, error, body);
	else if (call)
		wire_called(c, h, call, error, body);
}

/* ---- it waits ---- */

static void on_wake(struct cluster *c, struct hap *e)
{
	struct asked *a = asked_of(e->host, e->number);
	if (a && (a->state == API_WAIT || a->state == API_WAIT_LEADER) && a->wait.wake <= host_now(c, e->host))
		asked_run(c, a);
}

static void wake_later(struct cluster *c, struct asked *a)
{
	mono_ns now = host_now(c, a->host);
	cluster_later(c, a->wait.wake > now ? a->wait.wake - now : 0, on_wake, a->host)->number = a->number;
}

static void keep_notes(struct asked *a)
{
	struct watchset *from = &a->wait.watched;
	arena_reset(&a->mem, 0);
	a->notes = (struct watchset){.notes = ARENA_ARRAY(&a->mem, struct watch_note, from->n), .n = from->n};
	for (uint32_t i = 0; i < from->n; i++) {
		a->notes.notes[i] = from->notes[i];
		a->notes.notes[i].key = arena_copy(&a->mem, from->notes[i].key);
	}
}

static void send(struct cluster *c, struct asked *a, struct message *m)
{
	struct event ev = {.kind = EV_MESSAGE, .message = m};
	m->owner = a;
	a->message = m;
	host_step(c, a->host, &ev);
}

static void wait(struct cluster *c, struct asked *a)
{
	struct message *m;
	switch (a->state) {
	case API_SENT: send(c, a, a->wait.message); break;
	case API_VERIFY:
		m = message_take(&a->host->api);
		MUST(m);
		m->ask = ASK_VERIFY;
		send(c, a, m);
		break;
	case API_FORWARD: wire_call(c, a->host, &a->wait.forward, a->number, 0); break;
	default: keep_notes(a); wake_later(c, a);
	}
}

void asked_run(struct cluster *c, struct asked *a)
{
	struct api *api = &a->host->api;
	struct rpc_reply reply = {0};
	struct call_again again = a->wait.again;
	api->now = host_now(c, a->host);
	api->wall = a->host->wall + c->now;
	api->world = &a->host->world;
	api->log.level = LOG_ERR + 1;
	a->wait = (struct api_wait){.again = again};
	a->state = api_rpc(api, buf_view(&a->method), buf_view(&a->args), &reply, &a->wait);
	if (a->state == API_ANSWERED) {
		struct slice body = reply.error.n ? S_NONE : buf_view(&reply.body);
		over(c, a, reply.error, body);
	} else {
		a->wait.again.answer = NULL;
		wait(c, a);
	}
	buf_free(&reply.body);
	arena_reset(&api->arena, 1 << 16);
}

/* ---- it goes on ---- */

void asked_reply(struct cluster *c, struct host *h, struct message *m)
{
	struct asked *a = m->owner;
	struct rpc_reply reply = {0};
	if (!a || a->message != m)
		return;
	a->message = NULL;
	if (m->ask == ASK_VERIFY) {
		a->wait.again.verified = !m->err;
		message_give(&h->api, m);
		asked_run(c, a);
		return;
	}
	api_rpc_finish(&h->api, m, &reply);
	over(c, a, reply.error, buf_view(&reply.body));
	buf_free(&reply.body);
	arena_reset(&h->api.arena, 1 << 16);
	message_give(&h->api, m);
}

void asked_forwarded(struct cluster *c, struct host *h, uint64_t number, const struct call_answer *answer)
{
	struct asked *a = asked_of(h, number);
	if (!a)
		return;
	a->wait.again.answer = answer;
	asked_run(c, a);
}

static bool moved(const struct asked *a)
{
	for (uint32_t i = 0; i < a->notes.n; i++)
		if (watch_moved(&a->notes.notes[i], a->host->world.db))
			return true;
	return false;
}

/* Nobody who waits for something may sleep on when it has changed. */
static void look_at_sleeper(struct cluster *c, const struct asked *a)
{
	const struct host *h = a->host;
	const struct model *m = c->dc[h->dc].truth.model;
	raft_index index = m ? model_at(m, a->key, h->world.applied)->index : 0;
	if (index > a->min_index)
		cluster_wrong(c, "%s: who waits for k%u to change from %llu on sleeps, but it has %llu", h->name,
		        a->key, (unsigned long long)a->min_index, (unsigned long long)index);
}

/* Each that waits runs at most once; those that come meanwhile have seen the new tables. */
void asked_published(struct cluster *c, struct host *h, unsigned news)
{
	uint64_t newest = c->numbers;
	for (bool again = true; again && !cluster_over(c);) {
		again = false;
		for (struct asked *a = h->asked; a; a = a->next) {
			bool leader = a->state == API_WAIT_LEADER && news & NEWS_OF_LEADER;
			bool restored = a->state == API_WAIT && news & NEWS_OF_RESTORE;
			if (a->number > newest || !(leader || restored || (a->state == API_WAIT && moved(a))))
				continue;
			if (restored)
				a->wait.again.deadline = host_now(c, h);
			a->number = ++c->numbers; /* its wake-up calls are void */
			asked_run(c, a);
			again = true;
			break;
		}
	}
	for (struct asked *a = h->asked; a && !cluster_over(c); a = a->next)
		if (a->state == API_WAIT && a->key != NO_KEY)
			look_at_sleeper(c, a);
}

/* The core is gone, and with it whatever was asked of it. */
void asked_crashed(struct cluster *c, struct host *h)
{
	while (h->asked) {
		struct asked *a = h->asked;
		struct client *k = a->client;
		if (a->message) {
			arena_free(&a->message->mem);
			free(a->message);
		}
		asked_free(a);
		if (k)
			client_lost(c, k);
	}
}

void asked_settled(struct cluster *c, struct host *h)
{
	for (const struct asked *a = h->asked; a; a = a->next)
		if (a->message)
			cluster_wrong(c, "%s never answers a %.*s", h->name, PS(buf_view(&a->method)));
}
