/* What a read noted moves when that changes, and (nearly) only then. */
#include "store/watchset.h"

#include <stdlib.h>

#include "tests/test.h"

struct scene {
	struct db *db;
	struct arena arena;
	struct watchset ws;
};

static void put(struct scene *s, enum db_tree t, struct slice key)
{
	struct item *it = db_item_new(s->db, key, 0);
	ASSERT(it && db_put(s->db, t, it));
}

static struct scene *scene_new(void)
{
	struct scene *s = calloc(1, sizeof *s);
	s->db = db_new(NULL);
	ASSERT(s->db);
	s->ws.arena = &s->arena;
	put(s, TREE_KV, S("web/a"));
	put(s, TREE_KV, S("web/b"));
	put(s, TREE_KV, S("web2/a"));
	put(s, TREE_KV, S("db/a"));
	db_publish(s->db);
	return s;
}

static void scene_free(struct scene *s)
{
	db_free(s->db);
	arena_free(&s->arena);
	free(s);
}

static bool moved(struct scene *s)
{
	const struct db_root *r = db_publish(s->db);
	for (uint32_t i = 0; i < s->ws.n; i++)
		if (watch_moved(&s->ws.notes[i], r))
			return true;
	return false;
}

TEST(watchset, a_key)
{
	struct scene *s = scene_new();
	watch_key(&s->ws, db_published(s->db), TREE_KV, S("web/a"));
	CHECK(!moved(s));
	put(s, TREE_KV, S("web/b"));
	put(s, TREE_KV, S("web/aa"));
	put(s, TREE_KV, S("web/"));
	CHECK(!moved(s));
	put(s, TREE_NODES, S("web/a"));
	CHECK(!moved(s));
	put(s, TREE_KV, S("web/a"));
	CHECK(moved(s));
	scene_free(s);
}

TEST(watchset, a_key_that_goes)
{
	struct scene *s = scene_new();
	watch_key(&s->ws, db_published(s->db), TREE_KV, S("web2/a"));
	CHECK(db_remove(s->db, TREE_KV, S("web2/a")));
	CHECK(moved(s));
	scene_free(s);
}

TEST(watchset, a_key_that_comes)
{
	struct scene *s = scene_new();
	watch_key(&s->ws, db_published(s->db), TREE_KV, S("web/c"));
	put(s, TREE_KV, S("db/b"));
	CHECK(!moved(s));
	put(s, TREE_KV, S("web/c"));
	CHECK(moved(s));
	scene_free(s);
}

TEST(watchset, a_prefix_sleeps_while_its_neighbour_flaps)
{
	struct scene *s = scene_new();
	watch_prefix(&s->ws, db_published(s->db), TREE_KV, S("web/"));
	for (int i = 0; i < 5; i++) {
		put(s, TREE_KV, S("web2/b"));
		CHECK(!moved(s));
		CHECK(db_remove(s->db, TREE_KV, S("web2/b")));
		CHECK(!moved(s));
	}
	CHECK(db_remove(s->db, TREE_KV, S("web/b")));
	CHECK(moved(s));
	scene_free(s);
}

TEST(watchset, a_prefix_emptied_at_once)
{
	struct scene *s = scene_new();
	watch_prefix(&s->ws, db_published(s->db), TREE_KV, S("web/"));
	CHECK_EQ(db_remove_prefix(s->db, TREE_KV, S("web")), 3);
	CHECK(moved(s));
	scene_free(s);
}

TEST(watchset, nothing_is_noted_twice)
{
	struct scene *s = scene_new();
	const struct db_root *r = db_published(s->db);
	watch_prefix(&s->ws, r, TREE_KV, S("web/"));
	watch_key(&s->ws, r, TREE_KV, S("web/a"));
	watch_prefix(&s->ws, r, TREE_KV, S("web/"));
	CHECK_EQ(s->ws.n, 1);
	watch_key(&s->ws, r, TREE_KV, S("db/a"));
	watch_key(&s->ws, r, TREE_KV, S("db/a"));
	CHECK_EQ(s->ws.n, 2);
	watch_tree(&s->ws, r, TREE_KV);
	watch_key(&s->ws, r, TREE_KV, S("else"));
	CHECK_EQ(s->ws.n, 3);
	watch_key(NULL, r, TREE_KV, S("a read that will not block"));
	scene_free(s);
}

TEST(watchset, too_many_widen_to_the_tree)
{
	struct scene *s = scene_new();
	const struct db_root *r = db_published(s->db);
	watch_key(&s->ws, r, TREE_SESSIONS, S("one of another tree"));
	for (int i = 0; i < 3 * WATCHES_MAX; i++) {
		char key[32];
		watch_key(&s->ws, r, i % 5 ? TREE_KV : TREE_NODES,
		        (struct slice){key, (size_t)snprintf(key, sizeof key, "many/%d", i)});
	}
	CHECK(s->ws.n <= WATCHES_MAX);
	CHECK(!moved(s));
	put(s, TREE_KV, S("many/1"));
	CHECK(moved(s));
	for (uint32_t i = 0; i < s->ws.n; i++)
		CHECK_EQ(watch_moved(&s->ws.notes[i], db_published(s->db)), s->ws.notes[i].tree == TREE_KV);
	scene_free(s);
}

TEST(watchset, keys_are_copied)
{
	struct scene *s = scene_new();
	char key[] = "web/a";
	watch_key(&s->ws, db_published(s->db), TREE_KV, slice_of(key));
	memset(key, '?', sizeof key - 1);
	put(s, TREE_KV, S("web/a"));
	CHECK(moved(s));
	scene_free(s);
}
