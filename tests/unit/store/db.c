/* The database's promises one by one; the tree at large is in tree.c. */
#include "store/db.h"

#include "store/epoch.h"
#include "tests/test.h"

static bool put(struct db *db, struct slice key, uint64_t value)
{
	struct item *it = db_item_new(db, key, sizeof value);
	if (!it)
		return false;
	memcpy(item_payload_new(it), &value, sizeof value);
	if (db_put(db, TREE_KV, it))
		return true;
	db_item_drop(db, it);
	return false;
}

static long long value_at(const struct db_root *r, struct slice key)
{
	const struct item *it = db_get(r, TREE_KV, key);
	uint64_t value;
	if (!it)
		return -1;
	memcpy(&value, item_payload(it), sizeof value);
	return (long long)value;
}

TEST(db, a_root_shows_one_moment)
{
	struct db *db = db_new(NULL);
	ASSERT(db);
	CHECK(put(db, S("a"), 1));
	CHECK_EQ(value_at(db_published(db), S("a")), -1);
	CHECK_EQ(value_at(db_working(db), S("a")), 1);
	const struct db_root *r = db_publish(db);
	CHECK(r == db_published(db));
	CHECK_EQ(value_at(r, S("a")), 1);
	CHECK(put(db, S("a"), 2));
	CHECK(put(db, S("ab"), 3));
	CHECK_EQ(value_at(r, S("a")), 1);
	CHECK_EQ(db_count(r, TREE_KV), 1);
	CHECK_EQ(db_count(db_working(db), TREE_KV), 2);
	r = db_publish(db);
	CHECK_EQ(value_at(r, S("a")), 2);
	CHECK_EQ(value_at(r, S("ab")), 3);
	CHECK(db_remove(db, TREE_KV, S("a")));
	CHECK(!db_remove(db, TREE_KV, S("a")));
	CHECK_EQ(value_at(r, S("a")), 2);
	r = db_publish(db);
	CHECK_EQ(value_at(r, S("a")), -1);
	CHECK_STR(item_key(db_first(r, TREE_KV)), "ab");
	CHECK(db_publish(db) == r); /* nothing changed: the same root */
	db_free(db);
}

TEST(db, trees_do_not_mix)
{
	struct db *db = db_new(NULL);
	CHECK(put(db, S("x"), 1));
	CHECK(!db_get(db_working(db), TREE_NODES, S("x")));
	CHECK(!db_first(db_working(db), TREE_NODES));
	uint64_t before = db_version_of_prefix(db_working(db), TREE_NODES, S_NONE);
	CHECK(put(db, S("y"), 1));
	CHECK_EQ(db_version_of_prefix(db_working(db), TREE_NODES, S_NONE), before);
	db_free(db);
}

TEST(db, undo_and_keep)
{
	struct db *db = db_new(NULL);
	CHECK(put(db, S("old"), 1));
	db_publish(db);
	CHECK(put(db, S("txn"), 2));
	size_t used = db_memory(db).used;
	uint64_t version = db_version_of_key(db_working(db), TREE_KV, S("old"));
	db_savepoint(db);
	CHECK(put(db, S("old"), 3));
	CHECK(put(db, S("older"), 4));
	CHECK(db_remove(db, TREE_KV, S("txn")));
	CHECK_EQ(db_remove_prefix(db, TREE_KV, S("old")), 2);
	CHECK(put(db, S("old/new"), 5));
	db_undo(db);
	CHECK_EQ(value_at(db_working(db), S("old")), 1);
	CHECK_EQ(value_at(db_working(db), S("txn")), 2);
	CHECK_EQ(db_count(db_working(db), TREE_KV), 2);
	CHECK_EQ(db_version_of_key(db_working(db), TREE_KV, S("old")), version);
	CHECK_EQ(db_memory(db).used, used);
	db_savepoint(db);
	CHECK(put(db, S("old"), 6));
	db_keep(db);
	CHECK(put(db, S("old"), 7));
	CHECK_EQ(value_at(db_publish(db), S("old")), 7);
	db_savepoint(db);
	CHECK(put(db, S("old"), 8));
	db_undo(db);
	const struct db_root *r = db_published(db);
	CHECK(db_publish(db) == r); /* undone is as if nothing was */
	db_free(db);
}
