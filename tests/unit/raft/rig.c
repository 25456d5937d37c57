#include "tests/unit/raft/rig.h"

#include <stdlib.h>

struct logbuf rig_quiet = {.level = LOG_ERR + 1};

const struct raft_server rig_group[] = {
        {S("one"), S(ME), RAFT_VOTER}, {S("two"), S(TWO), RAFT_VOTER}, {S("three"), S(THREE), RAFT_VOTER}};

struct rig rig_of(int protocol, bool durable, size_t servers)
{
	struct rig g = {.now = NS_PER_S};
	const struct raft_options o = {.id = protocol < 3 ? ME : "one",
	        .address = ME,
	        .protocol = protocol,
	        .durable = durable,
	        .seed = 7,
	        .log = &rig_quiet};
	struct fail f;
	g.r = raft_new(&o);
	ASSERT(g.r);
	if (servers)
		ASSERT(!raft_bootstrap(g.r, rig_group, servers, &f));
	raft_start(g.r, g.now);
	return g;
}

void rig_free(struct rig *g)
{
	raft_free(g->r);
	free(g->out.items);
	arena_free(&g->out.mem);
	arena_free(&g->a);
}

void rig_turn(struct rig *g, dur_ns later)
{
	g->now += later;
	g->out.n = 0;
	arena_reset(&g->out.mem, 0);
	raft_tick(g->r, g->now);
	raft_flush(g->r, &g->out);
}

const struct effect *rig_effect(const struct rig *g, enum effect_kind kind, size_t nth)
{
	for (size_t i = 0; i < g->out.n; i++)
		if (g->out.items[i].kind == kind && !nth--)
			return &g->out.items[i];
	return NULL;
}

void rig_logged(struct rig *g)
{
	const struct effect *e = rig_effect(g, EFF_APPEND, 0);
	ASSERT(e);
	raft_logged(g->r, e->append.sequence);
	rig_turn(g, 0);
}

void rig_request(struct rig *g, uint64_t conn, struct raft_wire_request q)
{
	struct buf b = {0};
	raft_wire_put_request(&b, &q);
	raft_request(g->r, conn, buf_view(&b), S_NONE);
	buf_free(&b);
	rig_turn(g, 0);
}

struct raft_wire_answer rig_answered(struct rig *g, enum raft_wire_kind kind, size_t nth)
{
	struct raft_wire_answer a = {0};
	const struct effect *e = rig_effect(g, EFF_RAFT_ANSWER, nth);
	ASSERT(e && raft_wire_read_answer(e->raft.bytes, kind, &a));
	return a;
}

struct raft_wire_request rig_append(raft_term term, raft_index prev, raft_term prev_term,
        const struct raft_entry *entries, size_t n, raft_index commit)
{
	struct raft_wire_request q = {.kind = RAFT_WIRE_APPEND};
	q.append = (struct raft_wire_append){3, term, S(TWO), prev, prev_term, false, entries, n, commit};
	return q;
}

struct raft_wire_request rig_beat(raft_term term)
{
	struct raft_wire_request q = rig_append(term, 0, 0, NULL, 0, 0);
	q.append.no_entries = true;
	return q;
}

struct raft_wire_request rig_vote(raft_term term, const char *candidate, raft_index last, raft_term last_term)
{
	struct raft_wire_request q = {.kind = RAFT_WIRE_VOTE};
	q.vote = (struct raft_wire_vote){3, term, slice_of(candidate), last, last_term, false};
	return q;
}

void rig_answer(struct rig *g, size_t nth, enum raft_wire_kind kind, struct raft_wire_answer a)
{
	const struct effect *e = rig_effect(g, EFF_RAFT_SEND, nth);
	struct buf b = {0};
	ASSERT(e);
	raft_wire_put_answer(&b, kind, &a);
	raft_answer(g->r, e->raft.peer, e->raft.channel, e->raft.tag, buf_view(&b));
	buf_free(&b);
}

struct rig rig_leader(void)
{
	struct rig g = rig_of(3, true, 3);
	rig_turn(&g, 0);
	rig_logged(&g);
	rig_turn(&g, 3 * NS_PER_S); /* peers that don't know the pre-vote count as granting it */
	CHECK_EQ(raft_state(g.r)->role, RAFT_CANDIDATE);
	CHECK(!rig_effect(&g, EFF_RAFT_SEND, 0)); /* our own vote is not on disk yet */
	rig_logged(&g);
	rig_answer(&g, 0, RAFT_WIRE_VOTE,
	        (struct raft_wire_answer){.protocol = 3, .term = raft_state(g.r)->term, .success = true});
	CHECK_EQ(raft_state(g.r)->role, RAFT_LEADER);
	rig_turn(&g, 0);
	return g;
}

const struct effect *rig_asked(struct rig *g, struct raft_wire_request *q, size_t nth)
{
	for (size_t i = 0; rig_effect(g, EFF_RAFT_SEND, i); i++) {
		const struct effect *e = rig_effect(g, EFF_RAFT_SEND, i);
		if (e->raft.channel == RAFT_BEAT && raft_wire_read_request(e->raft.bytes, &g->a, q) && !nth--)
			return e;
	}
	return NULL;
}

struct rig rig_restored(void)
{
	struct rig g = rig_leader();
	struct raft_wire_answer yes = {
	        .protocol = 3, .term = raft_state(g.r)->term, .success = true, .last_log = raft_state(g.r)->last};
	for (size_t i = 0; rig_effect(&g, EFF_RAFT_SEND, i); i++)
		rig_answer(&g, i, RAFT_WIRE_APPEND, yes);
	rig_logged(&g);
	while (raft_next(g.r))
		;
	ASSERT(raft_state(g.r)->applied == raft_state(g.r)->last);
	raft_replaced(g.r, raft_state(g.r)->last + 1);
	CHECK(raft_state(g.r)->unproven);
	return g;
}
