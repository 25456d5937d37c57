/* What the commands of the log mean, said once more and as simply as possible: keys with their versions, sessions, the
 * nodes that sessions live on. It knows no trees, indexes or savepoints, so that it can't share their mistakes. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/state/command.h"
#include "core/state/health.h"
#include "core/state/kv.h"
#include "core/state/session.h"
#include "tests/sim/cluster_world.h"

enum { NODES_MAX = 64 };

struct history {
	struct version *items; /* oldest first; the first is of index 0: not there */
	size_t n, cap;
};

struct model_session {
	char id[ID_MAX], node[16];
	bool deletes, checks, alive;
};

struct model_node {
	char name[16];
	bool there, checked, critical; /* checked: it has a serfHealth */
};

struct model {
	struct history keys[THINGS];
	struct model_session *sessions;
	size_t sessions_n, sessions_cap;
	struct model_node nodes[NODES_MAX];
	unsigned nodes_n;
	struct outcome *outcomes; /* [index] */
	size_t outcomes_cap;
	raft_index index;
};

static void *grown(void *p, size_t *cap, size_t n, size_t size)
{
	if (n < *cap)
		return p;
	size_t was = *cap;
	*cap = *cap ? *cap * 2 : 64;
	while (*cap <= n)
		*cap *= 2;
	p = realloc(p, *cap * size);
	MUST(p);
	memset((char *)p + was * size, 0, (*cap - was) * size);
	return p;
}

struct model *model_new(void)
{
	struct model *m = calloc(1, sizeof *m);
	MUST(m);
	for (unsigned i = 0; i < THINGS; i++) {
		struct history *k = &m->keys[i];
		k->items = grown(k->items, &k->cap, 0, sizeof *k->items);
		k->n = 1;
	}
	return m;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < THINGS; i++)
		free(m->keys[i].items);
	free(m->sessions);
	free(m->outcomes);
	free(m);
}

/* ---- keys ---- */

static unsigned key_of(struct slice key)
{
	if (key.n != 2 || key.p[0] != 'k' || key.p[1] < '0' || key.p[1] >= '0' + KEYS)
		return NO_KEY;
	return (unsigned)(key.p[1] - '0');
}

static uint64_t value_of(struct slice value)
{
	static const uint64_t seed[2] = {7, 11};
	return value.n ? hash_bytes(seed, value) : 0;
}

static struct version *now_of(struct model *m, unsigned key)
{
	struct history *k = &m->keys[key];
	return &k->items[k->n - 1];
}

/* The newest version, to be changed by this entry. */
static struct version *change(struct model *m, unsigned key)
{
	struct history *k = &m->keys[key];
	if (now_of(m, key)->index == m->index)
		return now_of(m, key);
	k->items = grown(k->items, &k->cap, k->n, sizeof *k->items);
	k->items[k->n] = k->items[k->n - 1];
	k->items[k->n++].index = m->index;
	return now_of(m, key);
}

static void set(struct model *m, unsigned key, const struct dir_entry *e, uint64_t lock, const char *session)
{
	struct version *v = change(m, key);
	v->create = v->there ? v->create : m->index;
	v->there = true;
	v->flags = e->flags;
	v->value = value_of(e->value);
	v->lock = lock;
	v->modify = m->index;
	if (session)
		snprintf(v->session, sizeof v->session, "%s", session);
}

static void delete (struct model *m, unsigned key)
{
	if (now_of(m, key)->there)
		*change(m, key) = (struct version){.index = m->index};
}

static bool is_at(struct model *m, unsigned key, raft_index modify)
{
	const struct version *v = now_of(m, key);
	return v->there ? modify && v->modify == modify : !modify;
}

/* ---- sessions ---- */

static struct model_session *session_of(const struct model *m, const char *id)
{
	for (size_t i = m->sessions_n; i-- > 0;)
		if (!strcmp(m->sessions[i].id, id))
			return &m->sessions[i];
	return NULL;
}

bool model_session(const struct model *m, const char *id)
{
	const struct model_session *s = session_of(m, id);
	return s && s->alive;
}

static struct model_node *node_of(struct model *m, struct slice name, bool make)
{
	for (unsigned i = 0; i < m->nodes_n; i++)
		if (slice_is(name, m->nodes[i].name))
			return &m->nodes[i];
	if (!make)
		return NULL;
	MUST(m->nodes_n < NODES_MAX);
	struct model_node *n = &m->nodes[m->nodes_n++];
	slice_cstr(name, n->name, sizeof n->name);
	return n;
}

