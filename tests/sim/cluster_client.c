/* What clients ask, at any agent: of the keys and sessions of one datacenter each, at home or from elsewhere. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/method/txn.h"
#include "tests/sim/cluster_world.h"

#define PATIENCE (10 * NS_PER_S)

enum { LARGE = 3000 };

static void ask_later(struct cluster *c, struct client *k, dur_ns after);

struct slice datacenter_name(unsigned dc)
{
	static const char *const names[DCS] = {"dc1", "dc2", "dc3"};
	return slice_of(names[dc]);
}

static struct slice datacenter_of(const struct client *k)
{
	return datacenter_name(k->dc);
}

struct op *client_op(struct cluster *c, const struct client *k)
{
	return &c->ops[k->op];
}

static void op_new(struct cluster *c, struct client *k, enum op_kind kind, unsigned key)
{
	if (c->ops_n == c->ops_cap) {
		c->ops_cap = c->ops_cap ? c->ops_cap * 2 : 512;
		c->ops = realloc(c->ops, c->ops_cap * sizeof *c->ops);
		MUST(c->ops);
	}
	c->ops_n += !c->ops_n; /* 0 is none */
	k->op = c->ops_n++;
	struct op *o = client_op(c, k);
	*o = (struct op){.kind = kind, .key = key, .dc = k->dc};
	for (unsigned i = 0; i < c->dcs; i++)
		o->floor[i] = c->dc[i].floor;
}

/* ---- what is asked ---- */

static struct slice key_name(char room[static 3], unsigned key)
{
	room[0] = 'k';
	room[1] = (char)('0' + key);
	return slice_at(room, 2);
}

static struct slice value_new(struct cluster *c, const struct client *k, char room[static LARGE])
{
	int n = snprintf(room, LARGE, "value %llu ", (unsigned long long)k->op);
	if (!c->big || cluster_chance(c, 60))
		return slice_at(room, (size_t)n);
	memset(room + n, 'x', LARGE - (size_t)n);
	return slice_at(room, LARGE);
}

static void ask_kvs(struct cluster *c, struct client *k, const char *op, struct question *q)
{
	struct op *o = client_op(c, k);
	char key[3], value[LARGE];
	struct kvs_request r = {.datacenter = datacenter_of(k), .op = slice_of(op)};
	r.dir_entry.key = key_name(key, o->key);
	r.dir_entry.flags = k->op;
	r.dir_entry.value = value_new(c, k, value);
	if (o->kind == OP_CAS || o->kind == OP_DELETE_CAS)
		r.dir_entry.modify_index = o->seen = cluster_chance(c, 15) ? 0 : k->modify[o->key];
	if (o->kind == OP_LOCK || o->kind == OP_UNLOCK)
		r.dir_entry.session = slice_of(k->session);
	q->method = &method_kvs_apply;
	method_write_request(q->method, &r, &q->args);
}

static void txn_op_of(struct txn_kv_op *op, const char *verb, struct slice key, uint64_t number, struct slice value)
{
	*op = (struct txn_kv_op){.verb = slice_of(verb)};
	op->dir_entry.key = key;
	op->dir_entry.flags = number;
	op->dir_entry.value = value;
}

/* Two keys become the same at once, if the first is as it was seen; or one goes and the other comes. */
static void ask_txn(struct cluster *c, struct client *k, struct question *q)
{
	struct op *o = client_op(c, k);
	char keys[2][3], value[LARGE];
	struct slice one, two, v = value_new(c, k, value);
	struct txn_kv_op kv[3];
	struct txn_op ops[3] = {{&kv[0]}, {&kv[1]}, {&kv[2]}};
	struct txn_request r = {.datacenter = datacenter_of(k), .ops = {ops, 3}};
	o->other = (o->key + 1) % (KEYS - 1);
	one = key_name(keys[0], o->key);
	two = key_name(keys[1], o->other);
	raft_index seen = k->modify[o->key];
	uint64_t how = cluster_below(c, 3);
	txn_op_of(&kv[0], !seen ? "check-not-exists" : "check-index", one, k->op, S_NONE);
	kv[0].dir_entry.modify_index = seen;
	txn_op_of(&kv[1], how == 0 ? "cas" : how == 1 ? "set" : "delete", how == 0 ? two : one, k->op, v);
	kv[1].dir_entry.modify_index = k->modify[o->other];
	txn_op_of(&kv[2], how == 0 ? "get" : "set", two, k->op, v);
	if (how && cluster_chance(c, 40)) /* the last may fail, too: then nothing of the others may stay */
		txn_op_of(&kv[0], "set", one, k->op, v), txn_op_of(&kv[2], "get", two, k->op, S_NONE);
	q->method = &method_txn_apply;
	method_write_request(q->method, &r, &q->args);
}

