/* The invariants of core/raft/raft.h, by their numbers. What is known of the truth (who led, who voted for whom, what
 * was applied as which index) outlives the crashes of all servers. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "tests/sim/raft_world.h"

/* An entry is what it is by index and term alone, and so is the term of the one before it. */
struct twin {
	raft_index index;
	raft_term term, prev;
	uint64_t hash;
	uint8_t type;
	bool used, prev_known;
};

static struct twin *twin_of(struct world *w, raft_index index, raft_term term)
{
	size_t i = (index * 0x9e3779b97f4a7c15u ^ term * 0xc2b2ae3d27d4eb4fu) >> 20 & (w->twins_cap - 1);
	while (w->twins[i].used && (w->twins[i].index != index || w->twins[i].term != term))
		i = (i + 1) & (w->twins_cap - 1);
	return &w->twins[i];
}

static void twins_grow(struct world *w)
{
	struct twin *old = w->twins;
	size_t cap = w->twins_cap;
	w->twins_cap = cap ? cap * 2 : 1024;
	w->twins = calloc(w->twins_cap, sizeof *w->twins);
	MUST(w->twins);
	for (size_t i = 0; i < cap; i++)
		if (old[i].used)
			*twin_of(w, old[i].index, old[i].term) = old[i];
	free(old);
}

/* 2 */
void check_entry(struct world *w, struct node *n, raft_index index, const struct stored *e, raft_term prev)
{
	if (w->twins_n * 2 >= w->twins_cap)
		twins_grow(w);
	struct twin *t = twin_of(w, index, e->term);
	if (!t->used) {
		w->twins_n++;
		*t = (struct twin){index, e->term, prev, e->hash, e->type, true, prev != 0};
		return;
	}
	if (t->hash != e->hash || t->type != e->type || (prev && t->prev_known && prev != t->prev))
		world_break(w, "2: server %d has another entry %llu of term %llu than somebody had", n->number,
		        (unsigned long long)index, (unsigned long long)e->term);
	if (prev && !t->prev_known) {
		t->prev = prev;
		t->prev_known = true;
	}
}

static const struct restore *restore_of(const struct world *w, const struct machine *m)
{
	for (size_t i = 0; i < w->restores_n; i++) {
		const struct machine *to = &w->restores[i].to;
		if (to->index == m->index && to->term == m->term && to->digest == m->digest)
			return &w->restores[i];
	}
	return NULL;
}

/* A client's restore has come to be: somebody goes on behind it, or knows that it is committed. */
static void truth_jump(struct world *w, struct node *n, const struct machine *to)
{
	const struct restore *r = restore_of(w, to);
	if (!r || to->index <= w->truth_last || r->behind != w->truth_last)
		return;
	w->truth_last = to->index;
	w->truth[to->index].term = to->term;
	w->truth[to->index].committed_in = raft_state(n->raft)->term;
	w->truth[to->index].digest = to->digest;
}

/* 4 */
void check_applied(struct world *w, struct node *n, const struct raft_entry *e, const struct machine *before)
{
	MUST(e->index < LOG_MAX);
	uint64_t hash = hash_of(e->data, e->type);
	truth_jump(w, n, before);
	if (!w->truth[e->index].term) {
		if (e->index != w->truth_last + 1)
			world_break(w, "4: server %d applies %llu, but %llu is the last that anybody applied",
			        n->number, (unsigned long long)e->index, (unsigned long long)w->truth_last);
		w->truth_last = e->index;
		w->truth[e->index].term = e->term;
		w->truth[e->index].committed_in = raft_state(n->raft)->term;
		w->truth[e->index].type = e->type;
		w->truth[e->index].hash = hash;
		w->truth[e->index].digest = n->machine.digest;
	}
	if (w->truth[e->index].term != e->term || w->truth[e->index].type != e->type ||
	        w->truth[e->index].hash != hash || w->truth[e->index].digest != n->machine.digest)
		world_break(w, "4: server %d applies entry %llu of term %llu, another applied one of term %llu",
		        n->number, (unsigned long long)e->index, (unsigned long long)e->term,
		        (unsigned long long)w->truth[e->index].term);
}