static void session_gone(struct model *m, struct model_session *s)
{
	s->alive = false;
	for (unsigned i = 0; i < KEYS; i++) {
		if (!now_of(m, i)->there || strcmp(now_of(m, i)->session, s->id) != 0)
			continue;
		if (s->deletes) {
			delete (m, i);
			continue;
		}
		struct version *v = change(m, i);
		v->session[0] = 0;
		v->modify = m->index;
	}
}

/* All of a node, or those that hang on its health. */
static void sessions_gone(struct model *m, const char *node, bool all)
{
	for (size_t i = 0; i < m->sessions_n; i++) {
		struct model_session *s = &m->sessions[i];
		if (s->alive && !strcmp(s->node, node) && (all || s->checks))
			session_gone(m, s);
	}
}

/* ---- commands ---- */

static uint64_t number_of(struct slice name)
{
	char text[24];
	return strtoull(slice_cstr(name, text, sizeof text), NULL, 10);
}

static uint64_t apply_kvs(struct model *m, const struct kvs_request *q, struct outcome *o)
{
	const struct dir_entry *e = &q->dir_entry;
	unsigned key = key_of(e->key);
	char session[ID_MAX];
	if (key == NO_KEY)
		return 0;
	const struct version v = *now_of(m, key);
	slice_cstr(e->session, session, sizeof session);
	bool mine = v.there && session[0] && !strcmp(v.session, session);
	if (slice_is(q->op, "set")) {
		set(m, key, e, e->lock_index, NULL);
	} else if (slice_is(q->op, "delete")) {
		delete (m, key);
	} else if (slice_is(q->op, "cas")) {
		o->how = is_at(m, key, e->modify_index) ? OUTCOME_DONE : OUTCOME_NO;
		if (o->how == OUTCOME_DONE)
			set(m, key, e, e->lock_index, NULL);
	} else if (slice_is(q->op, "delete-cas")) {
		o->how = !v.there || v.modify == e->modify_index ? OUTCOME_DONE : OUTCOME_NO;
		if (o->how == OUTCOME_DONE)
			delete (m, key);
	} else if (slice_is(q->op, "lock")) {
		o->how = !model_session(m, session)          ? OUTCOME_ERROR
		         : !v.there || !v.session[0] || mine ? OUTCOME_DONE
		                                             : OUTCOME_NO;
		if (o->how == OUTCOME_DONE)
			set(m, key, e, mine ? v.lock : v.there ? v.lock + 1 : 1, session);
	} else if (slice_is(q->op, "unlock")) {
		o->how = mine ? OUTCOME_DONE : OUTCOME_NO;
		if (mine)
			set(m, key, e, v.lock, "");
	}
	return e->flags;
}

static uint64_t apply_session(struct model *m, const struct session_request *q, struct outcome *o)
{
	char id[ID_MAX];
	slice_cstr(q->session.id, id, sizeof id);
	if (!slice_is(q->op, "create")) {
		struct model_session *s = session_of(m, id);
		if (s && s->alive)
			session_gone(m, s);
		return number_of(q->session.name);
	}
	const struct model_node *n = node_of(m, q->session.node, false);
	bool checks = q->session.checks.n;
	o->how = n && n->there && (!checks || (n->checked && !n->critical)) ? OUTCOME_DONE : OUTCOME_ERROR;
	if (o->how == OUTCOME_DONE) {
		m->sessions = grown(m->sessions, &m->sessions_cap, m->sessions_n, sizeof *m->sessions);
		struct model_session *s = &m->sessions[m->sessions_n++];
		*s = (struct model_session){.checks = checks, .alive = true};
		s->deletes = slice_is(q->session.behavior, "delete");
		memcpy(s->id, id, sizeof id);
		memcpy(s->node, n->name, sizeof s->node);
		memcpy(o->id, id, sizeof id);
	}
	return number_of(q->session.name);
}

