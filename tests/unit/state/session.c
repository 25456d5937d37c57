#include "core/base/slice.h"
#include "tests/unit/state/fixture.h"

static struct dir_entry entry(struct machine *m, const char *key)
{
	struct dir_entry e = {0};
	bool found;
	kv_get(machine_root(m), NULL, slice_of(key), &m->a, &e, &found);
	return e;
}

static bool alive(struct machine *m, struct slice id)
{
	const struct session *s = NULL;
	CHECK_EQ(session_get(machine_root(m), NULL, id, &m->a, NULL, &s, NULL), OK);
	return s;
}

static void begin(struct machine *m)
{
	machine_begin(m);
	add_node(m, "n1", "10.0.0.1");
	add_check(m, "n1", "mem", "", "passing");
}

TEST(state_session, needs_a_node_and_living_checks)
{
	struct machine m;
	begin(&m);
	add_session(&m, 1, (struct session_spec){.node = "n2"});
	CHECK_EQ(m.out.kind, APPLY_ERROR);
	CHECK_STR(m.out.text, "Missing node registration");
	add_session(&m, 1, (struct session_spec){.node = "n1", .check = "disk"});
	CHECK_STR(m.out.text, "Missing check 'disk' registration");
	add_check(&m, "n1", "disk", "", "critical");
	add_session(&m, 1, (struct session_spec){.node = "n1", .check = "disk"});
	CHECK_STR(m.out.text, "Check 'disk' is in critical state");
	add_session(&m, 1, (struct session_spec){.node = "n1", .behavior = "explode"});
	CHECK_STR(m.out.text, "Invalid session behavior: explode");
	CHECK_EQ(db_count(machine_root(&m), TREE_SESSIONS), 0);
	struct slice id = add_session(&m, 1, (struct session_spec){.node = "N1", .check = "MEM"});
	CHECK_EQ(m.out.kind, APPLY_TEXT);
	CHECK(slice_eq(m.out.text, id));
	CHECK(machine_consistent(&m));
	machine_end(&m);
}

TEST(state_session, ids_match_without_case_but_must_be_uuids)
{
	struct machine m;
	struct fail f;
	const struct session *s;
	begin(&m);
	struct session_request req = {
	        .op = S("create"), .session = {.id = S("ABCDEF00-0000-0000-0000-000000000001"), .node = S("n1")}};
	apply(&m, COMMAND_SESSION, &session_request_schema, &req);
	CHECK(alive(&m, S("abcdef00-0000-0000-0000-000000000001")));
	CHECK_EQ(session_get(machine_root(&m), NULL, S("nope"), &m.a, NULL, &s, &f), ERR_FAILED);
	CHECK_STR(slice_of(f.text), "failed session lookup: index error: UUID must be 36 characters");
	session_get(machine_root(&m), NULL, S("ABCDEF00-0000-0000-0000-00000000000z"), &m.a, NULL, &s, &f);
	CHECK_STR(slice_of(f.text),
	        "failed session lookup: index error: Invalid UUID: encoding/hex: invalid byte: U+007A 'z'");
	drop_session(&m, S("abcdef00-0000-0000-0000-000000000001"));
	CHECK_EQ(db_count(machine_root(&m), TREE_SESSIONS), 0);
	drop_session(&m, S("abcdef00-0000-0000-0000-000000000001"));
	CHECK_EQ(m.out.kind, APPLY_NONE);
	machine_end(&m);
}

TEST(state_session, lock_counts_holders_and_unlock_needs_the_holder)
{
	struct machine m;
	begin(&m);
	struct slice one = add_session(&m, 1, (struct session_spec){.node = "n1"});
	struct slice two = add_session(&m, 2, (struct session_spec){.node = "n1"});
	CHECK(kv_take(&m, "k", one));
	CHECK_EQ(entry(&m, "k").lock_index, 1);
	CHECK(kv_take(&m, "k", one));
	CHECK_EQ(entry(&m, "k").lock_index, 1);
	CHECK(!kv_take(&m, "k", two));
	kvs(&m, "unlock", (struct dir_entry){.key = S("k"), .session = two});
	CHECK(!m.out.yes);
	kvs(&m, "unlock", (struct dir_entry){.key = S("k"), .session = one});
	CHECK(m.out.yes);
	CHECK_EQ(entry(&m, "k").lock_index, 1);
	CHECK_EQ(entry(&m, "k").session.n, 0);
	CHECK(kv_take(&m, "k", two));
	CHECK_EQ(entry(&m, "k").lock_index, 2);
	CHECK(machine_consistent(&m));
	machine_end(&m);
}

TEST(state_session, a_plain_set_keeps_the_holder_and_loses_the_count)
{
	struct machine m;
	begin(&m);
	struct slice one = add_session(&m, 1, (struct session_spec){.node = "n1"});
	kv_take(&m, "k", one);
	put_key(&m, "k", "changed");
	CHECK(slice_eq(entry(&m, "k").session, one));
	CHECK_EQ(entry(&m, "k").lock_index, 0);
	machine_end(&m);
}