void check_installed(struct world *w, struct node *n, const struct machine *m)
{
	if (m->index && !restore_of(w, m) &&
	        (w->truth[m->index].term != m->term || w->truth[m->index].digest != m->digest))
		world_break(w, "4: server %d installs another state as %llu than was applied", n->number,
		        (unsigned long long)m->index);
}

/* 5: nobody hears of a term that is not on disk, nobody votes twice. */
static void vote_note(struct world *w, struct node *n, raft_term term, int candidate)
{
	MUST(term < TERMS_MAX);
	char *vote = &w->vote_of[n->number][term];
	if (*vote && *vote != candidate + 1)
		world_break(w, "5: server %d votes for %d in term %llu, and for %d", n->number, *vote - 1,
		        (unsigned long long)term, candidate);
	*vote = (char)(candidate + 1);
}

void check_request(struct world *w, struct node *n, struct slice bytes)
{
	struct arena a = {0};
	struct raft_wire_request q;
	MUST(raft_wire_read_request(bytes, &a, &q));
	w->elections += q.kind == RAFT_WIRE_VOTE && !q.vote.prevote;
	if (q.kind == RAFT_WIRE_VOTE && !q.vote.prevote && raft_state(n->raft)->voter) {
		vote_note(w, n, q.vote.term, n->number);
		if (n->term != q.vote.term || n->vote_term != q.vote.term || strcmp(n->vote, n->address) != 0)
			world_break(w, "5: server %d asks for votes in term %llu before its own is on disk", n->number,
			        (unsigned long long)q.vote.term);
	}
	for (size_t i = 0; q.kind == RAFT_WIRE_APPEND && i < q.append.n; i++) {
		const struct raft_entry *e = &q.append.entries[i];
		const struct stored s = {.term = e->term, .type = e->type, .hash = hash_of(e->data, e->type)};
		check_entry(w, n, e->index, &s, i ? e[-1].term : q.append.prev_term);
	}
	if (q.kind == RAFT_WIRE_APPEND && q.append.term > n->term)
		world_break(w, "5: server %d leads in term %llu, which is not on disk", n->number,
		        (unsigned long long)q.append.term);
	arena_free(&a);
}

static int by_address(struct world *w, const char *address)
{
	for (int i = 0; i < w->nodes_n; i++)
		if (!strcmp(w->nodes[i].address, address))
			return i;
	return NODES_MAX;
}

void check_answer(struct world *w, struct node *n, const struct asked *q, struct slice bytes)
{
	struct raft_wire_answer a;
	MUST(raft_wire_read_answer(bytes, q->kind, &a));
	if (!a.success || q->prevote)
		return;
	if (q->kind == RAFT_WIRE_VOTE) {
		vote_note(w, n, q->term, by_address(w, q->candidate));
		/* A later vote may have reached the disk in the same moment. */
		if (n->vote_term < q->term || (n->vote_term == q->term && strcmp(n->vote, q->candidate) != 0))
			world_break(w, "5: server %d gives away a vote in term %llu that is not on disk", n->number,
			        (unsigned long long)q->term);
		return;
	}
	/* A snapshot's term is as good as the hard state's. */
	if (n->term < q->term && n->snapshot.term < q->term)
		world_break(w, "5: server %d follows in term %llu, which is not on disk", n->number,
		        (unsigned long long)q->term);
	/* In the same term nothing can have cut it off again. */
	raft_index have = n->last > n->snapshot.index ? n->last : n->snapshot.index;
	if (raft_state(n->raft)->term == q->term && have < q->shown)
		world_break(w, "5: server %d says that it has entry %llu, its disk ends at %llu", n->number,
		        (unsigned long long)q->shown, (unsigned long long)have);
}