/* False: the transaction fails. */
static bool apply_txn_op(struct model *m, const struct txn_kv_op *op)
{
	const struct dir_entry *e = &op->dir_entry;
	unsigned key = key_of(e->key);
	MUST(key != NO_KEY);
	const struct version *v = now_of(m, key);
	if (slice_is(op->verb, "get"))
		return v->there;
	if (slice_is(op->verb, "check-index"))
		return v->there && v->modify == e->modify_index;
	if (slice_is(op->verb, "check-not-exists"))
		return !v->there;
	if (slice_is(op->verb, "delete")) {
		delete (m, key);
		return true;
	}
	if (slice_is(op->verb, "cas") && !is_at(m, key, e->modify_index))
		return false;
	set(m, key, e, e->lock_index, NULL);
	return true;
}

static uint64_t apply_txn(struct model *m, const struct txn_request *q, struct outcome *o)
{
	const struct txn_op *ops = q->ops.items;
	struct version before[KEYS];
	size_t lengths[KEYS];
	uint64_t number = q->ops.n ? ops[0].kv->dir_entry.flags : 0;
	for (unsigned i = 0; i < KEYS; i++) {
		before[i] = *now_of(m, i);
		lengths[i] = m->keys[i].n;
	}
	for (uint32_t i = 0; i < q->ops.n; i++)
		if (!apply_txn_op(m, ops[i].kv)) {
			o->how = OUTCOME_NO;
			for (unsigned k = 0; k < KEYS; k++) {
				m->keys[k].n = lengths[k];
				*now_of(m, k) = before[k];
			}
			break;
		}
	return number;
}

static void note_check(struct model *m, struct model_node *n, const struct health_check *h)
{
	if (!slice_is(h->check_id, "serfHealth"))
		return;
	n->checked = true;
	n->critical = slice_is(h->status, "critical");
	if (n->critical)
		sessions_gone(m, n->name, false);
}

/* Clients register their service only, on nodes that are nobody's: as a key whose value is its port. */
static bool is_web(struct slice node, struct slice service)
{
	return node.n && node.p[0] == 'x' && slice_is(service, "web");
}

static uint64_t apply_register(struct model *m, const struct register_request *q)
{
	struct model_node *n = node_of(m, q->node, true);
	const struct health_check *checks = q->checks.items;
	n->there = true;
	if (q->check)
		note_check(m, n, q->check);
	for (uint32_t i = 0; i < q->checks.n; i++)
		note_check(m, n, &checks[i]);
	if (!q->service || !is_web(q->node, q->service->id))
		return 0;
	const struct dir_entry e = {.flags = (uint64_t)q->service->port};
	set(m, WEB, &e, 0, NULL);
	now_of(m, WEB)->service = true;
	return e.flags;
}

static uint64_t apply_deregister(struct model *m, const struct deregister_request *q)
{
	struct model_node *n = node_of(m, q->node, false);
	if (is_web(q->node, q->service_id)) {
		delete (m, WEB);
		return number_of(q->token);
	}
	if (!n || q->service_id.n || (q->check_id.n && !slice_is(q->check_id, "serfHealth")))
		return 0;
	sessions_gone(m, n->name, !q->check_id.n);
	n->checked = false;
	n->there = n->there && q->check_id.n;
	return 0;
}

uint64_t model_apply(struct model *m, const struct known *e)
{
	struct arena a = {0};
	union {
		struct kvs_request kvs;
		struct session_request session;
		struct txn_request txn;
		struct register_request reg;
		struct deregister_request dereg;
	} q;
	struct slice body = slice_at(e->data + 1, e->n ? e->n - 1 : 0);
	uint64_t number = 0;
	m->index = e->index;
	m->outcomes = grown(m->outcomes, &m->outcomes_cap, e->index, sizeof *m->outcomes);
	struct outcome *o = &m->outcomes[e->index];
	switch (e->type == RAFT_COMMAND && e->n ? (uint8_t)e->data[0] : 255) {
	case COMMAND_KVS:
		MUST(command_read(body, &kvs_request_schema, &q, &a));
		number = apply_kvs(m, &q.kvs, o);
		break;
	case COMMAND_SESSION:
		MUST(command_read(body, &session_request_schema, &q, &a));
		number = apply_session(m, &q.session, o);
		break;
	case COMMAND_TXN:
		MUST(command_read(body, &txn_request_schema, &q, &a));
		number = apply_txn(m, &q.txn, o);
		break;
	case COMMAND_REGISTER:
		MUST(command_read(body, &register_request_schema, &q, &a));
		number = apply_register(m, &q.reg);
		break;
	case COMMAND_DEREGISTER:
		MUST(command_read(body, &deregister_request_schema, &q, &a));
		number = apply_deregister(m, &q.dereg);
		break;
	default: break;
	}
	arena_free(&a);
	return number;
}

