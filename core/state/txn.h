/* Transactions over the KV store: all or nothing, every operation gets its result or its error. */
#ifndef CORE_STATE_TXN_H
#define CORE_STATE_TXN_H

#include "core/state/apply.h"
#include "store/model.h"

struct txn_kv_op {
	struct slice
	        verb; /* set, delete, delete-cas, delete-tree, cas, lock, unlock, get, get-tree, check-session, … */
	struct dir_entry dir_entry;
};

struct txn_op {
	struct txn_kv_op *kv; /* NULL: "no operation specified" */
};

struct txn_result {
	struct dir_entry *kv;
};

struct txn_error {
	int64_t op_index;
	struct slice what;
};

struct txn_response {
	struct list results; /* of struct txn_result; nil when there are errors */
	struct list errors;  /* of struct txn_error; nil when there are none */
};

extern const struct schema txn_op_schema, txn_result_schema, txn_error_schema, txn_response_schema;

/* Does the verb only read? */
bool txn_verb_reads(struct slice verb);

/* Operations that only read, on any thread. Writing verbs give "cannot insert in read-only transaction". */
void txn_read(const struct db_root *r, struct list ops, struct arena *a, struct txn_response *out);

/* While applying: results are copied into `a`. False: some operation failed, the caller must undo everything. (Not the
 * same as out->errors.n when `a` is full: what is kept may never depend on the memory of the one who asked.) */
bool txn_apply(struct state *s, struct list ops, struct arena *a, struct txn_response *out);

#endif
