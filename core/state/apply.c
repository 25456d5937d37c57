#include "core/state/apply.h"

#include "core/base/slice.h"
#include "core/state/autopilot_config.h"
#include "core/state/catalog_write.h"
#include "core/state/command.h"
#include "core/state/coordinates.h"
#include "core/state/delay.h"
#include "core/state/kv.h"
#include "core/state/session.h"
#include "core/state/table_index.h"
#include "core/state/tombstone.h"

enum { SCRATCH_KEEP = 64 * 1024 };

void state_init(struct state *s, struct db *db)
{
	*s = (struct state){.db = db};
}

void state_free(struct state *s)
{
	arena_free(&s->scratch);
}

/* ---- one function a command; `request` was decoded by the row's schema ---- */

static enum err apply_register(
        struct state *s, void *request, struct arena *a, struct apply_result *out, struct fail *f)
{
	(void)a, (void)out;
	return catalog_register(s, request, f);
}

static enum err apply_deregister(
        struct state *s, void *request, struct arena *a, struct apply_result *out, struct fail *f)
{
	(void)a, (void)out;
	return catalog_deregister(s, request, f);
}

static void answer(struct apply_result *out, bool yes)
{
	out->kind = APPLY_BOOL;
	out->yes = yes;
}

static enum err apply_kvs(struct state *s, void *request, struct arena *a, struct apply_result *out, struct fail *f)
{
	struct kvs_request *req = request;
	struct dir_entry *e = &req->dir_entry;
	enum err err = OK;
	bool done = false;
	(void)a;
	if (slice_is(req->op, "set"))
		return kv_set(s, e, KV_KEEP_SESSION, f);
	if (slice_is(req->op, "delete"))
		return kv_delete(s, e->key), OK;
	if (slice_is(req->op, "delete-tree"))
		return kv_delete_tree(s, e->key), OK;
	if (slice_is(req->op, "delete-cas"))
		kv_delete_cas(s, e->key, e->modify_index, &done);
	else if (slice_is(req->op, "cas"))
		err = kv_cas(s, e, &done, f);
	else if (slice_is(req->op, "lock"))
		err = kv_lock(s, e, &done, f);
	else if (slice_is(req->op, "unlock"))
		err = kv_unlock(s, e, &done, f);
	else
		return fail_set(f, ERR_FAILED, "Invalid KVS operation '%.*s'", PS(req->op));
	answer(out, done);
	return err;
}

static enum err apply_session(struct state *s, void *request, struct arena *a, struct apply_result *out, struct fail *f)
{
	struct session_request *req = request;
	if (slice_is(req->op, "destroy"))
		return session_destroy(s, req->session.id, f);
	if (!slice_is(req->op, "create"))
		return fail_set(f, ERR_FAILED, "Invalid Session operation '%.*s'", PS(req->op));
	out->kind = APPLY_TEXT;
	out->text = arena_copy(a, req->session.id);
	return session_create(s, &req->session, f);
}

static enum err apply_acl(struct state *s, void *request, struct arena *a, struct apply_result *out, struct fail *f)
{
	struct acl_request *req = request;
	if (slice_is(req->op, "delete"))
		return acl_token_delete(s, req->acl.id), OK;
	if (slice_is(req->op, "bootstrap-init")) {
		out->kind = APPLY_BOOL;
		return acl_token_bootstrap_init(s, &out->yes, f);
	}
	if (slice_is(req->op, "bootstrap-now")) {
		enum err err = acl_token_bootstrap_now(s, &req->acl, f);
		out->kind = APPLY_ACL;
		out->acl = err ? NULL : schema_copy(&acl_schema, &req->acl, a);
		return err;
	}
	if (!slice_is(req->op, "set") && !slice_is(req->op, "force-set"))
		return fail_set(f, ERR_FAILED, "Invalid ACL operation '%.*s'", PS(req->op));
	out->kind = APPLY_TEXT;
	out->text = arena_copy(a, req->acl.id);
	return acl_token_set(s, &req->acl, f);
}

static enum err apply_tombstone(
        struct state *s, void *request, struct arena *a, struct apply_result *out, struct fail *f)
{
	struct tombstone_request *req = request;
	(void)a, (void)out;
	if (!slice_is(req->op, "reap"))
		return fail_set(f, ERR_FAILED, "Invalid Tombstone operation '%.*s'", PS(req->op));
	tombstone_reap(s, req->reap_index);
	return OK;
}

static enum err apply_query(struct state *s, void *request, struct arena *a, struct apply_result *out, struct fail *f)
{
	struct query_request *req = request;
	bool set = slice_is(req->op, "create") || slice_is(req->op, "update");
	if (!set && !slice_is(req->op, "delete"))
		return fail_set(f, ERR_FAILED, "Invalid PreparedQuery operation '%.*s'", PS(req->op));
	if (!req->query)
		return fail_set(f, ERR_FAILED, "Missing Query ID");
	out->kind = APPLY_TEXT; /* who asked is told the id */
	out->text = arena_copy(a, req->query->id);
	return set ? prepared_query_set(s, req->query, f) : prepared_query_delete(s, req->query->id, f);
}

/* A transaction that does not go through is no error of the command: its faults are the answer. */
static enum err apply_txn(struct state *s, void *request, struct arena *a, struct apply_result *out, struct fail *f)
{
	struct txn_request *req = request;
	struct txn_response response;
	bool kept = txn_apply(s, req->ops, a, &response);
	out->kind = APPLY_TXN;
	out->txn = ARENA_NEW(a, struct txn_response);
	if (out->txn)
		*out->txn = response;
	return kept ? OK : fail_set(f, ERR_FAILED, "the transaction failed");
}