/* ---- looking ---- */

const struct outcome *model_outcome(const struct model *m, raft_index index)
{
	MUST(index < m->outcomes_cap);
	return &m->outcomes[index];
}

const struct version *model_at(const struct model *m, unsigned thing, raft_index index)
{
	const struct history *k = &m->keys[thing];
	size_t i = k->n;
	while (k->items[i - 1].index > index)
		i--;
	return &k->items[i - 1];
}

const struct version *model_next(const struct model *m, unsigned key, const struct version *v, raft_index *until)
{
	const struct history *k = &m->keys[key];
	size_t i = v ? (size_t)(v - k->items) + 1 : 0;
	if (i == k->n)
		return NULL;
	*until = i + 1 < k->n ? k->items[i + 1].index : UINT64_MAX;
	return &k->items[i];
}

bool model_same(const struct version *v, const struct dir_entry *e)
{
	if (v->service)
		return v->there && v->flags == e->flags;
	return v->there && v->modify == e->modify_index && v->create == e->create_index && v->lock == e->lock_index &&
	       v->flags == e->flags && v->value == value_of(e->value) && slice_is(e->session, v->session);
}

static void compare_sessions(struct cluster *c, struct host *h, const struct model *m)
{
	const struct db_root *r = h->world.db;
	size_t alive = 0;
	for (size_t i = 0; i < m->sessions_n; i++) {
		struct arena a = {0};
		const struct session *s = NULL;
		struct fail f;
		if (session_get(r, NULL, slice_of(m->sessions[i].id), &a, NULL, &s, &f) ||
		        (s != NULL) != m->sessions[i].alive)
			cluster_wrong(c, "%s: session %s is %s", h->name, m->sessions[i].id, s ? "alive" : "gone");
		alive += m->sessions[i].alive;
		arena_free(&a);
	}
	if (alive != db_count(r, TREE_SESSIONS))
		cluster_wrong(c, "%s has %zu sessions, it should have %zu", h->name, db_count(r, TREE_SESSIONS), alive);
}

static void compare_service(struct cluster *c, struct host *h, const struct version *v)
{
	struct arena a = {0};
	struct list nodes = {0};
	health_service_nodes(h->world.db, NULL, S("web"), ANY_TAG, S_NONE, &a, &nodes);
	const struct check_service_node *n = nodes.items;
	if (nodes.n != v->there || (nodes.n && (uint64_t)n->service->port != v->flags))
		cluster_wrong(c, "%s at %llu has %u instances of the service, of %lld; it should %s %llu", h->name,
		        (unsigned long long)h->world.applied, nodes.n, nodes.n ? (long long)n->service->port : 0,
		        v->there ? "be of" : "be gone since", (unsigned long long)(v->there ? v->flags : v->index));
	arena_free(&a);
}

void model_compare(struct cluster *c, struct host *h)
{
	const struct model *m = c->dc[h->dc].truth.model;
	raft_index at = h->world.applied;
	for (unsigned i = 0; i < KEYS; i++) {
		struct arena a = {0};
		struct dir_entry e;
		char key[3] = {'k', (char)('0' + i), 0};
		bool found;
		const struct version *v = model_at(m, i, at);
		kv_get(h->world.db, NULL, slice_of(key), &a, &e, &found);
		if (found != v->there || (found && !model_same(v, &e)))
			cluster_wrong(c,
			        "%s at %llu has %s of %llu, made %llu, lock %llu, session '%.*s', flags %llu; it "
			        "should %s %llu, %llu, %llu, '%s', %llu",
			        h->name, (unsigned long long)at, key, found ? (unsigned long long)e.modify_index : 0,
			        found ? (unsigned long long)e.create_index : 0,
			        found ? (unsigned long long)e.lock_index : 0, PS(found ? e.session : S_NONE),
			        found ? (unsigned long long)e.flags : 0, v->there ? "be" : "not be there",
			        (unsigned long long)v->modify, (unsigned long long)v->create,
			        (unsigned long long)v->lock, v->session, (unsigned long long)v->flags);
		arena_free(&a);
	}
	compare_service(c, h, model_at(m, WEB, at));
	if (at == m->index)
		compare_sessions(c, h, m);
}
