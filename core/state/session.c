#include "core/state/session.h"

#include "core/base/slice.h"
#include "core/base/text.h"
#include "core/state/key.h"
#include "core/state/notice.h"
#include "core/state/kv.h"
#include "core/state/prepared_query.h"
#include "core/state/put.h"
#include "core/state/rows.h"
#include "core/state/table_index.h"

/* ---- reading ---- */

enum err session_get(const struct db_root *r, struct watchset *ws, struct slice id, struct arena *a, raft_index *index,
        const struct session **out, struct fail *f)
{
	struct uuid_bytes bytes;
	if (uuid_parse(id, &bytes, f))
		return fail_wrap(f, "failed session lookup: index error");
	struct slice key = key_make(a, "x", uuid_slice(&bytes));
	const struct item *it = db_get(r, TREE_SESSIONS, key);
	notice_key(ws, r, TREE_SESSIONS, key, it);
	*out = it ? item_payload(it) : NULL;
	if (index)
		*index = table_index(r, S("sessions"));
	return OK;
}

raft_index session_list(const struct db_root *r, struct watchset *ws, struct arena *a, struct list *sessions)
{
	struct rows rows = ROWS(a, struct session);
	struct cursor c;
	cursor_prefix(&c, r, TREE_SESSIONS, S_NONE);
	watch_tree(ws, r, TREE_SESSIONS);
	for (const struct item *it; (it = cursor_next(&c));) {
		struct session *to = rows_add(&rows);
		if (to)
			*to = *(const struct session *)item_payload(it);
	}
	*sessions = rows_list(&rows);
	return table_index(r, S("sessions"));
}

raft_index session_list_node(
        const struct db_root *r, struct watchset *ws, struct slice node, struct arena *a, struct list *sessions)
{
	struct rows rows = ROWS(a, struct session);
	struct slice prefix = key_make(a, "l0", node);
	struct cursor c;
	cursor_prefix(&c, r, TREE_SESSIONS_NODE, prefix);
	notice_prefix(ws, r, TREE_SESSIONS_NODE, prefix);
	for (const struct item *it; (it = cursor_next(&c));) {
		struct session *to = rows_add(&rows);
		if (to)
			*to = *(const struct session *)item_payload(db_get(r, TREE_SESSIONS, link_target(it)));
	}
	*sessions = rows_list(&rows);
	return table_index(r, S("sessions"));
}

enum err session_unknown(struct slice id, struct fail *f)
{
	char quoted[FAIL_TEXT_MAX];
	return fail_set(f, ERR_FAILED, "invalid session %s", quote_cstr(id, quoted, sizeof quoted));
}

/* ---- writing ---- */

static enum err check_behavior(struct session *sess, struct fail *f)
{
	if (!sess->behavior.n) /* as it was before there was a choice */
		sess->behavior = S("release");
	if (slice_is(sess->behavior, "release") || slice_is(sess->behavior, "delete"))
		return OK;
	return fail_set(f, ERR_FAILED, "Invalid session behavior: %.*s", PS(sess->behavior));
}

/* Every check that the session names exists on its node and is not critical. */
static enum err check_checks(struct state *s, const struct session *sess, struct fail *f)
{
	const struct slice *id = sess->checks.items;
	for (uint32_t i = 0; i < sess->checks.n; i++) {
		struct slice key = key_make(&s->scratch, "l0l", sess->node, id[i]);
		const struct item *it = db_get(db_working(s->db), TREE_CHECKS, key);
		if (!it)
			return fail_set(f, ERR_FAILED, "Missing check '%.*s' registration", PS(id[i]));
		const struct health_check *c = item_payload(it);
		if (slice_is(c->status, "critical"))
			return fail_set(f, ERR_FAILED, "Check '%.*s' is in critical state", PS(id[i]));
	}
	return OK;
}

static struct slice node_key(struct state *s, const struct session *sess, struct slice id)
{
	return key_make(&s->scratch, "l0x", sess->node, id);
}

static struct slice check_key(struct state *s, const struct session *sess, uint32_t i, struct slice id)
{
	return key_make(&s->scratch, "l0l0x", sess->node, ((const struct slice *)sess->checks.items)[i], id);
}

