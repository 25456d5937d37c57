#include "core/agent/keys.h"

#include <stdlib.h>

#include "core/agent/agent_parts.h"
#include "core/agent/pools.h"
#include "core/base/enc.h"
#include "core/base/slice.h"

static struct keyring_answer *answer_of(struct message *m, enum gossip_pool pool)
{
	struct keyring_reply *r = m->reply;
	return &r->answers[pool == GOSSIP_WAN ? 0 : r->n - 1];
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
	return ask->waiting == 0;
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

bool keys_done(struct message *m, enum gossip_pool pool, const struct gossip_effect *x)
{
	struct ask_keyring *ask = m->request;
	if (x->done.err)
		answer_of(m, pool)->error = arena_copy(&m->mem, x->done.text);
	return --ask->waiting == 0;
}
