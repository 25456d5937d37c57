/* A -dev server that leads nobody but itself gives way to a group that takes it in.
 *
 * Two -dev servers begin a log each; when they meet, both leaders add the other (Consul 1.0.8: they then take each
 * other's entries for their own, and the leader changes for ever). Here the one whose log is shorter (or, equal, whose
 * address is greater) drops its own log and tables and becomes a follower without a log, which the other one fills; so
 * does one that is asked again and again by a leader who does not know this rule. Until then the requests of a leader
 * that is not in our configuration are not for our Raft: the indexes and terms of two logs may be equal by chance. */
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/core_parts.h"
#include "core/raft/raft_wire.h"
#include "core/state/archive.h"

#define ASKED_FOR (2 * NS_PER_S)

/* Does it lead a group in which nobody else votes? */
static bool leads_itself(const struct core *c)
{
	size_t n, voters = 0;
	const struct raft_server *servers = raft_configuration(c->raft, &n, NULL);
	for (size_t i = 0; i < n; i++)
		voters += servers[i].suffrage == RAFT_VOTER;
	return c->config->dev_mode && raft_state(c->raft)->role == RAFT_LEADER && voters == 1;
}

static bool gives_way(struct core *c, const struct raft_wire_append *q)
{
	raft_index ours = raft_state(c->raft)->last;
	if (q->no_entries)
		return false;
	if (!c->begin.asked)
		c->begin.asked = c->now;
	return q->prev > ours || (q->prev == ours && slice_cmp(q->leader, slice_of(c->address)) < 0) ||
	       c->now - c->begin.asked > ASKED_FOR;
}

static void empty_tables(struct core *c)
{
	struct archive_reader rd;
	struct fail f;
	size_t used;
	archive_read_begin(&rd, &c->state);
	enum err e = archive_read(&rd,
	        S("\x81\xa9"
	          "LastIndex"
	          "\x00"),
	        &used, &f);
	MUST(!archive_read_end(&rd, e, 0, &f));
}

static void forget_everything(struct core *c, struct effects *out)
{
	struct raft_peer_state p;
	for (size_t i = 0; raft_peer_at(c->raft, i, &p); i++)
		effect_add(out, EFF_RAFT_DROP)->raft.peer = arena_copy(&out->mem, p.id);
	raft_step_down(c->raft);
	core_raft_flush(c, out);
	raft_free(c->raft);
	const struct core_options memory = {.seed = rand_u64(&c->rand)};
	c->raft = core_raft_new(c, &memory);
	MUST(c->raft);
	empty_tables(c);
	raft_start(c->raft, c->now);
	core_raft_know(c);
	c->begin.asked = 0;
	c->restores++;
	out->publish = true;
}

bool core_yield(struct core *c, const struct event *ev, struct effects *out)
{
	struct arena a = {0};
	struct raft_wire_request q;
	if (!leads_itself(c))
		return false;
	bool append = raft_wire_read_request(ev->raft.bytes, &a, &q) && q.kind == RAFT_WIRE_APPEND;
	bool way = append && gives_way(c, &q.append);
	if (way) {
		log_warn(c->log, "consul: this -dev server gives up its own state: it was added to the group of %.*s",
		        PS(q.append.leader));
		forget_everything(c, out);
		core_begin_wait(c);
	} else {
		effect_add(out, EFF_RAFT_ANSWER)->raft.conn = ev->raft.conn; /* closes it */
	}
	arena_free(&a);
	return !way;
}
