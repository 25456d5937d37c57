#include "core/base/slice.h"
#include "tests/unit/state/fixture.h"

static raft_index get(struct machine *m, const char *key, struct dir_entry *e, bool *found)
{
	return kv_get(machine_root(m), NULL, slice_of(key), &m->a, e, found);
}

TEST(state_kv, an_empty_store_has_index_0)
{
	struct machine m;
	struct dir_entry e;
	struct list all;
	bool found;
	machine_begin(&m);
	CHECK_EQ(get(&m, "a", &e, &found), 0);
	CHECK(!found);
	CHECK_EQ(kv_list(machine_root(&m), NULL, S_NONE, &m.a, &all), 0);
	CHECK(!all.items);
	machine_end(&m);
}

TEST(state_kv, a_set_keeps_the_create_index_and_moves_the_other)
{
	struct machine m;
	struct dir_entry e;
	bool found;
	machine_begin(&m);
	raft_index first = put_key(&m, "a", "1"),
	           second = kvs(&m, "set", (struct dir_entry){.key = S("a"), .value = S("2"), .flags = 7});
	CHECK_EQ(m.out.kind, APPLY_NONE);
	raft_index other = put_key(&m, "b", "x");
	CHECK_EQ(get(&m, "a", &e, &found), other);
	CHECK(found);
	CHECK_EQ(e.create_index, first);
	CHECK_EQ(e.modify_index, second);
	CHECK_EQ(e.flags, 7);
	CHECK_STR(e.value, "2");
	machine_end(&m);
}

TEST(state_kv, an_empty_key_is_refused)
{
	struct machine m;
	machine_begin(&m);
	put_key(&m, "", "1");
	CHECK_EQ(m.out.kind, APPLY_ERROR);
	CHECK_STR(m.out.text, "failed inserting kvs entry: object missing primary index");
	CHECK_EQ(db_count(machine_root(&m), TREE_KV), 0);
	CHECK_EQ(db_count(machine_root(&m), TREE_INDEX), 0);
	machine_end(&m);
}

TEST(state_kv, cas_0_creates_only_and_others_need_the_index)
{
	struct machine m;
	machine_begin(&m);
	struct dir_entry e = {.key = S("a"), .value = S("1"), .modify_index = 5};
	kvs(&m, "cas", e);
	CHECK(m.out.kind == APPLY_BOOL && !m.out.yes);
	e.modify_index = 0;
	raft_index made = kvs(&m, "cas", e);
	CHECK(m.out.kind == APPLY_BOOL && m.out.yes);
	kvs(&m, "cas", e);
	CHECK(!m.out.yes);
	e.modify_index = made + 1;
	kvs(&m, "cas", e);
	CHECK(!m.out.yes);
	e.modify_index = made;
	kvs(&m, "cas", e);
	CHECK(m.out.yes);
	machine_end(&m);
}

TEST(state_kv, delete_cas_of_the_absent_is_true)
{
	struct machine m;
	machine_begin(&m);
	kvs(&m, "delete-cas", (struct dir_entry){.key = S("a"), .modify_index = 0});
	CHECK(m.out.kind == APPLY_BOOL && m.out.yes);
	CHECK_EQ(db_count(machine_root(&m), TREE_INDEX), 0);
	raft_index at = put_key(&m, "a", "1");
	kvs(&m, "delete-cas", (struct dir_entry){.key = S("a"), .modify_index = at + 5});
	CHECK(!m.out.yes);
	kvs(&m, "delete-cas", (struct dir_entry){.key = S("a"), .modify_index = at});
	CHECK(m.out.yes && m.out.tombstone);
	CHECK_EQ(db_count(machine_root(&m), TREE_KV), 0);
	machine_end(&m);
}

static raft_index list_index(struct machine *m, const char *prefix, uint32_t *n)
{
	struct list l;
	raft_index index = kv_list(machine_root(m), NULL, slice_of(prefix), &m->a, &l);
	*n = l.n;
	return index;
}

TEST(state_kv, a_listing_never_goes_back)
{
	struct machine m;
	uint32_t n;
	machine_begin(&m);
	raft_index a = put_key(&m, "t/a", "1");
	put_key(&m, "t/b", "1");
	put_key(&m, "u", "1");
	raft_index gone = kv_drop(&m, "t/b");
	CHECK(m.out.tombstone);
	CHECK_EQ(list_index(&m, "t/", &n), gone);
	CHECK_EQ(n, 1);
	raft_index u = kv_drop(&m, "u");
	CHECK_EQ(list_index(&m, "t/", &n), gone);
	CHECK_EQ(list_index(&m, "none/", &n), u);
	CHECK_EQ(list_index(&m, "", &n), u);
	struct tombstone_request reap = {.op = S("reap"), .reap_index = gone};
	apply(&m, COMMAND_TOMBSTONE, &tombstone_request_schema, &reap);
	CHECK_EQ(db_count(machine_root(&m), TREE_TOMBSTONES), 1);
	CHECK_EQ(list_index(&m, "t/", &n), a);
	machine_end(&m);
}

