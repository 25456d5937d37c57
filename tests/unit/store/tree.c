/* The tree against a model that can't be wrong: a sorted array of all keys there may be, with a number each.
 *
 * Random changes from a seed, many in a transaction, some undone; old roots held by pins and by a reader's epoch and
 * looked at again later; every publication is checked against what watchers were told. */
#include <stdlib.h>

#include "core/base/rand.h"
#include "store/db.h"
#include "store/epoch.h"
#include "tests/test.h"

enum { KEYS = 2500, WATCHERS = 60, SNAPS = 5, ABSENT = 0 };

struct watcher {
	struct slice key;
	bool prefix;
	uint64_t version;
};

struct snap {
	const struct db_root *root;
	uint32_t values[KEYS];
	int reader; /* its slot, -1: pinned */
};

struct trial {
	struct rand rand;
	struct db *db;
	struct epoch *epoch;
	struct slice keys[KEYS]; /* sorted */
	uint32_t values[KEYS];   /* ABSENT or what is there */
	uint32_t saved[KEYS];
	bool dirty[KEYS], saved_dirty[KEYS]; /* changed in this transaction */
	bool saving;
	uint32_t next_value;
	struct watcher watchers[WATCHERS];
	struct snap snaps[SNAPS];
	int reader;
	size_t spurious, looks;
};

static uint32_t below(struct trial *t, uint32_t n)
{
	return (uint32_t)rand_below(&t->rand, n);
}

/* ---- keys ---- */

