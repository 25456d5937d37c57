#include "core/state/notice.h"

#include "core/base/slice.h"

static bool any_below(const struct db_root *r, enum db_tree t, struct slice prefix)
{
	struct cursor c;
	cursor_prefix(&c, r, t, prefix);
	return cursor_next(&c);
}

/* The longest beginning of `key` that some key has, by halving: if none begins so, none begins longer. */
static struct slice shared_part(const struct db_root *r, enum db_tree t, struct slice key)
{
	size_t has = 0, lacks = key.n + 1;
	if (any_below(r, t, key)) /* mostly */
		return key;
	while (lacks - has > 1) {
		size_t n = has + (lacks - has) / 2;
		if (any_below(r, t, slice_cut(key, 0, n)))
			has = n;
		else
			lacks = n;
	}
	return slice_cut(key, 0, has);
}

void notice_key(
        struct watchset *ws, const struct db_root *r, enum db_tree t, struct slice key, const struct item *found)
{
	if (!ws)
		return;
	if (found)
		watch_key(ws, r, t, key);
	else
		watch_prefix(ws, r, t, shared_part(r, t, key));
}

void notice_prefix(struct watchset *ws, const struct db_root *r, enum db_tree t, struct slice prefix)
{
	if (ws)
		watch_prefix(ws, r, t, shared_part(r, t, prefix));
}