TEST(state_kv, a_tree_leaves_one_tombstone_and_everything_none)
{
	struct machine m;
	uint32_t n;
	machine_begin(&m);
	for (int i = 0; i < 20; i++) {
		char key[16];
		snprintf(key, sizeof key, "t/%d", i);
		put_key(&m, key, "x");
	}
	put_key(&m, "ta", "x");
	kv_drop_tree(&m, "nothing/");
	CHECK(!m.out.tombstone);
	raft_index gone = kv_drop_tree(&m, "t/");
	CHECK(m.out.tombstone);
	CHECK_EQ(db_count(machine_root(&m), TREE_TOMBSTONES), 1);
	CHECK_EQ(db_count(machine_root(&m), TREE_KV), 1);
	CHECK_EQ(list_index(&m, "t/", &n), gone);
	raft_index all = kv_drop_tree(&m, "");
	CHECK(!m.out.tombstone);
	CHECK_EQ(db_count(machine_root(&m), TREE_TOMBSTONES), 1);
	CHECK_EQ(list_index(&m, "ta", &n), all);
	machine_end(&m);
}

static void check_keys(struct machine *m, const char *prefix, const char *separator, const char *want)
{
	struct list keys;
	struct buf b = {0};
	kv_list_keys(machine_root(m), NULL, slice_of(prefix), slice_of(separator), &m->a, &keys);
	for (uint32_t i = 0; i < keys.n; i++) {
		buf_slice(&b, ((const struct slice *)keys.items)[i]);
		buf_char(&b, ' ');
	}
	CHECK_STR(buf_view(&b), want);
	buf_free(&b);
}

TEST(state_kv, keys_are_cut_behind_the_separator)
{
	struct machine m;
	machine_begin(&m);
	const char *keys[] = {"a/", "a/b", "a/c/d", "a/c/e", "a/cc", "b", "bxxc", "bxxd"};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		put_key(&m, keys[i], "x");
	check_keys(&m, "a/", "", "a/ a/b a/c/d a/c/e a/cc ");
	check_keys(&m, "a/", "/", "a/ a/b a/c/ a/cc ");
	check_keys(&m, "", "/", "a/ b bxxc bxxd ");
	check_keys(&m, "b", "xx", "b bxx ");
	check_keys(&m, "z", "/", "");
	machine_end(&m);
}

TEST(state_kv, a_waiter_sleeps_while_its_neighbour_changes)
{
	struct machine m;
	struct dir_entry e;
	struct list l;
	bool found;
	machine_begin(&m);
	put_key(&m, "a", "1");
	put_key(&m, "b", "1");
	put_key(&m, "t/x", "1");
	struct watchset key = {.arena = &m.a}, tree = {.arena = &m.a};
	kv_get(machine_root(&m), &key, S("a"), &m.a, &e, &found);
	kv_list(machine_root(&m), &tree, S("t/"), &m.a, &l);
	put_key(&m, "b", "2");
	put_key(&m, "ab", "2");
	kv_drop(&m, "b");
	CHECK(!machine_wakes(&m, &key));
	CHECK(!machine_wakes(&m, &tree));
	put_key(&m, "a", "2");
	CHECK(machine_wakes(&m, &key));
	CHECK(!machine_wakes(&m, &tree));
	kv_drop(&m, "t/x");
	CHECK(machine_wakes(&m, &tree));
	machine_end(&m);
}

TEST(state_kv, a_waiter_for_the_absent_wakes_when_it_comes)
{
	struct machine m;
	struct dir_entry e;
	bool found;
	machine_begin(&m);
	put_key(&m, "app/a", "1");
	put_key(&m, "zoo", "1");
	struct watchset ws = {.arena = &m.a};
	kv_get(machine_root(&m), &ws, S("app/missing"), &m.a, &e, &found);
	CHECK(!found);
	put_key(&m, "zoo", "2");
	CHECK(!machine_wakes(&m, &ws));
	put_key(&m, "app/missing", "2");
	CHECK(machine_wakes(&m, &ws));
	machine_end(&m);
}
