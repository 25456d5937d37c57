/* What real Consul servers wrote: commands of their logs and records of their snapshots, through our codecs and tables.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/enc.h"
#include "core/base/slice.h"
#include "core/state/archive.h"
#include "core/state/table_index.h"
#include "tests/unit/state/fixture.h"

struct vectors {
	struct slice lines[128]; /* bytes */
	size_t n;
};

static void load(struct machine *m, const char *path, struct vectors *v)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	ASSERT(f);
	v->n = 0;
	for (ssize_t got; (got = getline(&line, &cap, f)) > 0;) {
		struct slice s = slice_trim(slice_at(line, (size_t)got));
		if (!s.n || s.p[0] == '#')
			continue;
		ptrdiff_t blank = slice_find_last(s, ' ');
		ASSERT(v->n < ARRAY_LEN(v->lines));
		ASSERT(hex_get(slice_from(s, (size_t)(blank + 1)), &m->a, &v->lines[v->n++]));
	}
	free(line);
	fclose(f);
}

static const struct schema *const request_schemas[] = {
        [COMMAND_REGISTER] = &register_request_schema,
        [COMMAND_DEREGISTER] = &deregister_request_schema,
        [COMMAND_KVS] = &kvs_request_schema,
        [COMMAND_SESSION] = &session_request_schema,
        [COMMAND_ACL] = &acl_request_schema,
        [COMMAND_TOMBSTONE] = &tombstone_request_schema,
        [COMMAND_QUERY] = &query_request_schema,
        [COMMAND_TXN] = &txn_request_schema,
        [COMMAND_AUTOPILOT] = &autopilot_request_schema,
};

static void check_hex(struct slice got, struct slice want, size_t line)
{
	struct buf g = {0}, w = {0};
	if (slice_eq(got, want))
		return;
	hex_put(&g, got);
	hex_put(&w, want);
	test_fail(__FILE__, __LINE__, "command %zu is\n  %.*s, expected\n  %.*s", line, PS(buf_view(&g)),
	        PS(buf_view(&w)));
	buf_free(&g);
	buf_free(&w);
}

TEST(state_vectors, commands_of_1_0_8_are_written_byte_for_byte)
{
	struct machine m;
	static struct vectors v;
	machine_begin(&m);
	load(&m, "tests/vectors/fsm-log-1.0.8.txt", &v);
	CHECK(v.n >= 30);
	for (size_t i = 0; i < v.n; i++) {
		unsigned type = (unsigned char)v.lines[i].p[0] & 0x7f;
		struct slice body = slice_from(v.lines[i], 1);
		buf_reset(&m.bytes, SIZE_MAX);
		if (type == COMMAND_COORDINATES) {
			struct list entries;
			CHECK(command_read_coordinates(body, &m.a, &entries));
			command_write_coordinates(&m.bytes, entries);
		} else {
			void *req = arena_alloc(&m.a, request_schemas[type]->size);
			CHECK(command_read(body, request_schemas[type], req, &m.a));
			command_write(&m.bytes, (enum command_type)type, request_schemas[type], req);
		}
		check_hex(buf_view(&m.bytes), v.lines[i], i);
	}
	machine_end(&m);
}

static void replay(const char *path)
{
	struct machine m;
	static struct vectors v;
	machine_begin(&m);
	load(&m, path, &v);
	for (size_t i = 0; i < v.n; i++) {
		apply_bytes(&m, v.lines[i]);
		CHECK(m.out.kind != APPLY_BROKEN && m.out.kind != APPLY_NO_MEMORY);
	}
	CHECK(db_count(machine_root(&m), TREE_NODES) > 0);
	CHECK(db_count(machine_root(&m), TREE_KV) > 0);
	CHECK(machine_consistent(&m));
	machine_end(&m);
}

TEST(state_vectors, logs_of_both_releases_replay)
{
	replay("tests/vectors/fsm-log-1.0.8.txt");
	replay("tests/vectors/fsm-log-0.7.5.txt");
}

/* Feeds a snapshot in pieces of `piece` bytes. */
static enum err restore(struct machine *m, struct slice bytes, size_t piece, struct fail *f)
{
	struct archive_reader rd;
	enum err err = OK;
	size_t at = 0, used, end = 0;
	archive_read_begin(&rd, &m->s);
	while (!err && at < bytes.n) {
		end = end + piece < bytes.n ? end + piece : bytes.n;
		err = archive_read(&rd, slice_cut(bytes, at, end), &used, f);
		at += used;
		if (end == bytes.n && !used)
			break;
	}
	err = archive_read_end(&rd, err, bytes.n - at, f);
	db_publish(m->db);
	return err;
}

static struct slice whole(struct machine *m, const struct vectors *v)
{
	buf_reset(&m->bytes, SIZE_MAX);
	for (size_t i = 0; i < v->n; i++)
		buf_slice(&m->bytes, v->lines[i]);
	return arena_copy(&m->a, buf_view(&m->bytes));
}

static struct slice save(struct machine *m, enum archive_form form, size_t piece)
{
	struct archive_writer w;
	buf_reset(&m->bytes, SIZE_MAX);
	archive_write_begin(&w, machine_root(m), form);
	while (archive_write_next(&w, &m->bytes, piece))
		;
	archive_write_end(&w);
	CHECK(!m->bytes.failed);
	return arena_copy(&m->a, buf_view(&m->bytes));
}

