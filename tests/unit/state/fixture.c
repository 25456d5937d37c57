#include "tests/unit/state/fixture.h"

#include "core/base/num.h"
#include "core/state/key.h"

void machine_begin(struct machine *m)
{
	*m = (struct machine){.index = 10};
	m->db = db_new(NULL);
	ASSERT(m->db);
	state_init(&m->s, m->db);
}

void machine_end(struct machine *m)
{
	state_free(&m->s);
	db_free(m->db);
	arena_free(&m->a);
	buf_free(&m->bytes);
}

const struct db_root *machine_root(const struct machine *m)
{
	return db_published(m->db);
}

bool machine_wakes(struct machine *m, struct watchset *ws)
{
	for (uint32_t i = 0; i < ws->n; i++)
		if (watch_moved(&ws->notes[i], machine_root(m)))
			return true;
	return false;
}

struct slice test_uuid(struct machine *m, unsigned n)
{
	return arena_str(&m->a, "00000000-0000-0000-0000-%012u", n);
}

raft_index apply_bytes(struct machine *m, struct slice command)
{
	state_apply(&m->s, ++m->index, command, m->now, &m->a, &m->out);
	db_publish(m->db);
	return m->index;
}

raft_index apply(struct machine *m, enum command_type type, const struct schema *s, const void *request)
{
	buf_reset(&m->bytes, SIZE_MAX);
	command_write(&m->bytes, type, s, request);
	return apply_bytes(m, buf_view(&m->bytes));
}

/* ---- keys ---- */

raft_index kvs(struct machine *m, const char *op, struct dir_entry e)
{
	struct kvs_request req = {.datacenter = S("dc1"), .op = slice_of(op), .dir_entry = e};
	return apply(m, COMMAND_KVS, &kvs_request_schema, &req);
}

raft_index put_key(struct machine *m, const char *key, const char *value)
{
	return kvs(m, "set", (struct dir_entry){.key = slice_of(key), .value = slice_of(value)});
}

raft_index kv_drop(struct machine *m, const char *key)
{
	return kvs(m, "delete", (struct dir_entry){.key = slice_of(key)});
}

raft_index kv_drop_tree(struct machine *m, const char *prefix)
{
	return kvs(m, "delete-tree", (struct dir_entry){.key = slice_of(prefix)});
}

bool kv_take(struct machine *m, const char *key, struct slice session)
{
	kvs(m, "lock", (struct dir_entry){.key = slice_of(key), .session = session});
	return m->out.kind == APPLY_BOOL && m->out.yes;
}

/* ---- catalog ---- */

raft_index add_node(struct machine *m, const char *name, const char *address)
{
	struct register_request req = {.datacenter = S("dc1"), .node = slice_of(name), .address = slice_of(address)};
	return apply(m, COMMAND_REGISTER, &register_request_schema, &req);
}

raft_index add_service(struct machine *m, const char *node, const char *id, const char *name)
{
	struct node_service svc = {.id = slice_of(id), .service = slice_of(name)};
	struct register_request req = {.node = slice_of(node), .skip_node_update = true, .service = &svc};
	return apply(m, COMMAND_REGISTER, &register_request_schema, &req);
}

raft_index add_check(struct machine *m, const char *node, const char *id, const char *service_id, const char *status)
{
	struct health_check c = {.node = slice_of(node),
	        .check_id = slice_of(id),
	        .name = slice_of(id),
	        .status = slice_of(status),
	        .service_id = slice_of(service_id)};
	struct register_request req = {.node = slice_of(node), .skip_node_update = true, .check = &c};
	return apply(m, COMMAND_REGISTER, &register_request_schema, &req);
}

raft_index drop(struct machine *m, const char *node, const char *service_id, const char *check_id)
{
	struct deregister_request req = {.datacenter = S("dc1"),
	        .node = slice_of(node),
	        .service_id = slice_of(service_id),
	        .check_id = slice_of(check_id)};
	return apply(m, COMMAND_DEREGISTER, &deregister_request_schema, &req);
}

/* ---- sessions ---- */

struct slice add_session(struct machine *m, unsigned n, struct session_spec spec)
{
	struct slice check = slice_of(spec.check), id = test_uuid(m, n);
	struct session_request req = {.datacenter = S("dc1"),
	        .op = S("create"),
	        .session = {.id = id,
	                .node = slice_of(spec.node),
	                .behavior = slice_of(spec.behavior),
	                .lock_delay = spec.lock_delay,
	                .checks = {&check, check.n ? 1 : 0}}};
	apply(m, COMMAND_SESSION, &session_request_schema, &req);
	return id;
}

raft_index drop_session(struct machine *m, struct slice id)
{
	struct session_request req = {.datacenter = S("dc1"), .op = S("destroy"), .session = {.id = id}};
	return apply(m, COMMAND_SESSION, &session_request_schema, &req);
}

