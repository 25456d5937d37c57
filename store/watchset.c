/* What a read looked at, and whether that has changed since: see watchset.h. */
#include "store/watchset.h"

#include "core/base/slice.h"

enum { FIRST_CAP = 4 };

static bool note_covers(const struct watch_note *n, enum db_tree t, struct slice key, bool prefix)
{
	if (n->tree != t)
		return false;
	return n->prefix ? slice_starts(key, n->key) : !prefix && slice_eq(n->key, key);
}

static bool grow(struct watchset *ws)
{
	uint32_t cap = ws->cap ? ws->cap * 2 : FIRST_CAP;
	struct watch_note *notes = arena_alloc(ws->arena, cap * sizeof *notes);
	if (!notes)
		return false;
	if (ws->n)
		memcpy(notes, ws->notes, ws->n * sizeof *notes);
	ws->notes = notes;
	ws->cap = cap;
	return true;
}

/* One note on the whole tree instead of all notes on it. All notes of a run are of one root, so none looks too new. */
static void widen(struct watchset *ws, const struct db_root *r, enum db_tree t)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < ws->n; i++)
		if (ws->notes[i].tree != t)
			ws->notes[kept++] = ws->notes[i];
	ws->n = kept;
	ws->notes[ws->n++] =
	        (struct watch_note){.tree = t, .prefix = true, .version = db_version_of_prefix(r, t, S_NONE)};
}

static enum db_tree most_noted(const struct watchset *ws)
{
	uint32_t count[TREE_COUNT] = {0};
	enum db_tree most = 0;
	for (uint32_t i = 0; i < ws->n; i++)
		count[ws->notes[i].tree]++;
	for (int t = 0; t < TREE_COUNT; t++)
		if (count[t] > count[most])
			most = (enum db_tree)t;
	return most;
}

_Static_assert((int)WATCHES_MAX > (int)TREE_COUNT, "a full set has two notes on some tree, so widening makes room");

static bool covered(const struct watchset *ws, enum db_tree t, struct slice key, bool prefix)
{
	for (uint32_t i = 0; i < ws->n; i++)
		if (note_covers(&ws->notes[i], t, key, prefix))
			return true;
	return false;
}

static void note(struct watchset *ws, const struct db_root *r, struct watch_note n)
{
	if (covered(ws, n.tree, n.key, n.prefix))
		return;
	if (ws->n == WATCHES_MAX) {
		widen(ws, r, most_noted(ws));
		if (covered(ws, n.tree, n.key, n.prefix))
			return;
	}
	if (ws->n == ws->cap && !grow(ws))
		return;
	n.key = arena_copy(ws->arena, n.key);
	ws->notes[ws->n++] = n;
}

void watch_key(struct watchset *ws, const struct db_root *r, enum db_tree t, struct slice key)
{
	if (ws)
		note(ws, r, (struct watch_note){.tree = t, .key = key, .version = db_version_of_key(r, t, key)});
}

void watch_prefix(struct watchset *ws, const struct db_root *r, enum db_tree t, struct slice prefix)
{
	if (ws)
		note(ws, r,
		        (struct watch_note){.tree = t,
		                .prefix = true,
		                .key = prefix,
		                .version = db_version_of_prefix(r, t, prefix)});
}

bool watch_moved(const struct watch_note *n, const struct db_root *now)
{
	uint64_t version =
	        n->prefix ? db_version_of_prefix(now, n->tree, n->key) : db_version_of_key(now, n->tree, n->key);
	return version != n->version;
}