static enum err apply_autopilot(
        struct state *s, void *request, struct arena *a, struct apply_result *out, struct fail *f)
{
	struct autopilot_request *req = request;
	(void)a, (void)f;
	if (req->cas)
		answer(out, autopilot_config_cas(s, &req->config, req->config.modify_index));
	else
		autopilot_config_set(s, &req->config);
	return OK;
}

/* ---- THE TABLE ---- */

/* IN_PLACE: the function itself sees to it that running out of memory leaves nothing half done (kv.c), so a set costs
 * no savepoint. */
enum undo { BY_SAVEPOINT, IN_PLACE };

static const struct row {
	const struct schema *schema; /* NULL: no such command */
	enum err (*apply)(struct state *s, void *request, struct arena *a, struct apply_result *out, struct fail *f);
	enum undo undo;
} rows[] = {
        [COMMAND_REGISTER] = {&register_request_schema, apply_register, BY_SAVEPOINT},
        [COMMAND_DEREGISTER] = {&deregister_request_schema, apply_deregister, BY_SAVEPOINT},
        [COMMAND_KVS] = {&kvs_request_schema, apply_kvs, IN_PLACE},
        [COMMAND_SESSION] = {&session_request_schema, apply_session, BY_SAVEPOINT},
        [COMMAND_ACL] = {&acl_request_schema, apply_acl, BY_SAVEPOINT},
        [COMMAND_TOMBSTONE] = {&tombstone_request_schema, apply_tombstone, BY_SAVEPOINT},
        [COMMAND_QUERY] = {&query_request_schema, apply_query, BY_SAVEPOINT},
        [COMMAND_TXN] = {&txn_request_schema, apply_txn, BY_SAVEPOINT},
        [COMMAND_AUTOPILOT] = {&autopilot_request_schema, apply_autopilot, BY_SAVEPOINT},
};

static void broken(struct apply_result *out, struct arena *a, const char *what, unsigned type)
{
	out->kind = APPLY_BROKEN;
	out->text = arena_str(a, "%s (type %u)", what, type);
}

/* Keeps what the command did or takes it all back, and says so. A full `a` changes nothing of that: whether a command
 * counts may not depend on the memory of the one who asked, only the answer is lost. */
static void settle(
        struct state *s, enum undo undo, enum err err, const struct fail *f, struct arena *a, struct apply_result *out)
{
	bool memory = s->no_memory || s->scratch.failed;
	if (undo == BY_SAVEPOINT) {
		if (err || memory)
			db_undo(s->db);
		else
			db_keep(s->db);
	}
	out->tombstone = s->tombstone && !err && !memory;
	if (memory) {
		*out = (struct apply_result){.kind = APPLY_NO_MEMORY};
	} else if (err && out->kind != APPLY_TXN) {
		*out = (struct apply_result){.kind = APPLY_ERROR, .text = arena_copy(a, slice_of(f->text))};
	}
	if (!memory && a->failed && out->kind != APPLY_NONE && out->kind != APPLY_BOOL) {
		out->kind = APPLY_ERROR;
		out->text = S("out of memory");
	}
}

static void apply_row(struct state *s, const struct row *row, unsigned type, struct slice body, struct arena *a,
        struct apply_result *out)
{
	void *request = arena_alloc(&s->scratch, row->schema->size);
	struct fail f;
	if (!request || !command_read(body, row->schema, request, &s->scratch)) {
		if (s->scratch.failed)
			out->kind = APPLY_NO_MEMORY;
		else
			broken(out, a, "failed to decode request", type);
		return;
	}
	if (row->undo == BY_SAVEPOINT)
		db_savepoint(s->db);
	enum err err = row->apply(s, request, a, out, &f);
	settle(s, row->undo, err, &f, a, out);
}

/* The one body that is no struct but a bare list. */
static void apply_coordinates(struct state *s, struct slice body, struct arena *a, struct apply_result *out)
{
	struct list entries;
	if (!command_read_coordinates(body, &s->scratch, &entries) && !s->scratch.failed) {
		broken(out, a, "failed to decode batch updates", COMMAND_COORDINATES);
		return;
	}
	db_savepoint(s->db);
	coordinates_update(s, entries);
	settle(s, BY_SAVEPOINT, OK, NULL, a, out);
}

void state_apply(
        struct state *s, raft_index index, struct slice command, mono_ns now, struct arena *a, struct apply_result *out)
{
	*out = (struct apply_result){.kind = APPLY_NONE};
	s->index = index;
	s->now = now;
	s->no_memory = s->tombstone = false;
	unsigned byte = command.n ? (unsigned char)command.p[0] : 0, type = byte & ~(unsigned)COMMAND_IGNORE;
	struct slice body = slice_from(command, 1);
	if (!command.n)
		broken(out, a, "empty command", 0);
	else if (type == COMMAND_COORDINATES)
		apply_coordinates(s, body, a, out);
	else if (type < ARRAY_LEN(rows) && rows[type].schema)
		apply_row(s, &rows[type], type, body, a, out);
	else if (!(byte & COMMAND_IGNORE))
		broken(out, a, "failed to apply request: unknown message type", type);
	delay_sweep(s);
	arena_reset(&s->scratch, SCRATCH_KEEP);
}

raft_index state_last_index(const struct db_root *r)
{
	static const char *const tables[] = {"acls", "checks", "coordinates", "kvs", "nodes", "prepared-queries",
	        "services", "sessions", "tombstones"};
	raft_index highest = 0;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		raft_index index = table_index(r, slice_of(tables[i]));
		highest = index > highest ? index : highest;
	}
	return highest;
}
