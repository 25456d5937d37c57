/* The database: see db.h. Roots, transactions, savepoints, pins; the trees themselves are in tree.c. */
#include "store/db.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "store/epoch.h"
#include "store/tree.h"

struct db_root {
	uint64_t version;
	struct tree trees[TREE_COUNT];
};

struct savepoint {
	bool active;
	struct db_root root;
	bool changed;   /* what db->changed was */
	size_t retired; /* mark in the queue */
	uint64_t own_from;
	struct item **made; /* items inserted since */
	size_t made_n, made_cap;
};

struct db {
	struct epoch *epoch;
	struct slab *slab;
	struct retired retired;
	struct tree_writer writer;
	struct db_root working;
	struct db_root *spare; /* memory of the next published root, so that publishing can't fail */
	_Atomic(struct db_root *) published;
	const struct db_root *pins[DB_PINS_MAX];
	struct savepoint save;
	bool changed;
	size_t cut; /* items removed with their prefix in this transaction */
};

enum {
	RECLAIM_MIN = 1024, /* pieces freed a publication, and twice what it retires: memory does not pile up */
	MADE_FIRST = 64,
	KEY_MAX = 1 << 30,
};

_Static_assert(TREE_COUNT <= UINT8_MAX, "retired pieces keep the tree in a byte");

/* ---- reading ---- */

const struct item *db_get(const struct db_root *r, enum db_tree t, struct slice key)
{
	return tree_get(&r->trees[t], key);
}
size_t db_count(const struct db_root *r, enum db_tree t)
{
	return r->trees[t].count;
}
const struct item *db_first(const struct db_root *r, enum db_tree t)
{
	return tree_first(&r->trees[t]);
}

uint64_t db_version(const struct db_root *r)
{
	return r->version;
}

void cursor_prefix(struct cursor *c, const struct db_root *r, enum db_tree t, struct slice prefix)
{
	cursor_start(c, tree_under(&r->trees[t], prefix));
}

void cursor_from(struct cursor *c, const struct db_root *r, enum db_tree t, struct slice from)
{
	cursor_start_from(c, r->trees[t].top, from);
}

uint64_t db_version_of_key(const struct db_root *r, enum db_tree t, struct slice key)
{
	return tree_version_of_key(&r->trees[t], key);
}

uint64_t db_version_of_prefix(const struct db_root *r, enum db_tree t, struct slice prefix)
{
	return tree_version_of_prefix(&r->trees[t], prefix);
}

/* ---- birth and death ---- */

struct db *db_new(struct epoch *e)
{
	struct db *db = calloc(1, sizeof *db);
	if (!db)
		return NULL;
	db->epoch = e;
	db->slab = slab_new();
	if (!db->slab) {
		free(db);
		return NULL;
	}
	retired_init(&db->retired, db->slab);
	db->writer = (struct tree_writer){.slab = db->slab, .retired = &db->retired, .version = 1, .own_from = 1};
	struct db_root *first = slab_alloc(db->slab, sizeof *first);
	if (!first) {
		db_free(db);
		return NULL;
	}
	*first = (struct db_root){0};
	atomic_init(&db->published, first);
	db->working.version = 1;
	return db;
}

void db_free(struct db *db)
{
	if (!db)
		return;
	retired_free(&db->retired);
	slab_array(db->slab, db->save.made, db->save.made_cap * sizeof *db->save.made, 0);
	slab_free_all(db->slab);
	free(db);
}

const struct db_root *db_working(const struct db *db)
{
	return &db->working;
}

/* ---- writing ---- */

struct item *db_item_new(struct db *db, struct slice key, size_t payload_n)
{
	if (key.n > KEY_MAX || payload_n > KEY_MAX)
		return NULL;
	size_t size = ITEM_PAYLOAD_AT(key.n) + payload_n;
	struct item *it = slab_alloc(db->slab, size);
	if (!it)
		return NULL;
	*it = (struct item){.size = (uint32_t)size, .key_n = (uint32_t)key.n};
	if (key.n)
		memcpy(it + 1, key.p, key.n);
	return it;
}

void db_item_drop(struct db *db, struct item *it)
{
	if (it)
		slab_free(db->slab, it, it->size);
}

/* The memory that publishing, undoing and removing will need: taken while we may still refuse. */
static bool ready_to_write(struct db *db)
{
	if (!db->spare)
		db->spare = slab_alloc(db->slab, sizeof *db->spare);
	struct savepoint *s = &db->save;
	if (!db->spare || !s->active || s->made_n < s->made_cap)
		return db->spare;
	size_t cap = s->made_cap ? s->made_cap * 2 : MADE_FIRST;
	void *made = slab_array(db->slab, s->made, s->made_cap * sizeof *s->made, cap * sizeof *s->made);
	if (!made)
		return false;
	s->made = made;
	s->made_cap = cap;
	return true;
}

bool db_put(struct db *db, enum db_tree t, struct item *it)
{
	if (!ready_to_write(db) || !tree_put(&db->working.trees[t], &db->writer, it, (uint8_t)t))
		return false;
	if (db->save.active)
		db->save.made[db->save.made_n++] = it;
	db->changed = true;
	return true;
}

bool db_remove(struct db *db, enum db_tree t, struct slice key)
{
	if (!tree_remove(&db->working.trees[t], &db->writer, key, (uint8_t)t))
		return false;
	db->changed = true;
	return true;
}

size_t db_remove_prefix(struct db *db, enum db_tree t, struct slice prefix)
{
	size_t n = tree_remove_prefix(&db->working.trees[t], &db->writer, prefix, (uint8_t)t);
	db->changed |= n > 0;
	db->cut += n;
	return n;
}

