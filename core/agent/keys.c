#include "core/agent/keys.h"

#include <stdlib.h>

#include "core/agent/agent_parts.h"
#include "core/agent/pools.h"
#include "core/agent/servers.h"
#include "core/base/enc.h"
#include "core/base/slice.h"

static struct keyring_answer *answer_of(struct message *m, enum gossip_pool pool)
{
	struct keyring_reply *r = m->reply;
	return &r->answers[pool == GOSSIP_WAN || !r->answers[0].wan ? 0 : 1];
}

static struct keyring_answer *add(struct agent *a, struct keyring_reply *r, enum gossip_pool pool)
{
	struct keyring_answer *one = &r->answers[r->n++];
	*one = (struct keyring_answer){
	        .wan = pool == GOSSIP_WAN, .datacenter = a->config->datacenter, .segment = S("")};
	return one;
}

static void send(struct agent *a, enum gossip_pool pool, struct message *m, struct slice raw)
{
	struct ask_keyring *ask = m->request;
	struct gossip_event *ev = pools_command(a, pool, GE_KEY, (uintptr_t)m);
	ev->key.operation = ask->operation;
	ev->key.key = raw;
	ev->key.relay = ask->relay;
	ask->waiting++;
}

/* ---- other datacenters ---- */

static struct list copy_pairs(struct list l, struct arena *a)
{
	const struct pair *from = l.items;
	struct pair *to = ARENA_ARRAY(a, struct pair, l.n + 1);
	for (uint32_t i = 0; to && i < l.n; i++)
		to[i] = (struct pair){arena_copy(a, from[i].key), arena_copy(a, from[i].val)};
	return (struct list){to, to ? l.n : 0};
}

static struct list copy_keys(struct list l, struct arena *a)
{
	const struct keyring_key *from = l.items;
	struct keyring_key *to = ARENA_ARRAY(a, struct keyring_key, l.n + 1);
	for (uint32_t i = 0; to && i < l.n; i++)
		to[i] = (struct keyring_key){arena_copy(a, from[i].key), from[i].n};
	return (struct list){to, to ? l.n : 0};
}

static void add_all(struct keyring_reply *to, const struct keyring_reply *from, struct arena *a)
{
	for (uint32_t i = 0; i < from->n && to->n < KEYRING_ANSWERS_MAX; i++) {
		struct keyring_answer *one = &to->answers[to->n++];
		*one = from->answers[i];
		one->datacenter = arena_copy(a, one->datacenter);
		one->segment = arena_copy(a, one->segment);
		one->error = arena_copy(a, one->error);
		one->messages = copy_pairs(one->messages, a);
		one->keys = copy_keys(one->keys, a);
	}
}

/* One of them has answered, or failed: then all has. */
static void answered(void *agent, struct message *m)
{
	struct message *asked = m->context;
	struct ask_keyring *ask = asked->request;
	if (!m->err) {
		add_all(asked->reply, m->reply, &asked->mem);
	} else if (!asked->err) {
		asked->err = ERR_FAILED;
		asked->why = arena_copy(&asked->mem, m->why);
	}
	arena_free(&m->mem);
	free(m);
	if (--ask->waiting == 0)
		pools_answer(agent, asked);
}

static bool ask_datacenter(struct agent *a, struct message *asked, struct slice datacenter)
{
	struct message *m = calloc(1, sizeof *m);
	struct ask_keyring_far *far = m ? ARENA_NEW(&m->mem, struct ask_keyring_far) : NULL;
	if (!far) {
		free(m);
		return false;
	}
	*far = (struct ask_keyring_far){arena_copy(&m->mem, datacenter), asked->request};
	m->front = -1;
	m->ask = ASK_KEYRING_FAR;
	m->token = asked->token;
	m->request = far;
	m->context = asked;
	m->done = answered;
	m->next = a->outbox;
	a->outbox = m;
	return true;
}

/* Asks one server of each other datacenter for its LAN pool. True: their answers are waited for. */
static bool ask_others(struct agent *a, struct message *m)
{
	struct ask_keyring *ask = m->request;
	struct slice last = a->config->datacenter;
	struct cursor c;
	if (ask->lan_only)
		return false;
	servers_wan(&c, db_working(a->db));
	for (const struct server *s; (s = server_next(&c));) {
		bool seen = slice_eq(s->datacenter, last) || slice_eq(s->datacenter, a->config->datacenter);
		last = s->datacenter; /* they come by datacenter */
		if (!seen && ask->waiting < KEYRING_ANSWERS_MAX - 2)
			ask->waiting += ask_datacenter(a, m, s->datacenter);
	}
	return ask->waiting > 0;
}

bool keys_ask(struct agent *a, struct message *m)
{
	struct ask_keyring *ask = m->request;
	struct keyring_reply *r = m->reply = ARENA_NEW(&m->mem, struct keyring_reply);
	struct slice raw = S_NONE;
	struct fail f = {0};
	if (!r) {
		m->err = ERR_NO_MEMORY;
		m->why = S("out of memory");
		return true;
	}
	if (ask->operation != KEY_LIST)
		base64_get(ask->key, &m->mem, &raw, &f);
	for (int p = JOIN_POOLS; p-- > 0;) {
		if (!a->pools[p] || (p == GOSSIP_WAN && ask->lan_only))
			continue;
		struct keyring_answer *one = add(a, r, (enum gossip_pool)p);
		if (f.code)
			one->error = arena_str(&m->mem, "%s", f.text);
		else
			send(a, (enum gossip_pool)p, m, raw);
	}
	return ask->waiting == 0 && !ask_others(a, m);
}

/* ---- answers ---- */

static int by_key(const void *a, const void *b)
{
	return slice_cmp(((const struct keyring_key *)a)->key, ((const struct keyring_key *)b)->key);
}

static int by_node(const void *a, const void *b)
{
	return slice_cmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

void keys_counted(struct message *m, enum gossip_pool pool, const struct gossip_keys *k)
{
	struct keyring_answer *one = answer_of(m, pool);
	struct keyring_key *keys = ARENA_ARRAY(&m->mem, struct keyring_key, k->key_n + 1);
	struct pair *messages = ARENA_ARRAY(&m->mem, struct pair, k->message_n + 1);
	one->nodes = k->nodes;
	if (!keys || !messages)
		return;
	for (uint32_t i = 0; i < k->key_n; i++)
		keys[i] = (struct keyring_key){arena_copy(&m->mem, k->keys[i].key), k->keys[i].n};
	for (uint32_t i = 0; i < k->message_n; i++)
		messages[i] =
		        (struct pair){arena_copy(&m->mem, k->messages[i].key), arena_copy(&m->mem, k->messages[i].val)};
	qsort(keys, k->key_n, sizeof *keys, by_key);
	qsort(messages, k->message_n, sizeof *messages, by_node);
	one->keys = (struct list){keys, k->key_n};
	one->messages = (struct list){messages, k->message_n};
}

bool keys_done(struct agent *a, struct message *m, enum gossip_pool pool, const struct gossip_effect *x)
{
	struct ask_keyring *ask = m->request;
	if (x->done.err)
		answer_of(m, pool)->error = arena_copy(&m->mem, x->done.text);
	return --ask->waiting == 0 && !ask_others(a, m);
}
