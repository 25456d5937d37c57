#include "core/state/txn.h"

#include "core/base/slice.h"
#include "core/base/text.h"
#include "core/state/kv.h"
#include "core/state/rows.h"

/* ---- the shapes ---- */

static const struct field kv_op_fields[] = {
        FIELD(struct txn_kv_op, verb, "Verb", F_STR, 0),
        FIELD_SUB(struct txn_kv_op, dir_entry, "DirEnt", F_STRUCT, 0, &dir_entry_schema),
};
static const struct schema txn_kv_op_schema = SCHEMA(struct txn_kv_op, "structs.TxnKVOp", kv_op_fields);

static const struct field op_fields[] = {FIELD_SUB(struct txn_op, kv, "KV", F_PTR, 0, &txn_kv_op_schema)};
const struct schema txn_op_schema = SCHEMA(struct txn_op, "structs.TxnOp", op_fields);

static const struct field result_fields[] = {FIELD_SUB(struct txn_result, kv, "KV", F_PTR, 0, &dir_entry_schema)};
const struct schema txn_result_schema = SCHEMA(struct txn_result, "structs.TxnResult", result_fields);

static const struct field error_fields[] = {
        FIELD(struct txn_error, op_index, "OpIndex", F_INT, 0),
        FIELD(struct txn_error, what, "What", F_STR, 0),
};
const struct schema txn_error_schema = SCHEMA(struct txn_error, "structs.TxnError", error_fields);

static const struct field response_fields[] = {
        FIELD_SUB(struct txn_response, results, "Results", F_LIST, 0, &txn_result_schema),
        FIELD_SUB(struct txn_response, errors, "Errors", F_LIST, 0, &txn_error_schema),
};
const struct schema txn_response_schema = SCHEMA(struct txn_response, "structs.TxnResponse", response_fields);

/* ---- running ---- */

/* One run over a list of operations. Writing verbs need `s`; without one the transaction is read-only. */
struct run {
	struct state *s;
	const struct db_root *r; /* of the moment: the working version moves with each write */
	struct arena *a;
	struct rows results, errors;
	bool failed;
};

/* Copied: what an operation saw may be replaced by the next one. */
enum show { WITH_VALUE, WITHOUT_VALUE };
static void add_result(struct run *run, const struct dir_entry *e, enum show show)
{
	struct txn_result *to = rows_add(&run->results);
	struct dir_entry shown = *e;
	if (show == WITHOUT_VALUE)
		shown.value = S_NONE;
	if (to)
		to->kv = schema_copy(&dir_entry_schema, &shown, run->a);
}

/* A sentence with the key, quoted, between two halves. */
static enum err about_key(struct fail *f, const char *before, struct slice key, const char *after)
{
	char quoted[FAIL_TEXT_MAX];
	return fail_set(f, ERR_FAILED, "%s%s%s", before, quote_cstr(key, quoted, sizeof quoted), after);
}

/* Verbs that end in "it happened" or "it did not": the second is an error here. */
static enum err done_or(
        enum err err, bool done, struct fail *f, const char *before, struct slice key, const char *after)
{
	return err || done ? err : about_key(f, before, key, after);
}

static enum err run_set(struct run *run, struct dir_entry *e, struct fail *f)
{
	enum err err = kv_set(run->s, e, KV_KEEP_SESSION, f);
	if (!err)
		add_result(run, e, WITHOUT_VALUE);
	return err;
}

static enum err run_delete(struct run *run, struct dir_entry *e, struct fail *f)
{
	(void)f;
	kv_delete(run->s, e->key);
	return OK;
}

static enum err run_delete_cas(struct run *run, struct dir_entry *e, struct fail *f)
{
	bool done;
	kv_delete_cas(run->s, e->key, e->modify_index, &done);
	return done_or(OK, done, f, "failed to delete key ", e->key, ", index is stale");
}

static enum err run_delete_tree(struct run *run, struct dir_entry *e, struct fail *f)
{
	(void)f;
	kv_delete_tree(run->s, e->key);
	return OK;
}

static enum err run_cas(struct run *run, struct dir_entry *e, struct fail *f)
{
	bool done = false;
	enum err err = kv_cas(run->s, e, &done, f);
	err = done_or(err, done, f, "failed to set key ", e->key, ", index is stale");
	if (!err)
		add_result(run, e, WITHOUT_VALUE);
	return err;
}

static enum err run_lock(struct run *run, struct dir_entry *e, struct fail *f)
{
	bool done = false;
	enum err err = kv_lock(run->s, e, &done, f);
	err = done_or(err, done, f, "failed to lock key ", e->key, ", lock is already held");
	if (!err)
		add_result(run, e, WITHOUT_VALUE);
	return err;
}

static enum err run_unlock(struct run *run, struct dir_entry *e, struct fail *f)
{
	bool done = false;
	enum err err = kv_unlock(run->s, e, &done, f);
	err = done_or(
	        err, done, f, "failed to unlock key ", e->key, ", lock isn't held, or is held by another session");
	if (!err)
		add_result(run, e, WITHOUT_VALUE);
	return err;
}

static bool look(struct run *run, struct slice key, struct dir_entry *out)
{
	bool found;
	kv_get(run->r, NULL, key, run->a, out, &found);
	return found;
}