/* ---- savepoints ----
 *
 * A savepoint begins a new version, so that the branches of the transaction so far count as foreign and are copied
 * instead of changed. Undoing takes the old root back, with it everything retired since, and frees what was made since:
 * the items are in a list, the branches are those reached through branches of the new version. */

void db_savepoint(struct db *db)
{
	MUST(!db->save.active);
	db->save.active = true;
	db->save.root = db->working;
	db->save.changed = db->changed;
	db->save.retired = retired_mark(&db->retired);
	db->save.own_from = db->writer.own_from;
	db->writer.own_from = db->working.version = ++db->writer.version;
}

static void savepoint_end(struct db *db)
{
	MUST(db->save.active);
	db->save.active = false;
	db->save.made_n = 0;
	db->writer.own_from = db->save.own_from;
}

/* Our own branches hang together from the top: a changed branch has all above it copied. */
static void own_branches_free(struct db *db, twig top)
{
	uint64_t own_from = db->writer.own_from;
	if (!twig_is_branch(top) || twig_branch(top)->made < own_from)
		return;
	struct branch *b = twig_branch(top);
	b->made = 0;
	while (b) { /* a stack linked through `made` */
		struct branch *next = (struct branch *)(uintptr_t)b->made;
		for (unsigned i = 0; i < b->n; i++) {
			twig t = b->twigs[i];
			if (!twig_is_branch(t) || twig_branch(t)->made < own_from)
				continue;
			twig_branch(t)->made = (uintptr_t)next;
			next = twig_branch(t);
		}
		slab_free(db->slab, b, branch_size(b));
		b = next;
	}
}

void db_undo(struct db *db)
{
	MUST(db->save.active);
	for (int t = 0; t < TREE_COUNT; t++)
		own_branches_free(db, db->working.trees[t].top);
	struct retired_piece p;
	while (retired_undo(&db->retired, db->save.retired, &p))
		if (piece_kind(p) == RETIRED_TREE)
			own_branches_free(db, twig_of_branch(piece_address(p)));
	for (size_t i = 0; i < db->save.made_n; i++)
		db_item_drop(db, db->save.made[i]);
	db->working = db->save.root;
	db->working.version = db->writer.version;
	db->changed = db->save.changed;
	savepoint_end(db);
}

void db_keep(struct db *db)
{
	savepoint_end(db);
}

/* ---- publishing ---- */

const struct db_root *db_published(const struct db *db)
{
	return atomic_load_explicit(&db->published, memory_order_acquire);
}

static bool root_reaches(const struct db_root *r, enum retired_kind kind, const void *p, uint8_t t, uint64_t version)
{
	if (r->version >= version) /* retired before this root was made */
		return false;
	switch (kind) {
	case RETIRED_ITEM: return tree_get(&r->trees[t], item_key(p)) == p;
	case RETIRED_BRANCH: return ((const struct branch *)p)->made <= r->version;
	case RETIRED_ROOT: return r == p;
	case RETIRED_TREE:
	case RETIRED_BATCH: return true;
	}
	return true;
}

static bool any_pin_reaches(const void *ctx, enum retired_kind kind, const void *p, uint8_t t, uint64_t version)
{
	const struct db *db = ctx;
	for (int i = 0; i < DB_PINS_MAX; i++)
		if (db->pins[i] && root_reaches(db->pins[i], kind, p, t, version))
			return true;
	return false;
}

static bool reclaim(struct db *db, size_t budget)
{
	uint64_t safe = db->epoch ? epoch_safe(db->epoch) : UINT64_MAX;
	return retired_reclaim(&db->retired, safe, budget, any_pin_reaches, db);
}

bool db_reclaim(struct db *db)
{
	return reclaim(db, RECLAIM_MIN);
}

const struct db_root *db_publish(struct db *db)
{
	MUST(!db->save.active);
	size_t pieces = db->cut;
	if (db->changed) {
		struct db_root *before = atomic_load_explicit(&db->published, memory_order_relaxed);
		struct db_root *next = db->spare ? db->spare : slab_alloc_must(db->slab, sizeof *next);
		db->spare = NULL;
		MUST(retired_room(&db->retired, 1));
		*next = db->working;
		atomic_store_explicit(&db->published, next, memory_order_release);
		retired_root(&db->retired, db->working.version, before, sizeof *before);
		pieces += retired_close(&db->retired, db->epoch ? epoch_now(db->epoch) : 1);
		db->writer.own_from = db->working.version = ++db->writer.version;
	}
	reclaim(db, RECLAIM_MIN + 2 * pieces);
	db->changed = false;
	db->cut = 0;
	return db_published(db);
}

const struct db_root *db_pin(struct db *db)
{
	for (int i = 0; i < DB_PINS_MAX; i++) {
		if (db->pins[i])
			continue;
		db->pins[i] = db_published(db);
		return db->pins[i];
	}
	return NULL;
}

void db_unpin(struct db *db, const struct db_root *r)
{
	int i = 0;
	while (i < DB_PINS_MAX && db->pins[i] != r)
		i++;
	MUST(i < DB_PINS_MAX);
	db->pins[i] = NULL;
	retired_unpinned(&db->retired);
}

struct db_memory db_memory(const struct db *db)
{
	return (struct db_memory){
	        .held = slab_held(db->slab), .used = slab_used(db->slab), .retired = db->retired.bytes};
}

bool db_invariants(const struct db_root *r)
{
	for (int t = 0; t < TREE_COUNT; t++)
		if (!tree_invariants(&r->trees[t]))
			return false;
	return true;
}

void db_fail_memory(struct db *db, long skip, long count)
{
	slab_fail(db->slab, skip, count);
}
