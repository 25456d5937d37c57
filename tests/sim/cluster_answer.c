/* Can the answers be? Linearizability, with the log of the datacenter as the order of things.
 *
 * Whoever was told something has seen the log up to a point: a write up to its own entry, a read up to the first moment
 * at which what it saw was so. `floor` is the furthest such point of all that was answered before an operation began.
 * A write has to be behind it, and to answer what the model answers there. What a read saw must have been so at some
 * moment not before it; only stale reads may be of any time. */
#include <stdio.h>

#include "core/base/slice.h"
#include "core/method/txn.h"
#include "tests/sim/cluster_world.h"

static void see(struct cluster *c, unsigned dc, raft_index index)
{
	struct datacenter *d = &c->dc[dc];
	d->floor = index > d->floor ? index : d->floor;
}

static const struct model *model_of(struct cluster *c, const struct client *k)
{
	return c->dc[k->dc].truth.model;
}

void answer_wrong(struct cluster *c, const struct client *k, const char *what)
{
	const struct op *o = client_op(c, k);
	cluster_wrong(c,
	        "client %u at %s, operation %llu of kind %d on k%u of %s: %s (entry %llu; %llu had been seen before)",
	        k->number, k->host->name, (unsigned long long)k->op, (int)o->kind, o->key, datacenter_name(o->dc).p,
	        what, (unsigned long long)o->index, (unsigned long long)o->floor[o->dc]);
}

void answer_written(struct cluster *c, struct client *k, bool yes)
{
	const struct op *o = client_op(c, k);
	if (!o->index && !yes && o->kind == OP_LOCK)
		return; /* a lock delay is the leader's own business */
	if (!o->index) {
		answer_wrong(c, k, "it was acknowledged, and never done");
		return;
	}
	const struct outcome *out = model_outcome(model_of(c, k), o->index);
	if (o->index <= o->floor[o->dc])
		answer_wrong(c, k, "it is written into the past");
	if (yes != (out->how == OUTCOME_DONE))
		answer_wrong(c, k, yes ? "it was told yes, it should be no" : "it was told no, it should be yes");
	see(c, o->dc, o->index);
	c->report->writes++;
}

static void session_made(struct cluster *c, struct client *k, struct slice id)
{
	const struct op *o = client_op(c, k);
	c->report->sessions++;
	answer_written(c, k, true);
	if (cluster_over(c))
		return;
	if (!slice_is(id, model_outcome(model_of(c, k), o->index)->id))
		answer_wrong(c, k, "it was told another session");
	slice_cstr(id, k->session, sizeof k->session);
}

/* When was it so? From *from on, until *until; false: never from `floor` on. */
static bool was_so(const struct model *m, unsigned thing, const struct dir_entry *e, raft_index floor, raft_index *from,
        raft_index *until)
{
	for (const struct version *v = NULL; (v = model_next(m, thing, v, until));)
		if (*until > floor && (e ? model_same(v, e) : !v->there)) {
			*from = v->index > floor ? v->index : floor;
			return true;
		}
	return false;
}

void answer_read(struct cluster *c, struct client *k, unsigned dc, unsigned thing, const struct dir_entry *e)
{
	const struct op *o = client_op(c, k);
	const struct model *m = c->dc[dc].truth.model;
	raft_index from = 0, until;
	if (!m)
		return; /* nothing was ever applied there */
	if (!was_so(m, thing, e, o->newest ? o->floor[dc] : 0, &from, &until))
		answer_wrong(c, k, o->newest ? "what it read is of the past, or never was" : "what it read never was");
	else if (o->newest)
		see(c, dc, from);
}

static void read_one(struct cluster *c, struct client *k, const struct indexed_entries *r)
{
	struct op *o = client_op(c, k);
	const struct dir_entry *e = r->entries.n ? r->entries.items : NULL;
	c->report->reads++;
	c->report->blocked += o->kind == OP_BLOCK;
	answer_read(c, k, o->dc, o->key, e);
	if (e && r->meta.index < e->modify_index)
		answer_wrong(c, k, "the index of an answer is below its entry's");
	k->modify[o->key] = e ? e->modify_index : 0;
	k->last[o->key] = r->meta.index;
}

static void read_two(struct cluster *c, struct client *k, const struct txn_read_response *r)
{
	const struct op *o = client_op(c, k);
	const struct txn_result *t = r->response.results.items;
	const unsigned keys[2] = {o->key, o->other};
	raft_index floor = o->newest ? o->floor[o->dc] : 0, from = floor, until = UINT64_MAX;
	c->report->reads++;
	if (r->response.results.n != 2 || !model_of(c, k))
		return; /* one is not there */
	for (unsigned i = 0; i < 2; i++) {
		raft_index a, b;
		if (!was_so(model_of(c, k), keys[i], t[i].kv, floor, &a, &b)) {
			answer_wrong(c, k, "what it read together is of the past, or never was");
			return;
		}
		from = a > from ? a : from;
		until = b < until ? b : until;
	}
	if (from >= until)
		answer_wrong(c, k, "what it read together was never there together");
	else if (o->newest)
		see(c, o->dc, from);
}

void answer_take(struct cluster *c, struct client *k, struct slice body)
{
	struct arena a = {0};
	struct mp_reader r = mp_read(body);
	struct indexed_entries entries = {0};
	struct txn_response txn = {0};
	struct txn_read_response both = {0};
	bool yes;
	switch (client_op(c, k)->kind) {
	case OP_SET:
	case OP_DELETE:
	case OP_DESTROY: answer_written(c, k, true); break;
	case OP_LOCK:
	case OP_CAS:
	case OP_DELETE_CAS:
	case OP_UNLOCK:
		yes = mp_bool(&r);
		c->report->locks += yes && client_op(c, k)->kind == OP_LOCK;
		answer_written(c, k, yes);
		break;
	case OP_TXN:
		schema_mp_read(&r, &txn_response_schema, &txn, &a);
		c->report->txns += !txn.errors.n;
		answer_written(c, k, !txn.errors.n);
		break;
	case OP_SESSION: session_made(c, k, mp_str(&r)); break;
	case OP_RENEW: break;
	case OP_TXN_READ:
		schema_mp_read(&r, &txn_read_response_schema, &both, &a);
		read_two(c, k, &both);
		break;
	case OP_READ:
	case OP_STALE:
	case OP_BLOCK:
		schema_mp_read(&r, &indexed_entries_schema, &entries, &a);
		read_one(c, k, &entries);
		break;
	default: services_answer(c, k, &r, &a);
	}
	if (r.failed && !cluster_over(c))
		answer_wrong(c, k, "the answer can't be decoded");
	arena_free(&a);
}
