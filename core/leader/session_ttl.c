#include "core/leader/session_ttl.h"

#include <stdlib.h>

#include "core/base/num.h"
#include "core/base/slice.h"
#include "store/model.h"

struct deadline {
	struct heap_node node;
	char id[37];
};

void session_ttl_init(struct session_ttl *t, uint64_t seed)
{
	*t = (struct session_ttl){0};
	map_init(&t->by_id, seed);
}

void session_ttl_free(struct session_ttl *t)
{
	size_t at = 0;
	heap_free(&t->deadlines); /* first: it touches its nodes once more */
	for (struct deadline *d; (d = map_next(&t->by_id, &at));)
		free(d);
	uint64_t seed = t->by_id.seed[0];
	map_free(&t->by_id);
	session_ttl_init(t, seed);
}

bool session_ttl_renew(struct session_ttl *t, const struct session *s, mono_ns now)
{
	dur_ns ttl = 0;
	if (!s->ttl.n || dur_parse(s->ttl, &ttl, NULL) || ttl <= 0)
		return true;
	struct deadline *d = map_get(&t->by_id, s->id);
	if (!d) {
		d = calloc(1, sizeof *d);
		if (!d)
			return false;
		slice_cstr(s->id, d->id, sizeof d->id);
		if (!map_put(&t->by_id, slice_of(d->id), d, NULL)) {
			free(d);
			return false;
		}
	}
	return heap_set(&t->deadlines, &d->node, now + SESSION_TTL_FACTOR * ttl);
}

void session_ttl_forget(struct session_ttl *t, struct slice id)
{
	struct deadline *d = map_remove(&t->by_id, id);
	if (!d)
		return;
	heap_remove(&t->deadlines, &d->node);
	free(d);
}

void session_ttl_start(struct session_ttl *t, const struct db_root *r, mono_ns now)
{
	struct cursor c;
	cursor_prefix(&c, r, TREE_SESSIONS, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));)
		session_ttl_renew(t, item_payload(it), now);
}

bool session_ttl_due(struct session_ttl *t, mono_ns now, char out[static 37])
{
	struct heap_node *first = heap_first(&t->deadlines);
	if (!first || first->key > now)
		return false;
	struct deadline *d = HEAP_OWNER(first, struct deadline, node);
	memcpy(out, d->id, sizeof d->id);
	session_ttl_forget(t, slice_of(d->id));
	return true;
}

mono_ns session_ttl_next(const struct session_ttl *t)
{
	struct heap_node *first = heap_first(&t->deadlines);
	return first ? first->key : INT64_MAX;
}
