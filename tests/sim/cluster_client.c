/* What clients ask, at any agent, and whether the answers can be: linearizability, with the log as the order of things.
 *
 * Whoever was told something has seen the log up to a point: a write up to its own entry, a read up to the first moment
 * at which what it saw was so. `floor` is the furthest such point of all that was answered before an operation began.
 * A write has to be behind it, and to answer what the model answers there. What a read saw must have been so at some
 * moment not before it; only stale reads may be of any time. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/method/txn.h"
#include "tests/sim/cluster_world.h"

#define PATIENCE (10 * NS_PER_S)

enum { LARGE = 3000 };

static void ask_later(struct cluster *c, struct client *k, dur_ns after);

static struct slice datacenter_of(const struct client *k)
{
	return k->dc ? S("dc2") : S("dc1");
}

static struct op *op_of(struct cluster *c, const struct client *k)
{
	return &c->ops[k->op];
}

static void op_new(struct cluster *c, struct client *k, enum op_kind kind)
{
	if (c->ops_n == c->ops_cap) {
		c->ops_cap = c->ops_cap ? c->ops_cap * 2 : 512;
		c->ops = realloc(c->ops, c->ops_cap * sizeof *c->ops);
		MUST(c->ops);
	}
	c->ops_n += !c->ops_n; /* 0 is none */
	k->op = c->ops_n++;
	k->since = c->now;
	*op_of(c, k) = (struct op){.kind = kind, .floor = c->dc[k->dc].floor};
	op_of(c, k)->key = (unsigned)cluster_below(c, KEYS);
}

/* ---- what is asked ---- */

struct question {
	const struct method *method;
	struct buf args;
};

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
	struct op *o = op_of(c, k);
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
	struct op *o = op_of(c, k);
	char keys[2][3], value[LARGE];
	struct slice one, two, v = value_new(c, k, value);
	struct txn_kv_op kv[3];
	struct txn_op ops[3] = {{&kv[0]}, {&kv[1]}, {&kv[2]}};
	struct txn_request r = {.datacenter = datacenter_of(k), .ops = {ops, 3}};
	o->other = (o->key + 1) % KEYS;
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

static void ask_session(struct cluster *c, struct client *k, bool create, struct question *q)
{
	struct slice serf = S("serfHealth");
	char name[24], node[16];
	struct session_request r = {.datacenter = datacenter_of(k), .op = create ? S("create") : S("destroy")};
	snprintf(name, sizeof name, "%llu", (unsigned long long)k->op);
	snprintf(node, sizeof node, "%s", c->hosts[cluster_below(c, c->hosts_n)].name);
	r.session.name = slice_of(name);
	r.session.node = slice_of(node);
	r.session.behavior = cluster_chance(c, 50) ? S("release") : S("delete");
	r.session.lock_delay = cluster_chance(c, 50) ? NS_PER_S : 0;
	if (cluster_chance(c, 50))
		r.session.checks = (struct list){&serf, 1};
	if (cluster_chance(c, 30))
		r.session.ttl = S("1s");
	if (!create) {
		r.session.id = slice_of(k->session);
		memset(k->holds, 0, sizeof k->holds);
	}
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
	struct op *o = op_of(c, k);
	char key[3];
	struct key_request r = {.head = {.datacenter = datacenter_of(k)}, .key = key_name(key, o->key)};
	r.head.q.require_consistent = o->newest = o->kind == OP_READ || cluster_chance(c, 30);
	r.head.q.allow_stale = !o->newest && cluster_chance(c, 60);
	if (o->kind == OP_BLOCK) {
		r.head.q.min_index = o->seen = k->last[o->key];
		r.head.q.max_query_time = cluster_some(c, 50 * NS_PER_MS, 3 * NS_PER_S);
	}
	q->method = &method_kvs_get;
	method_write_request(q->method, &r, &q->args);
}

static void ask_txn_read(struct cluster *c, struct client *k, struct question *q)
{
	struct op *o = op_of(c, k);
	char keys[2][3];
	struct txn_kv_op kv[2];
	struct txn_op ops[2] = {{&kv[0]}, {&kv[1]}};
	struct txn_read_request r = {.head = {.datacenter = datacenter_of(k)}, .ops = {ops, 2}};
	o->other = (o->key + 1) % KEYS;
	o->newest = r.head.q.require_consistent = cluster_chance(c, 70);
	txn_op_of(&kv[0], "get", key_name(keys[0], o->key), 0, S_NONE);
	txn_op_of(&kv[1], "get", key_name(keys[1], o->other), 0, S_NONE);
	q->method = &method_txn_read;
	method_write_request(q->method, &r, &q->args);
}