/* Mostly of that datacenter. */
static const struct host *some_node(struct cluster *c, unsigned dc)
{
	const struct host *h = &c->hosts[cluster_below(c, c->hosts_n)];
	for (unsigned i = 0; h->dc != dc && i < 3; i++)
		h = &c->hosts[cluster_below(c, c->hosts_n)];
	return h;
}

static void ask_session(struct cluster *c, struct client *k, bool create, struct question *q)
{
	struct slice serf = S("serfHealth");
	char name[24], node[16];
	struct session_request r = {.datacenter = datacenter_of(k), .op = create ? S("create") : S("destroy")};
	snprintf(name, sizeof name, "%llu", (unsigned long long)k->op);
	snprintf(node, sizeof node, "%s", some_node(c, k->dc)->name);
	r.session.name = slice_of(name);
	r.session.node = slice_of(node);
	r.session.behavior = cluster_chance(c, 50) ? S("release") : S("delete");
	r.session.lock_delay = cluster_chance(c, 50) ? NS_PER_S : 0;
	if (cluster_chance(c, 50))
		r.session.checks = (struct list){&serf, 1};
	if (cluster_chance(c, 30))
		r.session.ttl = S("1s");
	if (!create)
		r.session.id = slice_of(k->session);
	q->method = &method_session_apply;
	method_write_request(q->method, &r, &q->args);
	if (!create)
		k->session[0] = 0;
}

static void ask_renew(struct client *k, struct question *q)
{
	const struct session_request_one r = {
	        .head = {.datacenter = datacenter_of(k)}, .session = slice_of(k->session)};
	q->method = &method_session_renew;
	method_write_request(q->method, &r, &q->args);
}

static void ask_read(struct cluster *c, struct client *k, struct question *q)
{
	struct op *o = client_op(c, k);
	char key[3];
	struct key_request r = {.head = {.datacenter = datacenter_of(k)}, .key = key_name(key, o->key)};
	r.head.q.require_consistent = o->newest = o->kind == OP_READ || cluster_chance(c, 30);
	r.head.q.allow_stale = !o->newest && cluster_chance(c, 60);
	if (o->kind == OP_BLOCK) {
		r.head.q.min_index = o->seen = k->last[o->key];
		r.head.q.max_query_time = c->quiet ? PATIENCE / 2 : cluster_some(c, 50 * NS_PER_MS, 3 * NS_PER_S);
	}
	q->method = &method_kvs_get;
	method_write_request(q->method, &r, &q->args);
}

static void ask_txn_read(struct cluster *c, struct client *k, struct question *q)
{
	struct op *o = client_op(c, k);
	char keys[2][3];
	struct txn_kv_op kv[2];
	struct txn_op ops[2] = {{&kv[0]}, {&kv[1]}};
	struct txn_read_request r = {.head = {.datacenter = datacenter_of(k)}, .ops = {ops, 2}};
	o->other = (o->key + 1) % (KEYS - 1);
	o->newest = r.head.q.require_consistent = cluster_chance(c, 70);
	txn_op_of(&kv[0], "get", key_name(keys[0], o->key), 0, S_NONE);
	txn_op_of(&kv[1], "get", key_name(keys[1], o->other), 0, S_NONE);
	q->method = &method_txn_read;
	method_write_request(q->method, &r, &q->args);
}

static void write_question(struct cluster *c, struct client *k, struct question *q)
{
	switch (client_op(c, k)->kind) {
	case OP_SET: ask_kvs(c, k, "set", q); break;
	case OP_CAS: ask_kvs(c, k, "cas", q); break;
	case OP_DELETE: ask_kvs(c, k, "delete", q); break;
	case OP_DELETE_CAS: ask_kvs(c, k, "delete-cas", q); break;
	case OP_LOCK: ask_kvs(c, k, "lock", q); break;
	case OP_UNLOCK: ask_kvs(c, k, "unlock", q); break;
	case OP_TXN: ask_txn(c, k, q); break;
	case OP_SESSION: ask_session(c, k, true, q); break;
	case OP_DESTROY: ask_session(c, k, false, q); break;
	case OP_RENEW: ask_renew(k, q); break;
	case OP_READ:
	case OP_STALE:
	case OP_BLOCK: ask_read(c, k, q); break;
	case OP_TXN_READ: ask_txn_read(c, k, q); break;
	default: MUST(services_question(c, k, q));
	}
}

