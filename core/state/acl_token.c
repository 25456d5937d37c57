#include "core/state/acl_token.h"

#include "core/base/slice.h"
#include "core/state/notice.h"
#include "core/state/put.h"
#include "core/state/rows.h"
#include "core/state/table_index.h"

static const struct field acl_bootstrap_fields[] = {
        FIELD(struct acl_bootstrap, allow, "AllowBootstrap", F_BOOL, 0),
        FIELD(struct acl_bootstrap, create_index, "CreateIndex", F_UINT, 0),
        FIELD(struct acl_bootstrap, modify_index, "ModifyIndex", F_UINT, 0),
};
const struct schema acl_bootstrap_schema = SCHEMA(struct acl_bootstrap, "structs.ACLBootstrap", acl_bootstrap_fields);

raft_index acl_token_get(const struct db_root *r, struct watchset *ws, struct slice id, const struct acl **out)
{
	const struct item *it = db_get(r, TREE_ACLS, id);
	notice_key(ws, r, TREE_ACLS, id, it);
	*out = it ? item_payload(it) : NULL;
	return table_index(r, S("acls"));
}

raft_index acl_token_list(const struct db_root *r, struct watchset *ws, struct arena *a, struct list *tokens)
{
	struct rows rows = ROWS(a, struct acl);
	struct cursor c;
	cursor_prefix(&c, r, TREE_ACLS, S_NONE);
	watch_tree(ws, r, TREE_ACLS);
	for (const struct item *it; (it = cursor_next(&c));) {
		struct acl *to = rows_add(&rows);
		if (to)
			*to = *(const struct acl *)item_payload(it);
	}
	*tokens = rows_list(&rows);
	return table_index(r, S("acls"));
}

static const struct acl_bootstrap *acl_token_bootstrap(const struct db_root *r)
{
	const struct item *it = db_get(r, TREE_ACL_BOOTSTRAP, S("bootstrap"));
	return it ? item_payload(it) : NULL;
}

/* A management token is there: nobody gets the first one for free any more. */
static void forbid_bootstrap(struct state *s)
{
	const struct acl_bootstrap *now = acl_token_bootstrap(db_working(s->db));
	if (!now || !now->allow)
		return;
	struct acl_bootstrap b = {false, now->create_index, s->index};
	acl_token_restore_bootstrap(s, &b);
}

static bool has_management_token(struct state *s)
{
	struct cursor c;
	cursor_prefix(&c, db_working(s->db), TREE_ACLS, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));)
		if (slice_is(((const struct acl *)item_payload(it))->type, "management"))
			return true;
	return false;
}

enum err acl_token_set(struct state *s, struct acl *t, struct fail *f)
{
	const struct acl *now;
	if (!t->id.n)
		return fail_set(f, ERR_FAILED, "Missing ACL ID");
	acl_token_get(db_working(s->db), NULL, t->id, &now);
	t->create_index = now ? now->create_index : s->index;
	t->modify_index = s->index;
	put_model(s, TREE_ACLS, t->id, &acl_schema, t);
	table_index_set(s, S("acls"));
	if (slice_is(t->type, "management"))
		forbid_bootstrap(s);
	return OK;
}

void acl_token_delete(struct state *s, struct slice id)
{
	if (db_remove(s->db, TREE_ACLS, id))
		table_index_set(s, S("acls"));
}

enum err acl_token_bootstrap_init(struct state *s, bool *allowed, struct fail *f)
{
	if (acl_token_bootstrap(db_working(s->db)))
		return fail_set(f, ERR_FAILED, "acl bootstrap init already done");
	*allowed = !has_management_token(s);
	struct acl_bootstrap b = {*allowed, s->index, s->index};
	acl_token_restore_bootstrap(s, &b);
	return OK;
}

enum err acl_token_bootstrap_now(struct state *s, struct acl *t, struct fail *f)
{
	const struct acl_bootstrap *now = acl_token_bootstrap(db_working(s->db));
	if (!now)
		return fail_set(f, ERR_FAILED,
		        "ACL bootstrap not initialized, need to force a leader election and ensure all Consul servers "
		        "support this feature");
	if (!now->allow)
		return fail_set(f, ERR_FAILED, "ACL bootstrap no longer allowed");
	if (has_management_token(s))
		return fail_set(f, ERR_FAILED,
		        "internal error: acl bootstrap enabled but existing management tokens were found");
	if (acl_token_set(s, t, f))
		return fail_wrap(f, "failed inserting bootstrap token");
	forbid_bootstrap(s);
	return OK;
}

enum err acl_token_restore(struct state *s, const struct acl *t, struct fail *f)
{
	if (!t->id.n)
		return fail_set(f, ERR_FAILED, "failed restoring acl: object missing primary index");
	put_model(s, TREE_ACLS, t->id, &acl_schema, t);
	table_index_raise(s, S("acls"), t->modify_index);
	return OK;
}

void acl_token_restore_bootstrap(struct state *s, const struct acl_bootstrap *b)
{
	put_model(s, TREE_ACL_BOOTSTRAP, S("bootstrap"), &acl_bootstrap_schema, b);
}