/* The row and all its links. */
static enum err insert(struct state *s, const struct session *sess, struct fail *f)
{
	struct uuid_bytes bytes;
	if (!sess->id.n)
		return fail_set(f, ERR_FAILED, "failed inserting session: object missing primary index");
	if (uuid_parse(sess->id, &bytes, f))
		return fail_wrap(f, "failed inserting session: failed to build primary index");
	if (!sess->node.n)
		return fail_set(f, ERR_FAILED, "failed inserting session: missing value for index 'node'");
	struct slice id = uuid_slice(&bytes);
	put_link(s, TREE_SESSIONS_NODE, node_key(s, sess, id), id);
	for (uint32_t i = 0; i < sess->checks.n; i++)
		put_link(s, TREE_SESSION_CHECKS, check_key(s, sess, i, id), id);
	put_model(s, TREE_SESSIONS, id, &session_schema, sess);
	return OK;
}

enum err session_create(struct state *s, struct session *sess, struct fail *f)
{
	if (!sess->id.n)
		return fail_set(f, ERR_FAILED, "Missing session ID");
	enum err err = check_behavior(sess, f);
	if (err)
		return err;
	sess->create_index = sess->modify_index = s->index;
	if (!db_get(db_working(s->db), TREE_NODES, key_make(&s->scratch, "l", sess->node)))
		return fail_set(f, ERR_FAILED, "Missing node registration");
	err = check_checks(s, sess, f);
	err = err ? err : insert(s, sess, f);
	if (!err)
		table_index_set(s, S("sessions"));
	return err;
}

/* Takes out the row and its links; what it held is let go of as its behaviour says. */
static enum err destroy(struct state *s, struct slice id, struct fail *f)
{
	const struct item *it = db_get(db_working(s->db), TREE_SESSIONS, id);
	if (!it)
		return OK;
	struct session *sess = schema_copy(&session_schema, item_payload(it), &s->scratch);
	if (!sess) {
		s->no_memory = true;
		return OK;
	}
	dur_ns delay = sess->lock_delay > SESSION_LOCK_DELAY_MAX ? SESSION_LOCK_DELAY_MAX : sess->lock_delay;
	bool delete_keys = slice_is(sess->behavior, "delete");
	if (!delete_keys && !slice_is(sess->behavior, "release")) {
		char quoted[FAIL_TEXT_MAX];
		return fail_set(f, ERR_FAILED, "unknown session behavior %s",
		        quote_cstr(sess->behavior, quoted, sizeof quoted));
	}
	table_index_set(s, S("sessions"));
	kv_session_gone(s, id, delete_keys, delay);
	prepared_query_session_gone(s, id);
	for (uint32_t i = 0; i < sess->checks.n; i++)
		db_remove(s->db, TREE_SESSION_CHECKS, check_key(s, sess, i, id));
	db_remove(s->db, TREE_SESSIONS_NODE, node_key(s, sess, id));
	db_remove(s->db, TREE_SESSIONS, id);
	return OK;
}

enum err session_destroy(struct state *s, struct slice id, struct fail *f)
{
	struct uuid_bytes bytes;
	if (uuid_parse(id, &bytes, f))
		return fail_wrap(f, "failed session lookup: index error");
	return destroy(s, uuid_slice(&bytes), f);
}

static enum err destroy_all(struct state *s, struct list ids, struct fail *f)
{
	const struct slice *id = ids.items;
	enum err err = OK;
	for (uint32_t i = 0; i < ids.n && !err && !s->no_memory; i++)
		err = destroy(s, id[i], f);
	return err;
}

enum err session_check_gone(struct state *s, struct slice node, struct slice check_id, struct fail *f)
{
	struct slice prefix = key_make(&s->scratch, "l0l0", node, check_id);
	if (destroy_all(s, put_targets(s, TREE_SESSION_CHECKS, prefix), f))
		return fail_wrap(f, "failed deleting session");
	return OK;
}

enum err session_node_gone(struct state *s, struct slice node, struct fail *f)
{
	struct slice prefix = key_make(&s->scratch, "l0", node);
	if (destroy_all(s, put_targets(s, TREE_SESSIONS_NODE, prefix), f))
		return fail_wrap(f, "failed session delete");
	return OK;
}

enum err session_restore(struct state *s, struct session *sess, struct fail *f)
{
	enum err err = insert(s, sess, f);
	if (!err)
		table_index_raise(s, S("sessions"), sess->modify_index);
	return err;
}