static int by_bytes(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static size_t key_make(struct trial *t, char *to)
{
	static const char letters[] = {0, 1, 'a', 'b', '/', (char)0xff};
	size_t n = 0;
	switch (below(t, 8)) {
	case 0: return (size_t)sprintf(to, "service/app-%04u/config/key-%04u", below(t, 40), below(t, 20));
	case 1: /* a chain of prefixes */
		n = below(t, 150);
		memset(to, 'a', n);
		return n;
	case 2: /* long, alike to near the end */
		n = 3000 + below(t, 3);
		memset(to, 'x', n);
		to[2990 + below(t, 10)] = (char)('x' + below(t, 3));
		return n;
	case 3:
		for (; n < 6; n++)
			to[n] = (char)below(t, 256);
		return n;
	default:
		for (size_t len = below(t, 11); n < len; n++)
			to[n] = letters[below(t, sizeof letters)];
		return n;
	}
}

static void keys_make(struct trial *t)
{
	char buf[4096];
	size_t n = 0;
	while (n < KEYS) {
		while (n < KEYS) {
			size_t len = key_make(t, buf);
			char *copy = malloc(len + 1);
			memcpy(copy, buf, len);
			t->keys[n++] = (struct slice){copy, len};
		}
		qsort(t->keys, n, sizeof t->keys[0], by_bytes);
		size_t kept = 1;
		for (size_t i = 1; i < n; i++) {
			if (slice_eq(t->keys[kept - 1], t->keys[i]))
				free((void *)(uintptr_t)t->keys[i].p);
			else
				t->keys[kept++] = t->keys[i];
		}
		n = kept;
	}
}

static uint32_t first_at_least(const struct trial *t, struct slice key)
{
	uint32_t lo = 0, hi = KEYS;
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		if (slice_cmp(t->keys[mid], key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct slice some_prefix(struct trial *t)
{
	struct slice key = t->keys[below(t, KEYS)];
	return slice_cut(key, 0, below(t, (uint32_t)key.n + 2));
}

/* ---- looking ---- */

static uint32_t item_value(const struct item *it)
{
	uint32_t v;
	memcpy(&v, item_payload(it), sizeof v);
	return v;
}

/* The cursor gives just the present keys of [i, end of prefix), in order; `most` at most. */
static void check_scan(
        const struct trial *t, struct cursor *c, const uint32_t *values, uint32_t i, struct slice prefix, uint32_t most)
{
	for (uint32_t n = 0; n < most; i++) {
		while (i < KEYS && values[i] == ABSENT && slice_starts(t->keys[i], prefix))
			i++;
		const struct item *it = cursor_next(c);
		if (i == KEYS || !slice_starts(t->keys[i], prefix)) {
			CHECK(!it);
			CHECK(!cursor_next(c));
			return;
		}
		ASSERT(it);
		ASSERT(slice_eq(item_key(it), t->keys[i]));
		ASSERT(item_value(it) == values[i]);
		n++;
	}
}

static void check_root(struct trial *t, const struct db_root *r, const uint32_t *values)
{
	struct cursor c;
	size_t n = 0;
	cursor_prefix(&c, r, TREE_KV, S_NONE);
	check_scan(t, &c, values, 0, S_NONE, UINT32_MAX);
	for (uint32_t i = 0; i < KEYS; i++) {
		const struct item *it = db_get(r, TREE_KV, t->keys[i]);
		ASSERT(values[i] == ABSENT ? !it : it && item_value(it) == values[i]);
		n += values[i] != ABSENT;
	}
	CHECK_EQ(db_count(r, TREE_KV), n);
	ASSERT(db_invariants(r));
}

static void look_around(struct trial *t, const struct db_root *r, const uint32_t *values)
{
	struct cursor c;
	struct slice prefix = some_prefix(t);
	cursor_prefix(&c, r, TREE_KV, prefix);
	check_scan(t, &c, values, first_at_least(t, prefix), prefix, 20);
	struct slice from = some_prefix(t);
	cursor_from(&c, r, TREE_KV, from);
	check_scan(t, &c, values, first_at_least(t, from), S_NONE, 10);
	uint32_t i = below(t, KEYS);
	const struct item *it = db_get(r, TREE_KV, t->keys[i]);
	ASSERT(values[i] == ABSENT ? !it : it && item_value(it) == values[i]);
}

/* ---- changing ---- */

static void change(struct trial *t)
{
	uint32_t i = below(t, KEYS);
	if (below(t, 100) < 60) {
		struct item *it = db_item_new(t->db, t->keys[i], sizeof t->next_value + below(t, 40));
		ASSERT(it);
		t->next_value++;
		memcpy(item_payload_new(it), &t->next_value, sizeof t->next_value);
		ASSERT(db_put(t->db, TREE_KV, it));
		t->values[i] = t->next_value;
		t->dirty[i] = true;
	} else if (below(t, 100) < 97) {
		CHECK_EQ(db_remove(t->db, TREE_KV, t->keys[i]), t->values[i] != ABSENT);
		t->dirty[i] |= t->values[i] != ABSENT;
		t->values[i] = ABSENT;
	} else {
		struct slice prefix = some_prefix(t);
		size_t n = 0;
		if (prefix.n < 2 && below(t, 20))
			return;
		for (i = first_at_least(t, prefix); i < KEYS && slice_starts(t->keys[i], prefix); i++) {
			n += t->values[i] != ABSENT;
			t->dirty[i] |= t->values[i] != ABSENT;
			t->values[i] = ABSENT;
		}
		CHECK_EQ(db_remove_prefix(t->db, TREE_KV, prefix), n);
	}
}

static void save(struct trial *t)
{
	db_savepoint(t->db);
	memcpy(t->saved, t->values, sizeof t->saved);
	memcpy(t->saved_dirty, t->dirty, sizeof t->dirty);
	t->saving = true;
}

static void unsave(struct trial *t)
{
	if (below(t, 2)) {
		db_undo(t->db);
		memcpy(t->values, t->saved, sizeof t->saved);
		memcpy(t->dirty, t->saved_dirty, sizeof t->dirty);
	} else {
		db_keep(t->db);
	}
	t->saving = false;
}

/* ---- publishing, watching, holding ---- */

static uint64_t watched(const struct trial *t, const struct watcher *w)
{
	const struct db_root *r = db_published(t->db);
	return w->prefix ? db_version_of_prefix(r, TREE_KV, w->key) : db_version_of_key(r, TREE_KV, w->key);
}

static bool touched(const struct trial *t, const struct watcher *w)
{
	uint32_t i = first_at_least(t, w->key);
	if (!w->prefix)
		return i < KEYS && slice_eq(t->keys[i], w->key) && t->dirty[i];
	for (; i < KEYS && slice_starts(t->keys[i], w->key); i++)
		if (t->dirty[i])
			return true;
	return false;
}

static void publish(struct trial *t)
{
	uint64_t before = db_version(db_published(t->db));
	db_publish(t->db);
	epoch_advance(t->epoch);
	ASSERT(db_version(db_published(t->db)) >= before);
	for (int i = 0; i < WATCHERS; i++) {
		struct watcher *w = &t->watchers[i];
		uint64_t version = watched(t, w);
		bool moved = version != w->version;
		ASSERT(version >= w->version);
		ASSERT(moved || !touched(t, w));
		t->spurious += moved && !touched(t, w);
		t->looks++;
		w->version = version;
		if (!below(t, 40)) {
			*w = (struct watcher){.prefix = below(t, 2), .key = some_prefix(t)};
			w->version = watched(t, w);
		}
	}
	memset(t->dirty, 0, sizeof t->dirty);
}

static void snap_take(struct trial *t, struct snap *s)
{
	s->reader = below(t, 2) && !t->reader ? 0 : -1;
	if (s->reader == 0) {
		t->reader = 1;
		epoch_enter(t->epoch, 0);
		s->root = db_published(t->db);
	} else {
		s->root = db_pin(t->db);
		ASSERT(s->root);
	}
	memcpy(s->values, t->values, sizeof s->values);
}

static void snap_drop(struct trial *t, struct snap *s)
{
	if (!s->root)
		return;
	check_root(t, s->root, s->values);
	if (s->reader == 0) {
		epoch_leave(t->epoch, 0);
		t->reader = 0;
	} else {
		db_unpin(t->db, s->root);
	}
	s->root = NULL;
}

static void transaction(struct trial *t)
{
	for (uint32_t n = 1 + below(t, 70); n; n--) {
		if (!t->saving && !below(t, 40))
			save(t);
		change(t);
		if (t->saving && !below(t, 8))
			unsave(t);
		if (!below(t, 4))
			look_around(t, db_working(t->db), t->values);
	}
	if (t->saving)
		unsave(t);
	publish(t);
	struct snap *s = &t->snaps[below(t, SNAPS)];
	if (s->root)
		look_around(t, s->root, s->values);
	if (!below(t, 25)) {
		snap_drop(t, s);
		snap_take(t, s);
	}
}

static struct trial *trial_new(uint64_t seed)
{
	struct trial *t = calloc(1, sizeof *t);
	rand_seed(&t->rand, seed);
	t->epoch = epoch_new();
	t->db = db_new(t->epoch);
	ASSERT(t->epoch && t->db && epoch_reader_add(t->epoch) == 0);
	keys_make(t);
	for (int i = 0; i < WATCHERS; i++)
		t->watchers[i] = (struct watcher){.prefix = i & 1, .key = some_prefix(t)};
	return t;
}

static void settle(struct trial *t)
{
	db_publish(t->db);
	epoch_advance(t->epoch);
	while (db_reclaim(t->db))
		;
}

static void trial_free(struct trial *t)
{
	for (int i = 0; i < SNAPS; i++)
		snap_drop(t, &t->snaps[i]);
	db_free(t->db);
	epoch_free(t->epoch);
	for (int i = 0; i < KEYS; i++)
		free((void *)(uintptr_t)t->keys[i].p);
	free(t);
}

static void trial_run(uint64_t seed, int transactions)
{
	struct trial *t = trial_new(seed);
	for (int i = 0; i < transactions; i++) {
		transaction(t);
		if (i % 250 == 0)
			check_root(t, db_published(t->db), t->values);
	}
	CHECK(t->spurious < t->looks / 4); /* a watcher wakes seldom for nothing */
	for (int i = 0; i < SNAPS; i++)
		snap_drop(t, &t->snaps[i]);
	db_remove_prefix(t->db, TREE_KV, S_NONE);
	settle(t);
	settle(t);
	CHECK_EQ(db_memory(t->db).retired, 0);
	CHECK(db_memory(t->db).used < 2048); /* a root and its spare: nothing leaks */
	trial_free(t);
}

TEST(tree, equals_its_model_seed_1)
{
	trial_run(1, 3000);
}
TEST(tree, equals_its_model_seed_2)
{
	trial_run(2, 3000);
}
TEST(tree, equals_its_model_seed_3)
{
	trial_run(3, 3000);
}

/* ---- depth ---- */

TEST(tree, a_chain_of_prefixes_deeper_than_any_stack)
{
	enum { DEPTH = 6000 };
	static char bytes[DEPTH];
	struct db *db = db_new(NULL);
	struct cursor c;
	memset(bytes, 'k', sizeof bytes);
	for (size_t n = 0; n < DEPTH; n++) {
		struct item *it = db_item_new(db, (struct slice){bytes, n}, 0);
		ASSERT(it && db_put(db, TREE_KV, it));
	}
	const struct db_root *r = db_publish(db);
	cursor_from(&c, r, TREE_KV, (struct slice){bytes, 10});
	for (size_t n = 10; n < DEPTH; n++)
		ASSERT(item_key(cursor_next(&c)).n == n);
	CHECK(!cursor_next(&c));
	CHECK_EQ(db_remove_prefix(db, TREE_KV, (struct slice){bytes, 3}), DEPTH - 3);
	CHECK_EQ(db_count(db_working(db), TREE_KV), 3);
	db_publish(db);
	while (db_reclaim(db))
		;
	CHECK(db_memory(db).used < 4096);
	db_free(db);
}

/* Every key with one byte changed to a later one hangs to the right of the chain: all frames have work left. */
TEST(tree, a_cursor_that_forgets_finds_back)
{
	enum { DEPTH = 300 };
	char bytes[DEPTH];
	struct db *db = db_new(NULL);
	struct cursor c;
	for (size_t n = 0; n < DEPTH; n++) {
		memset(bytes, 'k', sizeof bytes);
		bytes[n] = 'z';
		struct item *it = db_item_new(db, (struct slice){bytes, n + 1}, 0);
		ASSERT(it && db_put(db, TREE_KV, it));
	}
	cursor_prefix(&c, db_working(db), TREE_KV, S_NONE);
	for (size_t n = DEPTH; n > 0; n--) {
		const struct item *it = cursor_next(&c);
		ASSERT(it);
		CHECK_EQ(item_key(it).n, n);
	}
	CHECK(!cursor_next(&c));
	cursor_prefix(&c, db_working(db), TREE_KV, S("kkkz"));
	CHECK_EQ(item_key(cursor_next(&c)).n, 4);
	CHECK(!cursor_next(&c));
	CHECK(db_invariants(db_working(db)));
	db_free(db);
}

/* ---- memory that fails ---- */

struct small {
	struct db *db;
	bool there[200];
};

static struct slice small_key(unsigned i, char *to)
{
	return (struct slice){to, (size_t)sprintf(to, "k/%u/%s", i / 7, i % 7 ? "some" : "")};
}

static struct slice small_key_at(unsigned i, char *to)
{
	struct slice s = small_key(i, to);
	s.n += (size_t)sprintf(to + s.n, "%u", i);
	return s;
}

static bool small_put(struct small *s, unsigned i)
{
	char key[40];
	struct item *it = db_item_new(s->db, small_key_at(i, key), 8);
	if (!it)
		return false;
	memcpy(item_payload_new(it), &i, sizeof i);
	if (!db_put(s->db, TREE_KV, it)) {
		db_item_drop(s->db, it);
		return false;
	}
	return s->there[i] = true;
}

static void small_check(const struct small *s)
{
	size_t n = 0;
	for (unsigned i = 0; i < ARRAY_LEN(s->there); i++) {
		char key[40];
		const struct item *it = db_get(db_working(s->db), TREE_KV, small_key_at(i, key));
		ASSERT(!it == !s->there[i]);
		n += s->there[i];
	}
	CHECK_EQ(db_count(db_working(s->db), TREE_KV), n);
	ASSERT(db_invariants(db_working(s->db)));
}

/* Fails one allocation after the other; a put that fails has changed nothing, everything else goes on. */
TEST(tree, any_allocation_may_fail)
{
	for (long fail = 0; fail < 900; fail += fail < 60 ? 1 : 7) {
		struct small s = {.db = db_new(NULL)};
		ASSERT(s.db);
		size_t failed = 0;
		db_fail_memory(s.db, fail, 1);
		for (unsigned i = 0; i < ARRAY_LEN(s.there); i++) {
			if (i % 50 == 30)
				db_savepoint(s.db);
			failed += !small_put(&s, i);
			char key[40];
			if (i % 3 == 0)
				s.there[i / 2] &= !db_remove(s.db, TREE_KV, small_key_at(i / 2, key));
			if (i % 50 == 40)
				db_keep(s.db);
			if (i % 50 == 20 || i % 50 == 45)
				db_publish(s.db);
		}
		CHECK(failed <= 1);
		small_check(&s);
		db_fail_memory(s.db, 0, 0);
		db_remove_prefix(s.db, TREE_KV, S_NONE);
		db_publish(s.db);
		CHECK(db_memory(s.db).used < 2048);
		db_free(s.db);
	}
}

/* When nothing can be had any more, removing and publishing still work, from the reserve. */
TEST(tree, removing_works_without_memory)
{
	struct epoch *e = epoch_new();
	struct small s = {.db = db_new(e)};
	char key[40];
	ASSERT(s.db && epoch_reader_add(e) == 0);
	for (unsigned i = 0; i < ARRAY_LEN(s.there); i++)
		ASSERT(small_put(&s, i));
	db_publish(s.db);
	epoch_enter(e, 0); /* a reader that never leaves: nothing comes free */
	db_fail_memory(s.db, 0, 1000000);
	CHECK(!small_put(&s, 0));
	for (unsigned i = 0; i < ARRAY_LEN(s.there); i += 2) {
		CHECK(db_remove(s.db, TREE_KV, small_key_at(i, key)));
		s.there[i] = false;
		db_publish(s.db);
	}
	small_check(&s);
	db_fail_memory(s.db, 0, 0);
	CHECK(small_put(&s, 0));
	small_check(&s);
	db_free(s.db);
	epoch_free(e);
}
