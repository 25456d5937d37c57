#include "core/leader/tombstone_gc.h"

#include "core/base/must.h"

_Static_assert(TOMBSTONE_TTL / TOMBSTONE_STEP + 1 < TOMBSTONE_STEPS, "the ring never overflows");

void tombstone_gc_hint(struct tombstone_gc *g, raft_index index, mono_ns now)
{
	mono_ns due = now + TOMBSTONE_TTL;
	if (g->n) {
		unsigned last = (g->first + g->n - 1) % TOMBSTONE_STEPS;
		if (due <= g->steps[last].due) {
			g->steps[last].index = index;
			return;
		}
	}
	MUST(g->n < TOMBSTONE_STEPS);
	unsigned at = (g->first + g->n++) % TOMBSTONE_STEPS;
	g->steps[at].due = due + TOMBSTONE_STEP;
	g->steps[at].index = index;
}

bool tombstone_gc_due(struct tombstone_gc *g, mono_ns now, raft_index *index)
{
	if (!g->n || g->steps[g->first].due > now)
		return false;
	*index = g->steps[g->first].index;
	g->first = (g->first + 1) % TOMBSTONE_STEPS;
	g->n--;
	return true;
}

mono_ns tombstone_gc_next(const struct tombstone_gc *g)
{
	return g->n ? g->steps[g->first].due : INT64_MAX;
}
