#include "core/state/kv.h"

#include "core/base/slice.h"
#include "core/state/delay.h"
#include "core/state/key.h"
#include "core/state/notice.h"
#include "core/state/put.h"
#include "core/state/rows.h"
#include "core/state/session.h"
#include "core/state/table_index.h"
#include "core/state/tombstone.h"

enum { SESSION_TEXT_SIZE = 37 };

/* ---- reading ---- */

static raft_index tables_index(const struct db_root *r)
{
	return table_index_max(r, S("kvs"), S("tombstones"));
}

/* The entry of an item, its session's text in the arena. */
static void view(const struct item *it, struct dir_entry *out, struct arena *a)
{
	char session[SESSION_TEXT_SIZE];
	kv_item_view(it, out, session);
	if (out->session.n)
		out->session = arena_copy(a, out->session);
}

raft_index kv_get(const struct db_root *r, struct watchset *ws, struct slice key, struct arena *a,
        struct dir_entry *out, bool *found)
{
	const struct item *it = db_get(r, TREE_KV, key);
	notice_key(ws, r, TREE_KV, key, it);
	*found = it != NULL;
	if (it)
		view(it, out, a);
	return tables_index(r);
}

/* The index of a listing whose entries go up to `highest`. */
static raft_index list_index(const struct db_root *r, struct slice prefix, raft_index highest)
{
	if (!prefix.n)
		return tables_index(r);
	raft_index stones = tombstone_index(r, prefix);
	if (stones > highest)
		highest = stones;
	return highest ? highest : tables_index(r);
}

raft_index kv_list(
        const struct db_root *r, struct watchset *ws, struct slice prefix, struct arena *a, struct list *entries)
{
	struct rows rows = ROWS(a, struct dir_entry);
	raft_index highest = 0;
	struct cursor c;
	cursor_prefix(&c, r, TREE_KV, prefix);
	notice_prefix(ws, r, TREE_KV, prefix);
	for (const struct item *it; (it = cursor_next(&c));) {
		struct dir_entry *e = rows_add(&rows);
		if (!e)
			break;
		view(it, e, a);
		if (e->modify_index > highest)
			highest = e->modify_index;
	}
	*entries = rows_list(&rows);
	return list_index(r, prefix, highest);
}

/* Cuts the key behind the first separator after the prefix; false when there is none. */
static bool cut_key(struct slice *key, size_t prefix_n, struct slice separator)
{
	if (!separator.n)
		return false;
	ptrdiff_t at = slice_search(slice_from(*key, prefix_n), separator);
	if (at >= 0)
		*key = slice_cut(*key, 0, prefix_n + (size_t)at + separator.n);
	return at >= 0;
}

raft_index kv_list_keys(const struct db_root *r, struct watchset *ws, struct slice prefix, struct slice separator,
        struct arena *a, struct list *keys)
{
	struct rows rows = ROWS(a, struct slice);
	struct slice last = S_NONE; /* only cut keys are compared: a key that was not cut is always listed */
	raft_index highest = 0;
	struct cursor c;
	cursor_prefix(&c, r, TREE_KV, prefix);
	notice_prefix(ws, r, TREE_KV, prefix);
	for (const struct item *it; (it = cursor_next(&c));) {
		raft_index index = kv_item_modify_index(it);
		if (index > highest)
			highest = index;
		struct slice key = item_key(it);
		if (cut_key(&key, prefix.n, separator)) {
			if (last.n && slice_eq(key, last))
				continue;
			last = key;
		}
		struct slice *to = rows_add(&rows);
		if (!to)
			break;
		*to = key;
	}
	*keys = rows_list(&rows);
	return list_index(r, prefix, highest);
}

mono_ns kv_lock_delay_until(const struct db_root *r, struct slice key)
{
	return delay_until(r, key);
}

/* ---- writing ---- */

/* The row of TREE_KV_SESSION; empty without a session. The text was parsed before it came here. */
static struct slice session_key(struct state *s, struct slice session, struct slice key)
{
	struct uuid_bytes id;
	if (!session.n || uuid_parse(session, &id, NULL) != OK)
		return S_NONE;
	return key_make(&s->scratch, "xx", uuid_slice(&id), key);
}

/* Writes the entry over `old` (NULL: there was none). The row itself goes last: when memory runs out before, the
 * command can be applied again as if nothing had happened, without the cost of a savepoint for each set. */
static void store(struct state *s, const struct dir_entry *e, struct slice old_session)
{
	table_index_set(s, S("kvs"));
	if (e->session.n || old_session.n)
		put_relink(s, TREE_KV_SESSION, session_key(s, old_session, e->key), session_key(s, e->session, e->key),
		        e->key);
	if (!s->no_memory)
		put_item(s, TREE_KV, kv_item_new(s->db, e));
}

/* What stands under a key now; false when nothing does. */
static bool current(struct state *s, struct slice key, struct dir_entry *out)
{
	const struct item *it = db_get(db_working(s->db), TREE_KV, key);
	if (it)
		view(it, out, &s->scratch);
	return it;
}

static enum err set_over(
        struct state *s, struct dir_entry *e, const struct dir_entry *old, enum kv_session how, struct fail *f)
{
	if (!e->key.n)
		return fail_set(f, ERR_FAILED, "failed inserting kvs entry: object missing primary index");
	e->create_index = old ? old->create_index : s->index;
	e->modify_index = s->index;
	struct slice old_session = old ? old->session : S_NONE;
	if (how == KV_KEEP_SESSION)
		e->session = old_session;
	store(s, e, old_session);
	return OK;
}

