#include "core/state/archive.h"

#include "core/base/slice.h"
#include "core/state/autopilot_config.h"
#include "core/state/catalog.h"
#include "core/state/catalog_write.h"
#include "core/state/coordinates.h"
#include "core/state/key.h"
#include "core/state/kv.h"
#include "core/state/session.h"
#include "core/state/tombstone.h"

enum { SCRATCH_KEEP = 64 * 1024 };

struct header {
	raft_index last_index;
};
static const struct field header_fields[] = {FIELD(struct header, last_index, "LastIndex", F_UINT, 0)};
static const struct schema header_schema = SCHEMA(struct header, "fsm.snapshotHeader", header_fields);

/* ---- writing ---- */

static void write_services(struct archive_writer *w, struct register_request *req, struct slice prefix, struct buf *out)
{
	struct cursor c;
	cursor_prefix(&c, w->r, TREE_SERVICES, prefix);
	for (const struct item *it; (it = cursor_next(&c));) {
		struct node_service svc;
		catalog_to_node_service(item_payload(it), &svc);
		req->service = &svc;
		command_write(out, COMMAND_REGISTER, &register_request_schema, req);
	}
	req->service = NULL;
}

static void write_checks(struct archive_writer *w, struct register_request *req, struct slice prefix, struct buf *out)
{
	struct cursor c;
	cursor_prefix(&c, w->r, TREE_CHECKS, prefix);
	for (const struct item *it; (it = cursor_next(&c));) {
		struct health_check check = *(const struct health_check *)item_payload(it);
		req->check = &check;
		command_write(out, COMMAND_REGISTER, &register_request_schema, req);
	}
}

/* A node is a registration, then one more for each of its services and checks. */
static void write_node(struct archive_writer *w, const struct item *it, struct buf *out)
{
	const struct node *n = item_payload(it);
	struct register_request req = {.node = n->name, .address = n->address, .tagged_addresses = n->tagged_addresses};
	if (w->form == ARCHIVE_WHOLE) {
		req.id = n->id;
		req.node_meta = n->meta;
		req.datacenter = n->datacenter;
	}
	command_write(out, COMMAND_REGISTER, &register_request_schema, &req);
	struct slice prefix = key_make(&w->scratch, "l0", n->name);
	out->failed |= !prefix.p;
	write_services(w, &req, prefix, out);
	write_checks(w, &req, prefix, out);
}

static void write_coordinate(struct archive_writer *w, const struct item *it, struct buf *out)
{
	(void)w;
	buf_char(out, COMMAND_COORDINATES);
	mp_put_array(out, 1);
	schema_mp_write(out, &coordinate_entry_schema, item_payload(it));
}

static void write_session(struct archive_writer *w, const struct item *it, struct buf *out)
{
	(void)w;
	command_write(out, COMMAND_SESSION, &session_schema, item_payload(it));
}

static void write_acl(struct archive_writer *w, const struct item *it, struct buf *out)
{
	(void)w;
	command_write(out, COMMAND_ACL, &acl_schema, item_payload(it));
}

static void write_acl_bootstrap(struct archive_writer *w, const struct item *it, struct buf *out)
{
	(void)w;
	command_write(out, COMMAND_ACL_BOOTSTRAP, &acl_bootstrap_schema, item_payload(it));
}

static void write_kv(struct archive_writer *w, const struct item *it, struct buf *out)
{
	struct dir_entry e;
	char session[37];
	(void)w;
	kv_item_view(it, &e, session);
	command_write(out, COMMAND_KVS, &dir_entry_schema, &e);
}

/* A tombstone is written as a KV entry that has but a key and an index. */
static void write_tombstone(struct archive_writer *w, const struct item *it, struct buf *out)
{
	(void)w;
	struct dir_entry e = {.key = item_key(it), .modify_index = ((const struct tombstone *)item_payload(it))->index};
	command_write(out, COMMAND_TOMBSTONE, &dir_entry_schema, &e);
}

static void write_query(struct archive_writer *w, const struct item *it, struct buf *out)
{
	(void)w;
	command_write(out, COMMAND_QUERY, &prepared_query_schema, item_payload(it));
}

static void write_autopilot(struct archive_writer *w, const struct item *it, struct buf *out)
{
	(void)w;
	command_write(out, COMMAND_AUTOPILOT, &autopilot_config_schema, item_payload(it));
}

/* In Consul's order: sessions stand behind the nodes they live on, keys behind the sessions that hold them. */
static const struct stage {
	enum db_tree tree;
	void (*write)(struct archive_writer *w, const struct item *it, struct buf *out);
} stages[] = {
        {TREE_NODES, write_node},
        {TREE_COORDINATES, write_coordinate},
        {TREE_SESSIONS, write_session},
        {TREE_ACLS, write_acl},
        {TREE_ACL_BOOTSTRAP, write_acl_bootstrap},
        {TREE_KV, write_kv},
        {TREE_TOMBSTONES, write_tombstone},
        {TREE_QUERIES, write_query},
        {TREE_AUTOPILOT, write_autopilot},
};

void archive_write_begin(struct archive_writer *w, const struct db_root *r, enum archive_form form)
{
	*w = (struct archive_writer){.r = r, .form = form};
}

/* The next row of the current stage, or of the next that has one; NULL at the end. */
static const struct item *next_row(struct archive_writer *w)
{
	for (; w->stage < ARRAY_LEN(stages); w->stage++, w->in_stage = false) {
		if (!w->in_stage)
			cursor_prefix(&w->at, w->r, stages[w->stage].tree, S_NONE);
		w->in_stage = true;
		const struct item *it = cursor_next(&w->at);
		if (it)
			return it;
	}
	return NULL;
}