static void write_question(struct cluster *c, struct client *k, struct question *q)
{
	switch (op_of(c, k)->kind) {
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
	default: ask_txn_read(c, k, q);
	}
}

static enum op_kind choose(struct cluster *c, const struct client *k)
{
	static const enum op_kind kinds[] = {OP_SET, OP_SET, OP_SET, OP_CAS, OP_CAS, OP_DELETE, OP_DELETE_CAS, OP_LOCK,
	        OP_LOCK, OP_UNLOCK, OP_TXN, OP_TXN, OP_DESTROY, OP_RENEW, OP_READ, OP_READ, OP_READ, OP_READ, OP_STALE,
	        OP_STALE, OP_BLOCK, OP_BLOCK, OP_BLOCK, OP_TXN_READ};
	enum op_kind kind = kinds[cluster_below(c, ARRAY_LEN(kinds))];
	bool wants = kind == OP_LOCK || kind == OP_UNLOCK || kind == OP_DESTROY || kind == OP_RENEW;
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

static void on_ask(struct cluster *c, struct hap *e)
{
	struct client *k = &c->clients[e->peer];
	struct host *h = &c->hosts[cluster_below(c, c->hosts_n)];
	struct question q = {0};
	if (c->quiet)
		return;
	if (!h->up || h->paused > c->now || (h->dc != k->dc && cluster_chance(c, 70))) {
		ask_later(c, k, cluster_some(c, NS_PER_MS, c->client_pause));
		return;
	}
	op_new(c, k, choose(c, k));
	write_question(c, k, &q);
	k->host = h;
	struct hap *late = cluster_later(c, PATIENCE, on_patience, NULL);
	late->peer = k->number;
	late->number = k->op;
	struct asked *a = asked_new(c, h, slice_of(q.method->name), buf_view(&q.args));
	a->client = k;
	buf_free(&q.args);
	asked_run(c, a);
}

static void ask_later(struct cluster *c, struct client *k, dur_ns after)
{
	k->op = 0;
	cluster_later(c, after, on_ask, NULL)->peer = k->number;
}

void client_begin(struct cluster *c)
{
	for (unsigned i = 0; i < c->clients_n; i++) {
		struct client *k = &c->clients[i];
		k->number = i;
		k->dc = i % c->dcs;
		ask_later(c, k, cluster_some(c, 1500 * NS_PER_MS, 3 * NS_PER_S));
	}
}

/* ---- answers ---- */

static void see(struct cluster *c, const struct client *k, raft_index index)
{
	struct datacenter *d = &c->dc[k->dc];
	d->floor = index > d->floor ? index : d->floor;
}

static const struct model *model_of(struct cluster *c, const struct client *k)
{
	return c->dc[k->dc].truth.model;
}

static void complain(struct cluster *c, const struct client *k, const char *what)
{
	const struct op *o = &c->ops[k->op];
	cluster_wrong(c,
	        "client %u at %s, operation %llu of kind %d on k%u: %s (entry %llu; %llu had been seen before)",
	        k->number, k->host->name, (unsigned long long)k->op, (int)o->kind, o->key, what,
	        (unsigned long long)o->index, (unsigned long long)o->floor);
}

/* `yes`: what it was told. */
static void written(struct cluster *c, struct client *k, bool yes)
{
	const struct op *o = op_of(c, k);
	bool delayed = !yes && (o->kind == OP_LOCK);
	if (!o->index && delayed)
		return; /* a lock delay is the leader's own business */
	if (!o->index) {
		complain(c, k, "it was acknowledged, and never done");
		return;
	}
	const struct outcome *out = model_outcome(model_of(c, k), o->index);
	if (o->index <= o->floor)
		complain(c, k, "it is written into the past");
	if (yes != (out->how == OUTCOME_DONE))
		complain(c, k, yes ? "it was told yes, it should be no" : "it was told no, it should be yes");
	see(c, k, o->index);
	c->report->writes++;
}

static void session_made(struct cluster *c, struct client *k, struct slice id)
{
	const struct op *o = op_of(c, k);
	c->report->sessions++;
	written(c, k, true);
	if (cluster_over(c))
		return;
	if (!slice_is(id, model_outcome(model_of(c, k), o->index)->id))
		complain(c, k, "it was told another session");
	slice_cstr(id, k->session, sizeof k->session);
	memset(k->holds, 0, sizeof k->holds);
}

/* When was it so? From *from on, until *until; false: never from `floor` on. */
static bool was_so(const struct model *m, unsigned key, const struct dir_entry *e, raft_index floor, raft_index *from,
        raft_index *until)
{
	for (const struct version *v = NULL; (v = model_next(m, key, v, until));)
		if (*until > floor && (e ? model_same(v, e) : !v->there)) {
			*from = v->index > floor ? v->index : floor;
			return true;
		}
	return false;
}

static void read_one(struct cluster *c, struct client *k, const struct indexed_entries *r)
{
	struct op *o = op_of(c, k);
	const struct dir_entry *e = r->entries.n ? r->entries.items : NULL;
	raft_index from = 0, until;
	c->report->reads++;
	c->report->blocked += o->kind == OP_BLOCK;
	if (!model_of(c, k))
		return;
	if (!was_so(model_of(c, k), o->key, e, o->newest ? o->floor : 0, &from, &until)) {
		complain(c, k, o->newest ? "what it read is of the past, or never was" : "what it read never was");
		return;
	}
	if (o->newest)
		see(c, k, from);
	if (e && r->meta.index < e->modify_index)
		complain(c, k, "the index of an answer is below its entry's");
	k->modify[o->key] = e ? e->modify_index : 0;
	k->last[o->key] = r->meta.index;
}

static void read_two(struct cluster *c, struct client *k, const struct txn_read_response *r)
{
	const struct op *o = op_of(c, k);
	const struct txn_result *t = r->response.results.items;
	const unsigned keys[2] = {o->key, o->other};
	raft_index from = o->newest ? o->floor : 0, until = UINT64_MAX;
	c->report->reads++;
	if (r->response.results.n != 2 || !model_of(c, k))
		return; /* one is not there */
	for (unsigned i = 0; i < 2; i++) {
		raft_index a, b;
		if (!was_so(model_of(c, k), keys[i], t[i].kv, o->newest ? o->floor : 0, &a, &b)) {
			complain(c, k, "what it read together is of the past, or never was");
			return;
		}
		from = a > from ? a : from;
		until = b < until ? b : until;
	}
	if (from >= until)
		complain(c, k, "what it read together was never there together");
	else if (o->newest)
		see(c, k, from);
}

static void take_answer(struct cluster *c, struct client *k, struct slice body)
{
	struct arena a = {0};
	struct mp_reader r = mp_read(body);
	struct op *o = op_of(c, k);
	struct indexed_entries entries = {0};
	struct txn_response txn = {0};
	struct txn_read_response both = {0};
	bool yes;
	switch (o->kind) {
	case OP_SET:
	case OP_DELETE: written(c, k, true); break;
	case OP_CAS:
	case OP_DELETE_CAS:
	case OP_LOCK:
	case OP_UNLOCK:
		yes = mp_bool(&r);
		k->holds[o->key] = o->kind == OP_LOCK && yes;
		c->report->locks += o->kind == OP_LOCK && yes;
		written(c, k, yes);
		break;
	case OP_TXN:
		schema_mp_read(&r, &txn_response_schema, &txn, &a);
		c->report->txns += !txn.errors.n;
		written(c, k, !txn.errors.n);
		break;
	case OP_SESSION: session_made(c, k, mp_str(&r)); break;
	case OP_DESTROY: written(c, k, true); break;
	case OP_RENEW: break;
	case OP_TXN_READ:
		schema_mp_read(&r, &txn_read_response_schema, &both, &a);
		read_two(c, k, &both);
		break;
	default: schema_mp_read(&r, &indexed_entries_schema, &entries, &a); read_one(c, k, &entries);
	}
	if (r.failed && !cluster_over(c))
		complain(c, k, "the answer can't be decoded");
	arena_free(&a);
}

void client_answered(struct cluster *c, struct client *k, struct slice error, struct slice body)
{
	if (error.n)
		c->report->refused++;
	else
		take_answer(c, k, body);
	if (error.n && slice_search(error, S("session")) >= 0)
		k->session[0] = 0;
	op_of(c, k)->done = true;
	ask_later(c, k, cluster_some(c, NS_PER_MS / 10, c->client_pause));
}

void client_lost(struct cluster *c, struct client *k)
{
	c->report->lost++;
	ask_later(c, k, cluster_some(c, NS_PER_MS, c->client_pause));
}
