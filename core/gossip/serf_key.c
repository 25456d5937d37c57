#include "core/gossip/serf_key.h"

#include <stdlib.h>

#include "core/base/enc.h"
#include "core/base/must.h"
#include "core/gossip/serf_query.h"

struct key_count {
	struct slice key; /* behind the struct */
	uint32_t n;
};

struct key_message {
	struct slice node, text; /* behind the struct */
};

void serf_key_result_init(struct gossip *g, struct query *q)
{
	map_init(&q->keys, rand_u64(&g->rand));
	map_init(&q->messages, rand_u64(&g->rand));
}

static void all_free(struct map *m)
{
	size_t at = 0;
	for (void *v; (v = map_next(m, &at));)
		free(v);
	map_free(m);
}

void serf_key_result_free(struct query *q)
{
	all_free(&q->keys);
	all_free(&q->messages);
}

/* ---- answering ---- */

static void answer(struct gossip *g, const struct gossip_asked *to, const struct msg_key_response *m)
{
	struct buf b = {0};
	message_put(&b, SERF_KEY_RESPONSE, &msg_key_response_schema, m);
	serf_query_answer(g, to, buf_view(&b));
	buf_free(&b);
}

static void save_ring(struct gossip *g)
{
	struct buf b = {0};
	keyring_put_json(&b, &g->keys);
	gossip_effect_add(g, GX_KEYRING)->keyring = gossip_keep(g, buf_view(&b));
	buf_free(&b);
}

static void list_keys(struct gossip *g, const struct gossip_asked *to)
{
	struct msg_key_response m = {0};
	struct slice *keys = ARENA_ARRAY(&g->scratch, struct slice, g->keys.n + 1);
	if (!keyring_on(&g->keys)) {
		m.message = S("Keyring is empty (encryption not enabled)");
		log_err(g->log, "serf: %.*s", PS(m.message));
	} else {
		log_info(g->log, "serf: Received list-keys query");
		for (uint32_t i = 0; keys && i < g->keys.n; i++) {
			struct buf b = {0};
			base64_put(&b, keyring_key(&g->keys, i));
			keys[i] = arena_copy(&g->scratch, buf_view(&b));
			buf_free(&b);
		}
		m.keys = (struct list){keys, g->keys.n};
		m.result = true;
	}
	answer(g, to, &m);
}

/* install, use, remove: the same steps around another function. */
static const struct operation {
	const char *name, *failure;
	enum err (*run)(struct keyring *k, struct slice key, struct fail *f);
} operations[] = {
        {"install-key", "Failed to install key", keyring_add},
        {"use-key", "Failed to change primary key", keyring_use},
        {"remove-key", "Failed to remove key", keyring_remove},
};

static void change_ring(
        struct gossip *g, const struct gossip_asked *to, const struct operation *o, struct slice payload)
{
	struct msg_key_response m = {0};
	struct msg_key_request request;
	struct fail f;
	if (!message_get(slice_from(payload, 1), &msg_key_request_schema, &request, &g->scratch, NULL)) {
		log_err(g->log, "serf: Failed to decode key request: msgpack decode error");
	} else if (!keyring_on(&g->keys)) {
		m.message = S("No keyring to modify (encryption not enabled)");
		log_err(g->log, "serf: %.*s", PS(m.message));
	} else {
		log_info(g->log, "serf: Received %s query", o->name);
		if (o->run(&g->keys, request.key, &f)) {
			m.message = slice_of(f.text);
			log_err(g->log, "serf: %s: %s", o->failure, f.text);
		} else {
			m.result = true;
			save_ring(g);
		}
	}
	answer(g, to, &m);
}

bool serf_key_take(struct gossip *g, const struct gossip_asked *to, struct slice name, struct slice payload)
{
	if (slice_is(name, "list-keys")) {
		list_keys(g, to);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(operations); i++)
		if (slice_is(name, operations[i].name)) {
			change_ring(g, to, &operations[i], payload);
			return true;
		}
	return false;
}

/* ---- counting ---- */