/* 1, 3 */
static void check_leader(struct world *w, struct node *n)
{
	const struct raft_state *s = raft_state(n->raft);
	MUST(s->term < TERMS_MAX);
	int *leader = &w->leader_of[s->term];
	if (*leader == n->number + 1)
		return;
	if (*leader) {
		world_break(w, "1: servers %d and %d both lead in term %llu", *leader - 1, n->number,
		        (unsigned long long)s->term);
		return;
	}
	*leader = n->number + 1;
	n->commit_elected = s->commit;
	raft_index must = w->truth_last;
	while (must && (!w->truth[must].term || w->truth[must].committed_in >= s->term))
		must--;
	if (s->last < must ||
	        (n->last >= must && node_term_of(n, must) && node_term_of(n, must) != w->truth[must].term))
		world_break(w, "3: server %d leads in term %llu without entry %llu, which was committed in term %llu",
		        n->number, (unsigned long long)s->term, (unsigned long long)must,
		        (unsigned long long)w->truth[must].committed_in);
}

/* Without a quorum for so long nobody goes on leading. */
static void check_quorum(struct world *w, struct node *n)
{
	struct raft_peer_state p;
	size_t servers_n, voters = 0, heard = raft_state(n->raft)->voter;
	const struct raft_server *servers = raft_configuration(n->raft, &servers_n, NULL);
	for (size_t i = 0; i < servers_n; i++)
		voters += servers[i].suffrage == RAFT_VOTER;
	for (size_t i = 0; raft_peer_at(n->raft, i, &p); i++)
		for (size_t k = 0; k < servers_n; k++)
			heard += slice_eq(servers[k].id, p.id) && servers[k].suffrage == RAFT_VOTER &&
			         w->now - p.contact < 2 * NS_PER_S;
	if (heard < voters / 2 + 1)
		world_break(w, "server %d leads without a quorum", n->number);
}

/* Whoever leads and reads the newest has asked a quorum since; whoever follows, somebody who led. */
static bool told_by(struct world *w, const struct node *n, const struct node *leader, const struct op *op)
{
	size_t servers_n, voters = 0, since = 0;
	if (w->heard[n->number][leader->number] < op->at)
		return false;
	if (!leader->up || w->changes != op->changes || !raft_configuration_stable(leader->raft))
		return true; /* whom it had to ask is not known any more */
	const struct raft_server *servers = raft_configuration(leader->raft, &servers_n, NULL);
	for (size_t i = 0; i < servers_n; i++) {
		const struct node *m = node_named(w, servers[i].id);
		bool voter = servers[i].suffrage == RAFT_VOTER;
		voters += voter;
		since += voter && (m == n || m == leader || w->heard[leader->number][m->number] >= op->at);
	}
	return since >= voters / 2 + 1;
}

static bool asked_leader(struct world *w, const struct node *n, const struct op *op)
{
	for (int i = 0; i < w->nodes_n; i++)
		if (i != n->number && told_by(w, n, &w->nodes[i], op))
			return true;
	return false;
}

void check_read(struct world *w, struct node *n, const struct op *op)
{
	const struct machine *m = &n->machine;
	if (!raft_state(n->raft)->unproven)
		truth_jump(w, n, m);
	if (w->truth[m->index].term != m->term || w->truth[m->index].digest != m->digest)
		world_break(w, "server %d reads a state of entry %llu that is not committed", n->number,
		        (unsigned long long)m->index);
	if (raft_state(n->raft)->role != RAFT_LEADER) {
		w->follower_reads_n++;
		if (!asked_leader(w, n, op))
			world_break(w, "server %d reads the newest without having asked", n->number);
		return;
	}
	size_t servers_n, voters = 0, since = raft_state(n->raft)->voter;
	const struct raft_server *servers = raft_configuration(n->raft, &servers_n, NULL);
	for (size_t i = 0; i < servers_n; i++) {
		const struct node *o = node_named(w, servers[i].id);
		voters += servers[i].suffrage == RAFT_VOTER;
		since += servers[i].suffrage == RAFT_VOTER && o != n && w->heard[n->number][o->number] >= op->at;
	}
	if (since < voters / 2 + 1)
		world_break(w, "server %d is sure that it leads, and has not asked", n->number);
}