enum err kv_set(struct state *s, struct dir_entry *e, enum kv_session how, struct fail *f)
{
	struct dir_entry old;
	bool there = current(s, e->key, &old);
	return set_over(s, e, there ? &old : NULL, how, f);
}

enum err kv_cas(struct state *s, struct dir_entry *e, bool *done, struct fail *f)
{
	struct dir_entry old;
	bool there = current(s, e->key, &old);
	*done = there ? e->modify_index && e->modify_index == old.modify_index : !e->modify_index;
	return *done ? set_over(s, e, there ? &old : NULL, KV_KEEP_SESSION, f) : OK;
}

enum err kv_lock(struct state *s, struct dir_entry *e, bool *done, struct fail *f)
{
	struct dir_entry old;
	const struct session *holder;
	*done = false;
	if (!e->session.n)
		return fail_set(f, ERR_FAILED, "missing session");
	enum err err = session_get(db_working(s->db), NULL, e->session, &s->scratch, NULL, &holder, f);
	if (err)
		return err;
	if (!holder)
		return session_unknown(e->session, f);
	bool there = current(s, e->key, &old);
	if (!there)
		e->lock_index = 1;
	else if (slice_eq(old.session, e->session))
		e->lock_index = old.lock_index;
	else if (old.session.n)
		return OK;
	else
		e->lock_index = old.lock_index + 1;
	*done = true;
	return set_over(s, e, there ? &old : NULL, KV_SET_SESSION, f);
}

enum err kv_unlock(struct state *s, struct dir_entry *e, bool *done, struct fail *f)
{
	struct dir_entry old;
	*done = false;
	if (!e->session.n)
		return fail_set(f, ERR_FAILED, "missing session");
	if (!current(s, e->key, &old) || !slice_eq(old.session, e->session))
		return OK;
	*done = true;
	e->session = S_NONE;
	e->lock_index = old.lock_index;
	return set_over(s, e, &old, KV_SET_SESSION, f);
}

void kv_delete(struct state *s, struct slice key)
{
	struct dir_entry old;
	if (!current(s, key, &old))
		return;
	tombstone_put(s, key);
	table_index_set(s, S("kvs"));
	if (s->no_memory)
		return;
	struct slice link = session_key(s, old.session, key);
	if (link.p)
		db_remove(s->db, TREE_KV_SESSION, link);
	db_remove(s->db, TREE_KV, key);
}

void kv_delete_cas(struct state *s, struct slice key, raft_index cas, bool *done)
{
	const struct item *it = db_get(db_working(s->db), TREE_KV, key);
	*done = !it || kv_item_modify_index(it) == cas;
	if (it && *done)
		kv_delete(s, key);
}

/* Forgets which sessions hold keys under a prefix. Most stores have few locks: then the locks are walked, not the keys.
 */
static void unlink_prefix(struct state *s, struct slice prefix)
{
	struct rows gone = ROWS(&s->scratch, struct slice);
	struct cursor c;
	if (!db_count(db_working(s->db), TREE_KV_SESSION))
		return;
	cursor_prefix(&c, db_working(s->db), TREE_KV_SESSION, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));)
		if (slice_starts(link_target(it), prefix))
			rows_add_key(&gone, item_key(it));
	s->no_memory |= s->scratch.failed;
	for (uint32_t i = 0; !s->no_memory && i < gone.n; i++)
		db_remove(s->db, TREE_KV_SESSION, rows_key(&gone, i));
}

void kv_delete_tree(struct state *s, struct slice prefix)
{
	struct cursor c;
	cursor_prefix(&c, db_working(s->db), TREE_KV, prefix);
	if (!cursor_next(&c))
		return;
	if (prefix.n) /* whoever watches a key sees the table's index when everything goes */
		tombstone_put(s, prefix);
	table_index_set(s, S("kvs"));
	if (!s->no_memory)
		unlink_prefix(s, prefix);
	if (!s->no_memory)
		db_remove_prefix(s->db, TREE_KV, prefix);
}

void kv_session_gone(struct state *s, struct slice session_bytes, bool delete_keys, dur_ns delay)
{
	struct list keys = put_targets(s, TREE_KV_SESSION, session_bytes);
	const struct slice *key = keys.items;
	for (uint32_t i = 0; i < keys.n && !s->no_memory; i++) {
		struct dir_entry e;
		if (delete_keys) {
			kv_delete(s, key[i]);
		} else if (current(s, key[i], &e)) {
			struct dir_entry old = e;
			e.session = S_NONE;
			set_over(s, &e, &old, KV_SET_SESSION, NULL);
		}
		if (delay > 0)
			delay_set(s, key[i], delay);
	}
}

enum err kv_restore(struct state *s, const struct dir_entry *e, struct fail *f)
{
	struct uuid_bytes id;
	if (!e->key.n)
		return fail_set(f, ERR_FAILED, "failed inserting kvs entry: object missing primary index");
	if (e->session.n && uuid_parse(e->session, &id, f))
		return fail_wrap(f, "failed inserting kvs entry: failed to build index 'session'");
	struct dir_entry old;
	bool there = current(s, e->key, &old);
	put_relink(s, TREE_KV_SESSION, there ? session_key(s, old.session, e->key) : S_NONE,
	        session_key(s, e->session, e->key), e->key);
	put_item(s, TREE_KV, kv_item_new(s->db, e));
	table_index_raise(s, S("kvs"), e->modify_index);
	return OK;
}
