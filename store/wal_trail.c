/* Where the entries of the log lie. */
#include "store/wal_trail.h"

#include "core/base/must.h"

#include <stdlib.h>

static bool room(void **items, uint32_t *cap, size_t wanted, size_t each)
{
	if (wanted <= *cap)
		return true;
	size_t to = wanted + wanted / 2 + 8;
	void *p = to > UINT32_MAX ? NULL : realloc(*items, to * each);
	if (!p)
		return false;
	*items = p;
	*cap = (uint32_t)to;
	return true;
}

bool wal_trail_reserve(struct wal_trail *t, size_t marks, size_t runs)
{
	void *m = t->marks, *r = t->runs;
	bool ok = room(&m, &t->cap_marks, t->n_marks + marks, sizeof *t->marks);
	ok = ok && room(&r, &t->cap_runs, t->n_runs + runs, sizeof *t->runs);
	t->marks = m;
	t->runs = r;
	return ok;
}

static bool wants_mark(const struct wal_trail *t, uint32_t segment, uint32_t at)
{
	if (t->jump || !t->n_marks)
		return true;
	const struct wal_mark_at *m = &t->marks[t->n_marks - 1];
	return m->segment != segment || at - m->at >= WAL_MARK_EVERY;
}

void wal_trail_add(struct wal_trail *t, raft_term term, uint32_t segment, uint32_t at)
{
	raft_index index = t->last + 1;
	if (wants_mark(t, segment, at)) {
		MUST(t->n_marks < t->cap_marks);
		t->marks[t->n_marks++] = (struct wal_mark_at){index, segment, at};
	}
	if (!t->n_runs || t->runs[t->n_runs - 1].term != term) {
		MUST(t->n_runs < t->cap_runs);
		t->runs[t->n_runs++] = (struct wal_run){index, term};
	}
	t->last = index;
	t->jump = false;
}

void wal_trail_cut(struct wal_trail *t, raft_index index, raft_term term)
{
	if (index >= t->last)
		return;
	if (index < t->base) {
		wal_trail_reset(t, index, term);
		return;
	}
	while (t->n_marks && t->marks[t->n_marks - 1].index > index)
		t->n_marks--;
	while (t->n_runs && t->runs[t->n_runs - 1].from > index)
		t->n_runs--;
	t->last = index;
	t->jump = true;
}

void wal_trail_reset(struct wal_trail *t, raft_index index, raft_term term)
{
	t->base = t->last = index;
	t->base_term = term;
	t->n_marks = t->n_runs = 0;
	t->jump = true;
}

void wal_trail_forget(struct wal_trail *t, uint32_t segment)
{
	uint32_t drop = 0;
	while (drop < t->n_marks && t->marks[drop].segment < segment)
		drop++;
	if (!drop)
		return;
	raft_index base = drop < t->n_marks ? t->marks[drop].index - 1 : t->last;
	t->base_term = wal_trail_term(t, base);
	t->base = base;
	t->n_marks -= drop;
	memmove(t->marks, t->marks + drop, t->n_marks * sizeof *t->marks);

	uint32_t runs = 0; /* those that end at or before the base */
	while (runs < t->n_runs && (runs + 1 < t->n_runs ? t->runs[runs + 1].from - 1 : t->last) <= base)
		runs++;
	t->n_runs -= runs;
	memmove(t->runs, t->runs + runs, t->n_runs * sizeof *t->runs);
	if (t->n_runs && t->runs[0].from <= base)
		t->runs[0].from = base + 1;
}

raft_term wal_trail_term(const struct wal_trail *t, raft_index index)
{
	if (index == t->base)
		return t->base_term;
	if (index < t->base || index > t->last)
		return 0;
	uint32_t i = t->n_runs; /* newest first: that is what is asked for nearly always */
	while (t->runs[i - 1].from > index)
		i--;
	return t->runs[i - 1].term;
}

const struct wal_mark_at *wal_trail_find(const struct wal_trail *t, raft_index index)
{
	MUST(index > t->base && index <= t->last);
	uint32_t lo = 0, hi = t->n_marks; /* marks[lo].index <= index < marks[hi].index */
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (t->marks[mid].index <= index)
			lo = mid;
		else
			hi = mid;
	}
	return &t->marks[lo];
}

bool wal_trail_invariants(const struct wal_trail *t)
{
	if (t->base > t->last || (t->base == t->last) != !t->n_marks || !t->n_marks != !t->n_runs)
		return false;
	if (t->n_marks && (t->marks[0].index != t->base + 1 || t->runs[0].from != t->base + 1))
		return false;
	if (t->n_marks && (t->marks[t->n_marks - 1].index > t->last || t->runs[t->n_runs - 1].from > t->last))
		return false;
	for (uint32_t i = 1; i < t->n_marks; i++) {
		const struct wal_mark_at *a = &t->marks[i - 1], *b = &t->marks[i];
		if (a->index >= b->index || a->segment > b->segment || (a->segment == b->segment && a->at >= b->at))
			return false;
	}
	for (uint32_t i = 1; i < t->n_runs; i++)
		if (t->runs[i - 1].from >= t->runs[i].from || t->runs[i - 1].term == t->runs[i].term)
			return false;
	return true;
}

void wal_trail_free(struct wal_trail *t)
{
	free(t->marks);
	free(t->runs);
	*t = (struct wal_trail){0};
}