/* ---- invariants ---- */

static bool expect(bool ok, const char *what, struct slice key)
{
	if (!ok)
		printf("    %s: %.*s\n", what, PS(key));
	return ok;
}

static bool has_link(const struct db_root *r, enum db_tree t, struct slice key, struct slice primary)
{
	const struct item *it = db_get(r, t, key);
	return it && slice_eq(link_target(it), primary);
}

static struct slice id_bytes(struct machine *m, struct slice text)
{
	struct uuid_bytes u;
	return uuid_parse(text, &u, NULL) == OK ? key_make(&m->a, "x", uuid_slice(&u)) : S_NONE;
}

static bool nodes_consistent(struct machine *m, const struct db_root *r)
{
	bool ok = true;
	size_t with_id = 0;
	struct cursor c;
	cursor_prefix(&c, r, TREE_NODES, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct node *n = item_payload(it);
		struct slice id = id_bytes(m, n->id);
		with_id += id.n > 0;
		ok &= expect(
		        !id.n || has_link(r, TREE_NODES_ID, id, item_key(it)), "node without its id", item_key(it));
	}
	return ok & expect(with_id == db_count(r, TREE_NODES_ID), "ids without nodes", S_NONE);
}

static bool services_consistent(struct machine *m, const struct db_root *r)
{
	bool ok = true;
	size_t named = 0;
	struct cursor c;
	cursor_prefix(&c, r, TREE_SERVICES, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct service_node *sn = item_payload(it);
		struct slice name = key_make(&m->a, "l0l0l", sn->service_name, sn->node, sn->service_id);
		named += sn->service_name.n > 0;
		ok &= expect(
		        has_link(r, TREE_SERVICES_NAME, name, item_key(it)), "service without its name", item_key(it));
		ok &= expect(
		        db_get(r, TREE_NODES, key_make(&m->a, "l", sn->node)), "service without a node", item_key(it));
		ok &= expect(db_get(r, TREE_INDEX, key_make(&m->a, "xl", S("service."), sn->service_name)),
		        "service without an index", item_key(it));
	}
	return ok & expect(named == db_count(r, TREE_SERVICES_NAME), "names without services", S_NONE);
}

static bool checks_consistent(struct machine *m, const struct db_root *r)
{
	bool ok = true;
	size_t of_service = 0;
	struct cursor c;
	cursor_prefix(&c, r, TREE_CHECKS, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct health_check *h = item_payload(it);
		struct slice key = item_key(it),
		             node_service = key_make(&m->a, "l0l0l", h->node, h->service_id, h->check_id);
		of_service += h->service_name.n > 0;
		ok &= expect(has_link(r, TREE_CHECKS_STATUS, key_make(&m->a, "x0x", h->status, key), key),
		        "check without its status", key);
		ok &= expect(!h->service_name.n || has_link(r, TREE_CHECKS_SERVICE,
		                                           key_make(&m->a, "l0x", h->service_name, key), key),
		        "check without its service's name", key);
		ok &= expect(has_link(r, TREE_CHECKS_NODE_SERVICE, node_service, key), "check without its place", key);
		ok &= expect(
		        !h->service_id.n || db_get(r, TREE_SERVICES, key_make(&m->a, "l0l", h->node, h->service_id)),
		        "check without its service", key);
	}
	ok &= expect(db_count(r, TREE_CHECKS) == db_count(r, TREE_CHECKS_STATUS), "statuses without checks", S_NONE);
	ok &= expect(
	        db_count(r, TREE_CHECKS) == db_count(r, TREE_CHECKS_NODE_SERVICE), "places without checks", S_NONE);
	return ok & expect(of_service == db_count(r, TREE_CHECKS_SERVICE), "service names without checks", S_NONE);
}

static bool sessions_consistent(struct machine *m, const struct db_root *r)
{
	bool ok = true;
	size_t checks = 0;
	struct cursor c;
	cursor_prefix(&c, r, TREE_SESSIONS, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct session *s = item_payload(it);
		const struct slice *id = s->checks.items;
		struct slice key = item_key(it);
		ok &= expect(has_link(r, TREE_SESSIONS_NODE, key_make(&m->a, "l0x", s->node, key), key),
		        "session without its node", s->id);
		for (uint32_t i = 0; i < s->checks.n; i++) {
			checks++;
			ok &= expect(
			        has_link(r, TREE_SESSION_CHECKS, key_make(&m->a, "l0l0x", s->node, id[i], key), key),
			        "session without its check", s->id);
			ok &= expect(db_get(r, TREE_CHECKS, key_make(&m->a, "l0l", s->node, id[i])),
			        "check of a session is gone", s->id);
		}
	}
	ok &= expect(db_count(r, TREE_SESSIONS) == db_count(r, TREE_SESSIONS_NODE), "nodes without sessions", S_NONE);
	return ok & expect(checks == db_count(r, TREE_SESSION_CHECKS), "checks without sessions", S_NONE);
}