TEST(state_session, lock_without_a_living_session_is_an_error)
{
	struct machine m;
	begin(&m);
	kv_take(&m, "k", S_NONE);
	CHECK_STR(m.out.text, "missing session");
	kv_take(&m, "k", S("x"));
	CHECK_STR(m.out.text, "failed session lookup: index error: UUID must be 36 characters");
	kv_take(&m, "k", test_uuid(&m, 9));
	CHECK_STR(m.out.text, "invalid session \"00000000-0000-0000-0000-000000000009\"");
	kvs(&m, "unlock", (struct dir_entry){.key = S("k"), .session = S("x")});
	CHECK(m.out.kind == APPLY_BOOL && !m.out.yes);
	CHECK_EQ(db_count(machine_root(&m), TREE_KV), 0);
	machine_end(&m);
}

TEST(state_session, release_lets_go_of_keys_and_delete_removes_them)
{
	struct machine m;
	begin(&m);
	struct slice one = add_session(&m, 1, (struct session_spec){.node = "n1"});
	struct slice two = add_session(&m, 2, (struct session_spec){.node = "n1", .behavior = "delete"});
	kv_take(&m, "a", one);
	kv_take(&m, "b", one);
	kv_take(&m, "c", two);
	raft_index gone = drop_session(&m, one);
	CHECK(!m.out.tombstone);
	CHECK_EQ(entry(&m, "a").session.n, 0);
	CHECK_EQ(entry(&m, "a").modify_index, gone);
	CHECK_EQ(entry(&m, "a").lock_index, 1);
	CHECK_EQ(entry(&m, "b").modify_index, gone);
	drop_session(&m, two);
	CHECK(m.out.tombstone);
	CHECK_EQ(db_count(machine_root(&m), TREE_KV), 2);
	CHECK_EQ(db_count(machine_root(&m), TREE_KV_SESSION), 0);
	CHECK(machine_consistent(&m));
	machine_end(&m);
}

TEST(state_session, a_lock_delay_is_kept_for_a_minute_at_most)
{
	struct machine m;
	begin(&m);
	m.now = 1000 * NS_PER_S;
	struct slice one = add_session(&m, 1, (struct session_spec){.node = "n1", .lock_delay = 15 * NS_PER_S});
	struct slice two = add_session(
	        &m, 2, (struct session_spec){.node = "n1", .lock_delay = 3600 * NS_PER_S, .behavior = "delete"});
	kv_take(&m, "a", one);
	kv_take(&m, "b", two);
	CHECK_EQ(kv_lock_delay_until(machine_root(&m), S("a")), 0);
	drop_session(&m, one);
	drop_session(&m, two);
	CHECK_EQ(kv_lock_delay_until(machine_root(&m), S("a")), 1015 * NS_PER_S);
	CHECK_EQ(kv_lock_delay_until(machine_root(&m), S("b")), 1060 * NS_PER_S);
	m.now = 1030 * NS_PER_S;
	put_key(&m, "x", "1");
	CHECK_EQ(kv_lock_delay_until(machine_root(&m), S("a")), 0);
	CHECK_EQ(kv_lock_delay_until(machine_root(&m), S("b")), 1060 * NS_PER_S);
	machine_end(&m);
}

TEST(state_session, falls_with_its_check_its_service_and_its_node)
{
	struct machine m;
	begin(&m);
	add_service(&m, "n1", "web", "web");
	add_check(&m, "n1", "web-check", "web", "passing");
	struct slice by_state = add_session(&m, 1, (struct session_spec){.node = "n1", .check = "mem"});
	struct slice by_service = add_session(&m, 2, (struct session_spec){.node = "n1", .check = "web-check"});
	struct slice by_node = add_session(&m, 3, (struct session_spec){.node = "n1"});
	kv_take(&m, "k", by_state);
	add_check(&m, "n1", "mem", "", "warning");
	CHECK(alive(&m, by_state));
	raft_index gone = add_check(&m, "n1", "mem", "", "critical");
	CHECK(!alive(&m, by_state));
	CHECK_EQ(entry(&m, "k").modify_index, gone);
	drop(&m, "n1", "web", "");
	CHECK(!alive(&m, by_service));
	CHECK(alive(&m, by_node));
	drop(&m, "n1", "", "");
	CHECK(!alive(&m, by_node));
	CHECK(machine_consistent(&m));
	machine_end(&m);
}

TEST(state_session, lists_by_node_with_the_index_of_the_table)
{
	struct machine m;
	struct list all, of_node;
	begin(&m);
	CHECK_EQ(session_list(machine_root(&m), NULL, &m.a, &all), 0);
	add_node(&m, "n2", "10.0.0.2");
	add_session(&m, 2, (struct session_spec){.node = "n2"});
	struct slice one = add_session(&m, 1, (struct session_spec){.node = "n1"});
	raft_index last = m.index;
	put_key(&m, "a", "1");
	CHECK_EQ(session_list(machine_root(&m), NULL, &m.a, &all), last);
	CHECK_EQ(all.n, 2);
	CHECK(slice_eq(((struct session *)all.items)[0].id, one));
	CHECK_EQ(session_list_node(machine_root(&m), NULL, S("N1"), &m.a, &of_node), last);
	CHECK_EQ(of_node.n, 1);
	CHECK_STR(((struct session *)of_node.items)[0].behavior, "release");
	machine_end(&m);
}
