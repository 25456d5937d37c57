/* ACL tokens as rows: what the commands do and reading them back. Meaning of rules: core/acl. */
#ifndef CORE_STATE_ACL_TOKEN_H
#define CORE_STATE_ACL_TOKEN_H

#include "core/base/err.h"
#include "core/state/apply.h"
#include "store/model.h"
#include "store/watchset.h"

/* Whether the first management token may still be made without one. */
struct acl_bootstrap {
	bool allow;
	raft_index create_index, modify_index;
};
extern const struct schema acl_bootstrap_schema;

/* *out is NULL when absent; points into the item. Index of `acls`. */
raft_index acl_token_get(const struct db_root *r, struct watchset *ws, struct slice id, const struct acl **out);
raft_index acl_token_list(const struct db_root *r, struct watchset *ws, struct arena *a, struct list *tokens);

/* ---- writing: core thread, while applying ---- */

enum err acl_token_set(struct state *s, struct acl *t, struct fail *f);
void acl_token_delete(struct state *s, struct slice id);
enum err acl_token_bootstrap_init(struct state *s, bool *allowed, struct fail *f);
enum err acl_token_bootstrap_now(struct state *s, struct acl *t, struct fail *f);
enum err acl_token_restore(struct state *s, const struct acl *t, struct fail *f);
void acl_token_restore_bootstrap(struct state *s, const struct acl_bootstrap *b);

#endif