static bool is_configuration(uint8_t type)
{
	return type == RAFT_CONFIGURATION || type == RAFT_REMOVE_PEER;
}

/* The configuration in force is an entry of the log; or one that was committed and came with a snapshot: a leader just
 * elected may have applied less than it knows to be committed, and can't wait for more where the receiver's vote is
 * needed for it. */
static void check_configuration(struct world *w, struct node *n)
{
	const struct raft_state *s = raft_state(n->raft);
	size_t servers_n;
	raft_index index;
	raft_configuration(n->raft, &servers_n, &index);
	bool ours =
	        index <= s->last && is_configuration(index <= s->logged ? node_type_of(n, index) : RAFT_CONFIGURATION);
	bool committed = w->truth[index].term && is_configuration(w->truth[index].type);
	if (!ours && !committed)
		world_break(w, "server %d goes by a configuration %llu that is not in its log", n->number,
		        (unsigned long long)index);
}

/* 7 */
void check_turn(struct world *w, struct node *n)
{
	const struct raft_state *s = raft_state(n->raft);
	if (!s->unproven)
		truth_jump(w, n, &n->machine);
	check_configuration(w, n);
	if (s->role == RAFT_LEADER) {
		check_leader(w, n);
		if (s->commit != n->commit_elected && s->commit < s->first_of_term)
			world_break(w, "3: server %d commits %llu, of an earlier term, by counting", n->number,
			        (unsigned long long)s->commit);
		check_quorum(w, n);
	}
	if (s->applied > s->commit || s->commit > s->last || s->logged > s->last || s->applied != n->machine.index)
		world_break(w, "7: server %d: applied %llu (%llu), commit %llu, last %llu, logged %llu", n->number,
		        (unsigned long long)s->applied, (unsigned long long)n->machine.index,
		        (unsigned long long)s->commit, (unsigned long long)s->last, (unsigned long long)s->logged);
	/* A single server has nobody else to keep its entries. */
	if (w->nodes_n == 1 && s->commit > n->last && s->commit > n->snapshot.index)
		world_break(w, "5: alone, server %d commits %llu, its disk ends at %llu", n->number,
		        (unsigned long long)s->commit, (unsigned long long)n->last);
	/* 6, for the leader that acknowledges */
	if (s->role == RAFT_LEADER && s->applied > w->truth_last && !s->unproven)
		world_break(w, "4: server %d has applied what is not known", n->number);
}

/* After a calm: everybody of the group has everything, and the group works. */
void check_end(struct world *w)
{
	struct node *leader = NULL;
	size_t n;
	for (int i = 0; i < w->nodes_n; i++)
		if (w->nodes[i].up && raft_state(w->nodes[i].raft)->role == RAFT_LEADER)
			leader = &w->nodes[i];
	if (!leader) {
		world_break(w, "nobody leads after the calm");
		return;
	}
	const struct raft_server *servers = raft_configuration(leader->raft, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		struct node *m = node_named(w, servers[i].id);
		if (m->machine.index + 2 < leader->machine.index || leader->machine.index < w->truth_last)
			world_break(w, "after the calm server %d has applied %llu, the leader %d %llu, somebody %llu",
			        m->number, (unsigned long long)m->machine.index, leader->number,
			        (unsigned long long)leader->machine.index, (unsigned long long)w->truth_last);
	}
	if (w->acked > leader->machine.index)
		world_break(w, "6: entry %llu was acknowledged, the leader has %llu", (unsigned long long)w->acked,
		        (unsigned long long)leader->machine.index);
	if (!w->acked_n)
		world_break(w, "nothing was ever acknowledged");
}