static enum op_kind choose(struct cluster *c, const struct client *k)
{
	static const enum op_kind kinds[] = {OP_SET, OP_SET, OP_SET, OP_CAS, OP_CAS, OP_DELETE, OP_DELETE_CAS, OP_LOCK,
	        OP_LOCK, OP_UNLOCK, OP_TXN, OP_TXN, OP_DESTROY, OP_RENEW, OP_READ, OP_READ, OP_READ, OP_READ, OP_STALE,
	        OP_STALE, OP_BLOCK, OP_BLOCK, OP_BLOCK, OP_TXN_READ, OP_REGISTER, OP_DEREGISTER, OP_SERVICE,
	        OP_SERVICE_BLOCK, OP_NODES, OP_DATACENTERS, OP_FIND};
	enum op_kind kind = kinds[cluster_below(c, ARRAY_LEN(kinds))];
	bool wants = kind == OP_LOCK || kind == OP_UNLOCK || kind == OP_DESTROY || kind == OP_RENEW;
	if (kind == OP_FIND && !c->dc[k->dc].has_query)
		return cluster_chance(c, 50) ? OP_DEFINE : OP_FIND;
	return wants && !k->session[0] ? OP_SESSION : kind;
}

static void on_patience(struct cluster *c, struct hap *e)
{
	struct client *k = &c->clients[e->peer];
	if (k->op != e->number)
		return;
	for (struct asked *a = k->host->asked; a; a = a->next)
		if (a->client == k)
			a->client = NULL;
	client_lost(c, k);
}

uint64_t client_asks(struct cluster *c, struct client *k, struct host *h, enum op_kind kind, unsigned key)
{
	struct question q = {0};
	op_new(c, k, kind, key);
	uint64_t number = k->op;
	write_question(c, k, &q);
	k->host = h;
	struct hap *late = cluster_later(c, PATIENCE, on_patience, NULL);
	late->peer = k->number;
	late->number = number;
	struct asked *a = asked_new(c, h, slice_of(q.method->name), buf_view(&q.args));
	a->client = k;
	buf_free(&q.args);
	asked_run(c, a);
	return number;
}

static void on_ask(struct cluster *c, struct hap *e)
{
	struct client *k = &c->clients[e->peer];
	struct host *h = &c->hosts[cluster_below(c, c->hosts_n)];
	if (c->quiet)
		return;
	if (!h->up || h->paused > c->now || (h->dc != k->dc && cluster_chance(c, 50))) {
		ask_later(c, k, cluster_some(c, NS_PER_MS, c->client_pause));
		return;
	}
	client_asks(c, k, h, choose(c, k), (unsigned)cluster_below(c, KEYS - 1));
}

static void ask_later(struct cluster *c, struct client *k, dur_ns after)
{
	k->op = 0;
	cluster_later(c, after, on_ask, NULL)->peer = k->number;
}

void client_begin(struct cluster *c)
{
	for (unsigned i = 0; i < ARRAY_LEN(c->clients); i++) {
		struct client *k = &c->clients[i];
		k->number = i;
		k->dc = i % c->dcs;
		if (i < c->clients_n)
			ask_later(c, k, cluster_some(c, 1500 * NS_PER_MS, 3 * NS_PER_S));
	}
}

/* ---- answers ---- */

void client_answered(struct cluster *c, struct client *k, struct slice error, struct slice body)
{
	struct op *o = client_op(c, k);
	o->done = true;
	o->refused = error.n > 0;
	if (error.n)
		c->report->refused++;
	else
		answer_take(c, k, body);
	c->report->far += !error.n && k->host->dc != k->dc;
	if (error.n && c->quiet)
		cluster_say(c, "refused: %.*s", PS(error));
	if (error.n && slice_search(error, S("session")) >= 0)
		k->session[0] = 0;
	ask_later(c, k, cluster_some(c, NS_PER_MS / 10, c->client_pause));
}

void client_lost(struct cluster *c, struct client *k)
{
	c->report->lost++;
	ask_later(c, k, cluster_some(c, NS_PER_MS, c->client_pause));
}