static enum err run_get(struct run *run, struct dir_entry *e, struct fail *f)
{
	struct dir_entry now;
	if (!look(run, e->key, &now))
		return about_key(f, "key ", e->key, " doesn't exist");
	add_result(run, &now, WITH_VALUE);
	return OK;
}

static enum err run_get_tree(struct run *run, struct dir_entry *e, struct fail *f)
{
	struct list entries;
	(void)f;
	kv_list(run->r, NULL, e->key, run->a, &entries);
	for (uint32_t i = 0; i < entries.n; i++)
		add_result(run, &((const struct dir_entry *)entries.items)[i], WITH_VALUE);
	return OK;
}

static enum err run_check_session(struct run *run, struct dir_entry *e, struct fail *f)
{
	struct dir_entry now;
	if (!look(run, e->key, &now))
		return about_key(f, "failed to check session, key ", e->key, " doesn't exist");
	if (slice_eq(now.session, e->session)) {
		add_result(run, &now, WITHOUT_VALUE);
		return OK;
	}
	char key[FAIL_TEXT_MAX], held[FAIL_TEXT_MAX], asked[FAIL_TEXT_MAX];
	return fail_set(f, ERR_FAILED, "failed session check for key %s, current session %s != %s",
	        quote_cstr(e->key, key, sizeof key), quote_cstr(now.session, held, sizeof held),
	        quote_cstr(e->session, asked, sizeof asked));
}

static enum err run_check_index(struct run *run, struct dir_entry *e, struct fail *f)
{
	struct dir_entry now;
	if (!look(run, e->key, &now))
		return about_key(f, "failed to check index, key ", e->key, " doesn't exist");
	if (now.modify_index == e->modify_index) {
		add_result(run, &now, WITHOUT_VALUE);
		return OK;
	}
	char key[FAIL_TEXT_MAX];
	return fail_set(f, ERR_FAILED, "failed index check for key %s, current modify index %llu != %llu",
	        quote_cstr(e->key, key, sizeof key), (unsigned long long)now.modify_index,
	        (unsigned long long)e->modify_index);
}

static enum err run_check_not_exists(struct run *run, struct dir_entry *e, struct fail *f)
{
	struct dir_entry now;
	return look(run, e->key, &now) ? about_key(f, "key ", e->key, " exists") : OK;
}

static const struct verb {
	const char *name;
	bool reads;
	enum err (*run)(struct run *run, struct dir_entry *e, struct fail *f);
} verbs[] = {
        {"set", false, run_set},
        {"delete", false, run_delete},
        {"delete-cas", false, run_delete_cas},
        {"delete-tree", false, run_delete_tree},
        {"cas", false, run_cas},
        {"lock", false, run_lock},
        {"unlock", false, run_unlock},
        {"get", true, run_get},
        {"get-tree", true, run_get_tree},
        {"check-session", true, run_check_session},
        {"check-index", true, run_check_index},
        {"check-not-exists", true, run_check_not_exists},
};

static const struct verb *find_verb(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (slice_is(name, verbs[i].name))
			return &verbs[i];
	return NULL;
}

bool txn_verb_reads(struct slice verb)
{
	const struct verb *v = find_verb(verb);
	return v && v->reads;
}

static enum err run_op(struct run *run, const struct txn_op *op, struct fail *f)
{
	if (!op->kv)
		return fail_set(f, ERR_FAILED, "no operation specified");
	const struct verb *v = find_verb(op->kv->verb);
	if (!v) {
		char quoted[FAIL_TEXT_MAX];
		return fail_set(f, ERR_FAILED, "unknown KV verb %s", quote_cstr(op->kv->verb, quoted, sizeof quoted));
	}
	if (!v->reads && !run->s)
		return fail_set(f, ERR_FAILED, "cannot insert in read-only transaction");
	if (run->s)
		run->r = db_working(run->s->db);
	return v->run(run, &op->kv->dir_entry, f);
}

/* Every operation runs, also after one that failed, so that all faults are told at once. */
static void run_all(struct run *run, struct list ops, struct txn_response *out)
{
	const struct txn_op *op = ops.items;
	run->results = ROWS(run->a, struct txn_result);
	run->errors = ROWS(run->a, struct txn_error);
	for (uint32_t i = 0; i < ops.n; i++) {
		struct fail f;
		if (run_op(run, &op[i], &f) == OK)
			continue;
		run->failed = true;
		struct txn_error *e = rows_add(&run->errors);
		if (e)
			*e = (struct txn_error){i, arena_copy(run->a, slice_of(f.text))};
	}
	*out = (struct txn_response){.errors = rows_list(&run->errors)};
	if (!run->failed) {
		out->results = rows_list(&run->results);
		if (!out->results.items)
			out->results.items = list_empty;
	}
}

void txn_read(const struct db_root *r, struct list ops, struct arena *a, struct txn_response *out)
{
	struct run run = {.r = r, .a = a};
	run_all(&run, ops, out);
}

bool txn_apply(struct state *s, struct list ops, struct arena *a, struct txn_response *out)
{
	struct run run = {.s = s, .a = a};
	run_all(&run, ops, out);
	return !run.failed;
}