static bool locks_consistent(struct machine *m, const struct db_root *r)
{
	bool ok = true;
	size_t locked = 0;
	struct cursor c;
	cursor_prefix(&c, r, TREE_KV, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));) {
		struct dir_entry e;
		char session[37];
		kv_item_view(it, &e, session);
		if (!e.session.n)
			continue;
		struct slice id = id_bytes(m, e.session);
		locked++;
		ok &= expect(db_get(r, TREE_SESSIONS, id), "held by nobody", e.key);
		ok &= expect(has_link(r, TREE_KV_SESSION, key_make(&m->a, "xx", id, e.key), e.key),
		        "lock without its link", e.key);
	}
	return ok & expect(locked == db_count(r, TREE_KV_SESSION), "links without locks", S_NONE);
}

static bool queries_consistent(struct machine *m, const struct db_root *r)
{
	bool ok = true;
	size_t names = 0, sessions = 0;
	struct cursor c;
	cursor_prefix(&c, r, TREE_QUERIES, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct prepared_query *q = item_payload(it);
		struct slice key = item_key(it);
		bool template = prepared_query_is_template(q);
		names += (q->name.n > 0) + template;
		ok &= expect(!q->name.n || has_link(r, TREE_QUERIES_NAME, key_make(&m->a, "xl", S("n"), q->name), key),
		        "query without its name", q->name);
		ok &= expect(!template || has_link(r, TREE_QUERIES_NAME, key_make(&m->a, "xl", S("t"), q->name), key),
		        "template without its name", q->name);
		if (!q->session.n)
			continue;
		struct slice session = id_bytes(m, q->session);
		sessions++;
		ok &= expect(db_get(r, TREE_SESSIONS, session), "session of a query is gone", q->session);
		ok &= expect(has_link(r, TREE_QUERIES_SESSION, key_make(&m->a, "xx", session, key), key),
		        "query without its session", q->id);
	}
	ok &= expect(names == db_count(r, TREE_QUERIES_NAME), "names without queries", S_NONE);
	return ok & expect(sessions == db_count(r, TREE_QUERIES_SESSION), "sessions without queries", S_NONE);
}

bool machine_consistent(struct machine *m)
{
	const struct db_root *r = machine_root(m);
	bool ok = nodes_consistent(m, r);
	ok &= services_consistent(m, r);
	ok &= checks_consistent(m, r);
	ok &= sessions_consistent(m, r);
	ok &= queries_consistent(m, r);
	return ok & locks_consistent(m, r);
}

/* Keys and indexes of all trees, and the models as msgpack where they have one. */
static const struct schema *schema_of(enum db_tree t)
{
	switch (t) {
	case TREE_NODES: return &node_schema;
	case TREE_SERVICES: return &service_node_schema;
	case TREE_CHECKS: return &health_check_schema;
	case TREE_SESSIONS: return &session_schema;
	case TREE_COORDINATES: return &coordinate_entry_schema;
	case TREE_ACLS: return &acl_schema;
	case TREE_ACL_BOOTSTRAP: return &acl_bootstrap_schema;
	case TREE_QUERIES: return &prepared_query_schema;
	case TREE_AUTOPILOT: return &autopilot_config_schema;
	default: return NULL;
	}
}

static void dump_item(struct buf *b, enum db_tree t, const struct item *it)
{
	const struct schema *s = schema_of(t);
	mp_put_str(b, item_key(it));
	if (s) {
		schema_mp_write(b, s, item_payload(it));
	} else if (t == TREE_KV) {
		struct dir_entry e;
		char session[37];
		kv_item_view(it, &e, session);
		schema_mp_write(b, &dir_entry_schema, &e);
	} else if (t == TREE_INDEX || t == TREE_TOMBSTONES) {
		mp_put_u64(b, *(const raft_index *)item_payload(it));
	} else {
		mp_put_str(b, link_target(it));
	}
}

struct slice machine_dump(struct machine *m)
{
	struct buf b = {0};
	for (int t = 0; t < TREE_LOCAL_SERVICES; t++) {
		struct cursor c;
		buf_char(&b, (char)t);
		cursor_prefix(&c, machine_root(m), (enum db_tree)t, S_NONE);
		for (const struct item *it; (it = cursor_next(&c));)
			dump_item(&b, (enum db_tree)t, it);
	}
	struct slice all = arena_copy(&m->a, buf_view(&b));
	buf_free(&b);
	return all;
}
