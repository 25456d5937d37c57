#include "core/base/slice.h"
#include "core/core_parts.h"

#define BUSY_AGAIN (50 * NS_PER_MS) /* a change is under way, or nothing of this term is committed yet */

void core_changes_init(struct core *c)
{
	c->changes = (struct core_changes){.again = INT64_MAX};
	c->changes.asked_tail = &c->changes.asked;
}

void core_raft_change(struct core *c, struct message *m)
{
	if (raft_state(c->raft)->role != RAFT_LEADER) {
		core_refuse(c, m, ERR_NO_LEADER, "node is not the leader");
		return;
	}
	m->next = NULL;
	*c->changes.asked_tail = m;
	c->changes.asked_tail = &m->next;
}

static struct message *take(struct core_changes *o)
{
	struct message *m = o->asked;
	o->asked = m->next;
	if (!o->asked)
		o->asked_tail = &o->asked;
	return m;
}

/* False: it has to wait, or is under way. */
static bool begin(struct core *c)
{
	struct message *m = c->changes.asked;
	const struct ask_raft_change *q = m->request;
	struct fail f = {0};
	if (raft_change(c->raft, (enum raft_change)q->kind, q->id, q->address, m, &f)) {
		take(&c->changes);
		c->changes.under_way = true;
		return false;
	}
	if (f.code == ERR_FULL) {
		c->changes.again = c->now + BUSY_AGAIN;
		return false;
	}
	core_refuse(c, take(&c->changes), f.code, "");
	m->why = arena_str(&m->mem, "%s", f.text);
	return true;
}

void core_changes_flush(struct core *c)
{
	const struct core_changes *o = &c->changes;
	if (!c->ready || o->under_way || o->again != INT64_MAX || c->restore.what == RESTORE_MESSAGE)
		return;
	while (o->asked && begin(c))
		;
}

void core_changes_tick(struct core *c)
{
	if (c->now >= c->changes.again)
		c->changes.again = INT64_MAX;
}

void core_changes_applied(struct core *c)
{
	c->changes.under_way = false;
}

void core_changes_lost(struct core *c)
{
	c->changes.under_way = false;
	c->changes.again = INT64_MAX;
	while (c->changes.asked)
		core_refuse(c, take(&c->changes), ERR_FAILED, "leadership lost while committing log");
}