static void note_message(struct query *q, struct slice node, struct slice text)
{
	struct key_message *m = malloc(sizeof *m + node.n + text.n);
	if (!m)
		return;
	char *p = (char *)(m + 1);
	memcpy(p, node.p, node.n);
	memcpy(p + node.n, text.p ? text.p : "", text.n);
	*m = (struct key_message){{p, node.n}, {p + node.n, text.n}};
	if (!map_put(&q->messages, m->node, m, NULL))
		free(m);
}

static void note_key(struct query *q, struct slice key)
{
	struct key_count *c = map_get(&q->keys, key);
	if (!c) {
		c = malloc(sizeof *c + key.n);
		if (!c)
			return;
		memcpy(c + 1, key.p, key.n);
		*c = (struct key_count){slice_at(c + 1, key.n), 0};
		if (!map_put(&q->keys, c->key, c, NULL)) {
			free(c);
			return;
		}
	}
	c->n++;
}

/* fmt.Sprintf("%v") of bytes: "[1 2 3]". */
static struct slice bytes_text(struct gossip *g, const char *what, struct slice bytes)
{
	struct buf b = {0};
	buf_fmt(&b, "%s: [", what);
	for (size_t i = 0; i < bytes.n; i++)
		buf_fmt(&b, i ? " %u" : "%u", (uint8_t)bytes.p[i]);
	buf_char(&b, ']');
	struct slice text = arena_copy(&g->scratch, buf_view(&b));
	buf_free(&b);
	return text;
}

void serf_key_count(struct gossip *g, struct query *q, struct slice from, struct slice payload)
{
	struct msg_key_response m;
	struct slice wrong = S_NONE;
	if (!payload.n || payload.p[0] != SERF_KEY_RESPONSE)
		wrong = bytes_text(g, "Invalid key query response type", payload);
	else if (!message_get(slice_from(payload, 1), &msg_key_response_schema, &m, &g->scratch, NULL))
		wrong = bytes_text(g, "Failed to decode key query response", payload);
	if (wrong.n || !m.result) {
		note_message(q, from, wrong.n ? wrong : m.message);
		q->errors++;
	}
	const struct slice *keys = wrong.n ? NULL : m.keys.items;
	for (uint32_t i = 0; keys && i < m.keys.n; i++)
		note_key(q, keys[i]);
}

static const struct gossip_keys *result_of(struct gossip *g, const struct query *q)
{
	struct arena *a = &g->out->mem;
	struct gossip_keys *r = ARENA_NEW(a, struct gossip_keys);
	struct gossip_key_count *keys = ARENA_ARRAY(a, struct gossip_key_count, q->keys.n + 1);
	struct pair *messages = ARENA_ARRAY(a, struct pair, q->messages.n + 1);
	MUST(r && keys && messages);
	*r = (struct gossip_keys){.nodes = q->nodes,
	        .answers = (uint32_t)q->answers.n,
	        .errors = q->errors,
	        .keys = keys,
	        .messages = messages};
	size_t at = 0;
	for (const struct key_count *c; (c = map_next(&q->keys, &at));)
		keys[r->key_n++] = (struct gossip_key_count){gossip_keep(g, c->key), c->n};
	at = 0;
	for (const struct key_message *m; (m = map_next(&q->messages, &at));)
		messages[r->message_n++] = (struct pair){gossip_keep(g, m->node), gossip_keep(g, m->text)};
	return r;
}

void serf_key_done(struct gossip *g, struct query *q)
{
	struct slice text = S_NONE;
	uint32_t answers = (uint32_t)q->answers.n;
	if (q->errors)
		text = arena_str(&g->scratch, "%u/%u nodes reported failure", q->errors, q->nodes);
	else if (answers != q->nodes)
		text = arena_str(&g->scratch, "%u/%u nodes reported success", answers, q->nodes);
	struct gossip_effect *x = gossip_effect_add(g, GX_KEYS);
	x->keys.tag = q->tag;
	x->keys.result = result_of(g, q);
	gossip_done(g, q->tag, text.n ? ERR_FAILED : OK, text, answers);
}