bool archive_write_next(struct archive_writer *w, struct buf *out, size_t piece)
{
	size_t from = out->n;
	if (!w->header_written) {
		struct header h = {state_last_index(w->r)};
		schema_mp_write(out, &header_schema, &h);
		w->header_written = true;
	}
	while (out->n - from < piece && !out->failed) {
		const struct item *it = next_row(w);
		if (!it)
			return false;
		stages[w->stage].write(w, it, out);
		arena_reset(&w->scratch, SCRATCH_KEEP);
	}
	return !out->failed;
}

void archive_write_end(struct archive_writer *w)
{
	arena_free(&w->scratch);
}

/* ---- reading ---- */

static enum err restore_registration(struct state *s, void *record, struct fail *f)
{
	return catalog_register(s, record, f);
}

static enum err restore_kv(struct state *s, void *record, struct fail *f)
{
	return kv_restore(s, record, f);
}

static enum err restore_session(struct state *s, void *record, struct fail *f)
{
	return session_restore(s, record, f);
}

static enum err restore_acl(struct state *s, void *record, struct fail *f)
{
	return acl_token_restore(s, record, f);
}

static enum err restore_acl_bootstrap(struct state *s, void *record, struct fail *f)
{
	(void)f;
	acl_token_restore_bootstrap(s, record);
	return OK;
}

static enum err restore_tombstone(struct state *s, void *record, struct fail *f)
{
	const struct dir_entry *e = record;
	if (!e->key.n)
		return fail_set(f, ERR_CORRUPT,
		        "failed restoring tombstone: failed inserting tombstone: object missing "
		        "primary index");
	tombstone_restore(s, e->key, e->modify_index);
	return OK;
}

static enum err restore_query(struct state *s, void *record, struct fail *f)
{
	return prepared_query_restore(s, record, f);
}

static enum err restore_autopilot(struct state *s, void *record, struct fail *f)
{
	(void)f;
	autopilot_config_restore(s, record);
	return OK;
}

static const struct kind {
	const struct schema *schema; /* NULL: there are no such records */
	enum err (*restore)(struct state *s, void *record, struct fail *f);
} kinds[] = {
        [COMMAND_REGISTER] = {&register_request_schema, restore_registration},
        [COMMAND_KVS] = {&dir_entry_schema, restore_kv},
        [COMMAND_SESSION] = {&session_schema, restore_session},
        [COMMAND_ACL] = {&acl_schema, restore_acl},
        [COMMAND_TOMBSTONE] = {&dir_entry_schema, restore_tombstone},
        [COMMAND_QUERY] = {&prepared_query_schema, restore_query},
        [COMMAND_AUTOPILOT] = {&autopilot_config_schema, restore_autopilot},
        [COMMAND_ACL_BOOTSTRAP] = {&acl_bootstrap_schema, restore_acl_bootstrap},
};

void archive_read_begin(struct archive_reader *rd, struct state *s)
{
	*rd = (struct archive_reader){.s = s};
	db_savepoint(s->db);
	for (int t = 0; t < TREE_COUNT; t++)
		if (t < TREE_LOCAL_SERVICES || t == TREE_LOCK_DELAYS)
			db_remove_prefix(s->db, (enum db_tree)t, S_NONE);
	s->no_memory = s->tombstone = false;
}

static enum err read_header(struct archive_reader *rd, struct slice body, struct fail *f)
{
	struct header h;
	if (!command_read(body, &header_schema, &h, &rd->s->scratch))
		return fail_set(f, ERR_CORRUPT, "failed to decode the snapshot's header");
	rd->header_read = true;
	rd->last_index = rd->s->index = h.last_index;
	return OK;
}

static enum err read_record(struct archive_reader *rd, unsigned type, struct slice body, struct fail *f)
{
	struct state *s = rd->s;
	if (type == COMMAND_COORDINATES) {
		struct list entries;
		if (!command_read_coordinates(body, &s->scratch, &entries))
			return fail_set(f, ERR_CORRUPT, "failed to decode a snapshot record of type %u", type);
		coordinates_restore(s, entries);
		return OK;
	}
	if (type >= ARRAY_LEN(kinds) || !kinds[type].schema)
		return fail_set(f, ERR_CORRUPT, "Unrecognized msg type %u", type);
	void *record = arena_alloc(&s->scratch, kinds[type].schema->size);
	if (!record || !command_read(body, kinds[type].schema, record, &s->scratch))
		return fail_set(f, ERR_CORRUPT, "failed to decode a snapshot record of type %u", type);
	return kinds[type].restore(s, record, f);
}

enum err archive_read(struct archive_reader *rd, struct slice bytes, size_t *used, struct fail *f)
{
	struct state *s = rd->s;
	enum err err = OK;
	*used = 0;
	while (!err && *used < bytes.n) {
		size_t type_n = rd->header_read ? 1 : 0;
		struct slice rest = slice_from(bytes, *used + type_n);
		size_t n = mp_whole(rest);
		if (n == SIZE_MAX)
			return fail_set(f, ERR_CORRUPT, "a snapshot record is not msgpack");
		if (!n)
			break;
		struct slice body = slice_cut(rest, 0, n);
		err = type_n ? read_record(rd, (unsigned char)bytes.p[*used], body, f) : read_header(rd, body, f);
		*used += type_n + n;
		if (s->no_memory || s->scratch.failed)
			err = fail_set(f, ERR_NO_MEMORY, "out of memory");
		arena_reset(&s->scratch, SCRATCH_KEEP);
	}
	return err;
}

enum err archive_read_end(struct archive_reader *rd, enum err err, size_t left, struct fail *f)
{
	if (!err && (left || !rd->header_read))
		err = fail_set(f, ERR_TORN, "unexpected EOF");
	if (err)
		db_undo(rd->s->db);
	else
		db_keep(rd->s->db);
	return err;
}