/* The catalog of a restored store has the header's index everywhere. */
static struct slice with_index(struct machine *m, struct slice record, raft_index index)
{
	struct register_request req;
	if (record.p[0] != COMMAND_REGISTER)
		return record;
	CHECK(command_read(slice_from(record, 1), &register_request_schema, &req, &m->a));
	if (req.service)
		req.service->create_index = req.service->modify_index = index;
	if (req.check)
		req.check->create_index = req.check->modify_index = index;
	buf_reset(&m->bytes, SIZE_MAX);
	command_write(&m->bytes, COMMAND_REGISTER, &register_request_schema, &req);
	return arena_copy(&m->a, buf_view(&m->bytes));
}

TEST(state_vectors, a_snapshot_of_1_0_8_comes_back_byte_for_byte)
{
	struct machine m;
	static struct vectors v;
	struct fail f;
	machine_begin(&m);
	load(&m, "tests/vectors/state-1.0.8.txt", &v);
	struct slice all = whole(&m, &v);
	CHECK_EQ(restore(&m, all, all.n, &f), OK);
	CHECK(machine_consistent(&m));
	for (size_t i = 1; i < v.n; i++)
		v.lines[i] = with_index(&m, v.lines[i], 211);
	struct slice want = whole(&m, &v), got = save(&m, ARCHIVE_AS_CONSUL, SIZE_MAX);
	check_hex(got, want, 0);
	struct slice pieces = save(&m, ARCHIVE_AS_CONSUL, 1);
	CHECK(slice_eq(pieces, got));
	machine_end(&m);
}

TEST(state_vectors, a_snapshot_of_0_7_5_is_read)
{
	struct machine m;
	static struct vectors v;
	struct fail f;
	machine_begin(&m);
	load(&m, "tests/vectors/state-0.7.5.txt", &v);
	struct slice all = whole(&m, &v);
	CHECK_EQ(restore(&m, all, 7, &f), OK);
	CHECK(machine_consistent(&m));
	CHECK_EQ(table_index(machine_root(&m), S("nodes")), 110);
	CHECK(db_count(machine_root(&m), TREE_TOMBSTONES) > 0);
	machine_end(&m);
}

TEST(state_vectors, a_snapshot_cut_anywhere_changes_nothing)
{
	struct machine m;
	static struct vectors v;
	struct fail f;
	machine_begin(&m);
	load(&m, "tests/vectors/state-1.0.8.txt", &v);
	struct slice all = whole(&m, &v);
	put_key(&m, "mine", "1");
	struct slice before = machine_dump(&m);
	size_t starts = 0, at = 0, next = 0;
	for (size_t cut = 0; cut < all.n; cut++) {
		while (next < v.n && at + v.lines[next].n <= cut)
			at += v.lines[next++].n;
		if (at == cut && cut) { /* between two records nothing is missing to the eye */
			starts++;
			continue;
		}
		if (cut % 7) /* every seventh byte will do: 8,000 in all */
			continue;
		CHECK_EQ(restore(&m, slice_cut(all, 0, cut), SIZE_MAX / 2, &f), ERR_TORN);
		CHECK(slice_eq(before, machine_dump(&m)));
		arena_reset(&m.s.scratch, 0);
	}
	CHECK_EQ(starts, v.n - 1);
	char bad[] = "\x80\x0a\x80"; /* empty header, type 10 */
	CHECK_EQ(restore(&m, slice_at(bad, 3), 3, &f), ERR_CORRUPT);
	CHECK_STR(slice_of(f.text), "Unrecognized msg type 10");
	machine_end(&m);
}

TEST(state_vectors, the_whole_form_loses_no_node)
{
	struct machine m, other;
	struct fail f;
	machine_begin(&m);
	machine_begin(&other);
	struct pair meta = {S("rack"), S("r1")};
	struct register_request req = {.datacenter = S("dc1"),
	        .node = S("n1"),
	        .address = S("10.0.0.1"),
	        .id = S("00000000-0000-0000-0000-000000000001"),
	        .node_meta = {&meta, 1}};
	apply(&m, COMMAND_REGISTER, &register_request_schema, &req);
	add_service(&m, "n1", "w", "web");
	add_check(&m, "n1", "c", "w", "passing");
	add_check(&m, "n1", "mem", "", "passing");
	struct slice lossy = save(&m, ARCHIVE_AS_CONSUL, SIZE_MAX), saved = save(&m, ARCHIVE_WHOLE, SIZE_MAX);
	CHECK(lossy.n < saved.n);
	CHECK_EQ(restore(&other, saved, 100, &f), OK);
	const struct node *n;
	catalog_node(machine_root(&other), NULL, S("n1"), &other.a, &n);
	ASSERT(n);
	CHECK_EQ(n->meta.n, 1);
	CHECK_STR(n->id, "00000000-0000-0000-0000-000000000001");
	CHECK_EQ(n->modify_index, m.index);
	CHECK(machine_consistent(&other));
	machine_end(&other);
	machine_end(&m);
}
