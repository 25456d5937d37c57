/* What clients do, and what goes wrong: drawn from the seed, for a while; then a calm in which all has to heal. */
#include <stdio.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "tests/sim/raft_world.h"

/* A leader killed: so long until there is another one. */
#define LEADERLESS_MOST (300 * NS_PER_MS)
/* In the end nobody asks for anything. */
#define QUIET (2 * NS_PER_S)

static struct node *some_up(struct world *w)
{
	int n = (int)world_below(w, (uint64_t)w->nodes_n);
	return w->nodes[n].up ? &w->nodes[n] : NULL;
}

static struct node *some_leader(struct world *w)
{
	int from = (int)world_below(w, (uint64_t)w->nodes_n);
	for (int i = 0; i < w->nodes_n; i++) {
		struct node *n = &w->nodes[(from + i) % w->nodes_n];
		if (n->up && raft_state(n->raft)->role == RAFT_LEADER)
			return n;
	}
	return NULL;
}

/* ---- the group ---- */

/* Few servers, few clients and one blow after the other: a thousand of these while the long form runs thirty. */
static void shape_brief(struct world *w)
{
	w->first_n = w->first_n > 5 ? 5 : w->first_n;
	w->nodes_n = w->first_n + (w->first_n > 1 && world_chance(w, 50));
	w->client_pause = world_some(w, 30 * NS_PER_MS, 200 * NS_PER_MS);
	w->fault_pause = world_some(w, 100 * NS_PER_MS, 800 * NS_PER_MS);
	w->trouble = world_some(w, 2 * NS_PER_S, 6 * NS_PER_S);
}

static void shape(struct world *w)
{
	static const int sizes[] = {1, 2, 3, 3, 3, 3, 4, 5, 5, 7};
	static const int protocols[] = {1, 2, 3, 3, 3, 3};
	w->first_n = sizes[world_below(w, ARRAY_LEN(sizes))];
	w->nodes_n = w->first_n == 1 && world_chance(w, 50) ? 1 : w->first_n + 2;
	w->protocol = protocols[world_below(w, ARRAY_LEN(protocols))];
	w->delay_least = world_some(w, 20 * NS_PER_US, 5 * NS_PER_MS);
	w->delay_most = w->delay_least + world_some(w, 0, 30 * NS_PER_MS);
	w->client_pause = world_some(w, 2 * NS_PER_MS, 100 * NS_PER_MS);
	w->fault_pause = world_some(w, 100 * NS_PER_MS, 3 * NS_PER_S);
	w->trouble = 40 * NS_PER_S;
	w->quick = w->first_n >= 3 && world_chance(w, w->brief ? 0 : 10);
	if (w->quick)
		w->delay_most = (w->delay_least = 50 * NS_PER_US) + NS_PER_MS;
	if (w->brief)
		shape_brief(w);
	w->end = w->now + w->trouble + (w->brief ? 13 : 20) * NS_PER_S;
	w->kept = world_chance(w, 50) ? 0 : 1 + world_below(w, 20);
	w->snapshot_every = world_chance(w, 30) ? 0 : (unsigned)world_below(w, 200) + 10;
}

void plan_begin(struct world *w)
{
	struct raft_server first[NODES_MAX];
	struct fail f;
	shape(w);
	unsigned old = w->quick || world_chance(w, 70) ? 0 : 50;
	for (int i = 0; i < w->nodes_n; i++) {
		node_prepare(w, &w->nodes[i], i);
		w->nodes[i].old = world_chance(w, old);
		first[i] = (struct raft_server){slice_of(w->nodes[i].id), slice_of(w->nodes[i].address), RAFT_VOTER};
	}
	bool all = world_chance(w, 50); /* each by itself with the same list, or one for all */
	for (int i = 0; i < w->nodes_n; i++) {
		node_boot(w, &w->nodes[i]);
		if (i < w->first_n && (all || !i) && raft_bootstrap(w->nodes[i].raft, first, (size_t)w->first_n, &f))
			world_break(w, "bootstrap: %s", f.text);
		node_turn(w, &w->nodes[i]);
	}
	world_later(w, 0, (struct hap){.kind = HAP_CLIENT});
	world_later(w, w->quick ? 6 * NS_PER_S : NS_PER_S, (struct hap){.kind = HAP_FAULT});
	world_later(w, w->trouble, (struct hap){.kind = HAP_CALM});
}

/* ---- clients ---- */

static void client_write(struct world *w, struct node *n)
{
	enum err e;
	struct op *op = &w->ops[w->ops_n];
	*op = (struct op){0}; /* what is lent has to live: alone raft keeps no copy */
	int len = snprintf(op->text, sizeof op->text, "command %llu", (unsigned long long)w->commands);
	if (n->restores)
		return; /* it would wait */
	op->index = raft_propose(n->raft, RAFT_COMMAND, slice_at(op->text, (size_t)len + world_below(w, 20)), op, &e);
	if (!op->index)
		return;
	w->commands++;
	w->ops_n++;
	node_turn(w, n);
}

/* What is answered when a majority has it. */
void plan_restored(struct world *w, struct node *n)
{
	enum err e;
	if (w->ops_n + 40 < OPS_MAX) {
		struct op *op = &w->ops[w->ops_n++];
		*op = (struct op){0};
		op->index = raft_propose(n->raft, RAFT_BARRIER, S_NONE, op, &e);
		MUST(op->index);
	}
	if (!w->calm && world_chance(w, 40))
		world_later(w, world_some(w, 0, 100 * NS_PER_MS),
		        (struct hap){.kind = HAP_KILL, .node = n->number, .life = n->life});
}

static void client_read(struct world *w, struct node *n)
{
	struct op *op = &w->ops[w->ops_n++];
	*op = (struct op){.read = true, .index = w->acked, .at = w->now, .changes = w->changes};
	raft_tick(n->raft, w->now);
	raft_verify(n->raft, op);
	node_turn(w, n);
}

void plan_op_done(struct world *w, struct node *n, void *tag, raft_index index, bool ok)
{
	struct op *op = tag;
	if (op->done)
		world_break(w, "server %d answers one operation twice", n->number);
	op->done = true;
	if (!ok)
		return;
	if (op->read) {
		w->reads_n++;
		check_read(w, n, op);
		if (index < op->index)
			world_break(w, "server %d read at %llu what was acknowledged as %llu before", n->number,
			        (unsigned long long)index, (unsigned long long)op->index);
		return;
	}
	if (index != op->index)
		world_break(w, "server %d applied as %llu what it took as %llu", n->number, (unsigned long long)index,
		        (unsigned long long)op->index);
	w->acked = index > w->acked ? index : w->acked;
	w->acked_n++;
}

void plan_client(struct world *w)
{
	world_later(w, world_some(w, w->client_pause / 2, w->client_pause * 2), (struct hap){.kind = HAP_CLIENT});
	struct node *n = world_chance(w, 70) ? some_leader(w) : some_up(w);
	bool over = w->now > w->end - (w->brief ? 3 : 1) * QUIET; /* so that all can be told all */
	if (!n || over || w->ops_n + 40 >= OPS_MAX || w->truth_last + 1000 > LOG_MAX)
		return;
	raft_tick(n->raft, w->now);
	if (!w->quick && world_chance(w, 3))
		node_restore(w, n);
	struct node *reader = world_chance(w, 50) ? some_up(w) : n;
	for (uint64_t i = world_chance(w, 20) ? world_below(w, 30) : 1; i; i--) {
		if (reader && world_chance(w, 20))
			client_read(w, reader);
		else
			client_write(w, n);
	}
}

/* ---- faults ---- */

void plan_kill(struct world *w, struct node *n)
{
	node_crash(w, n);
	world_later(w, world_chance(w, 50) ? world_some(w, NS_PER_MS, 300 * NS_PER_MS) : world_some(w, 0, 8 * NS_PER_S),
	        (struct hap){.kind = HAP_BOOT, .node = n->number, .life = n->life});
}

static void fault_crash(struct world *w)
{
	struct node *n = world_chance(w, 60) ? some_leader(w) : some_up(w);
	if (n)
		plan_kill(w, n);
}

static void fault_cut(struct world *w)
{
	memset(w->cut, 0, sizeof w->cut);
	bool side[NODES_MAX] = {0};
	uint64_t kind = world_below(w, 4);
	for (int i = 0; i < w->nodes_n; i++)
		side[i] = world_chance(w, 40);
	for (int i = 0; i < w->nodes_n; i++)
		for (int k = 0; k < w->nodes_n; k++)
			w->cut[i][k] =
			        i != k &&
			        (kind == 0          ? side[i] != side[k]              /* two halves */
			                : kind == 1 ? side[i] && !side[k]             /* one way */
			                : kind == 2 ? world_chance(w, 25)             /* anything */
			                            : i == 0 || (k == 0 && side[i])); /* one that is deaf or dumb */
	world_say(w, "the network is cut, kind %llu", (unsigned long long)kind);
}

/* The others know at once that the leader is gone. It does not, and still believes in itself. */
static void fault_forget(struct world *w)
{
	struct node *leader = some_leader(w);
	if (!leader)
		return;
	for (int i = 0; i < w->nodes_n; i++)
		w->cut[i][leader->number] = w->cut[leader->number][i] = i != leader->number;
	world_say(w, "the leader %d is forgotten", leader->number);
	net_reset(w, leader);
}

static void fault_disk(struct world *w)
{
	struct node *n = &w->nodes[world_below(w, (uint64_t)w->nodes_n)];
	switch (world_below(w, 4)) {
	case 0:
		n->disk_least = world_some(w, NS_PER_MS, 200 * NS_PER_MS);
		n->disk_most = n->disk_least + world_some(w, 0, 2 * NS_PER_S);
		break;
	case 1:
		n->disk_fails = true;
		world_say(w, "the disk of server %d fails", n->number);
		break;
	default:
		n->disk_fails = false;
		n->disk_least = 50 * NS_PER_US;
		n->disk_most = 2 * NS_PER_MS;
		world_say(w, "the disk of server %d is well", n->number);
	}
}

static void fault_members(struct world *w)
{
	struct node *leader = some_leader(w), *n = &w->nodes[world_below(w, (uint64_t)w->nodes_n)];
	struct fail f;
	if (!leader || leader->restores)
		return;
	raft_tick(leader->raft, w->now);
	enum raft_change kind = (enum raft_change)world_below(w, 4);
	bool may = raft_configuration_stable(leader->raft) &&
	           raft_state(leader->raft)->commit >= raft_state(leader->raft)->first_of_term;
	if (raft_change(leader->raft, kind, slice_of(n->id), slice_of(n->address), NULL, &f)) {
		w->changes++;
		if (!may)
			world_break(w, "server %d changes the group while a change is under way", leader->number);
		world_say(w, "change %d of server %d", kind, n->number);
	}
	node_turn(w, leader);
}

static void kill_leader(struct world *w)
{
	struct node *n = some_leader(w);
	world_later(w, 6 * NS_PER_S, (struct hap){.kind = HAP_FAULT});
	if (!n || raft_state(n->raft)->commit < raft_state(n->raft)->first_of_term)
		return;
	node_crash(w, n);
	world_later(w, LEADERLESS_MOST, (struct hap){.kind = HAP_LED});
	world_later(w, world_some(w, NS_PER_S, 3 * NS_PER_S),
	        (struct hap){.kind = HAP_BOOT, .node = n->number, .life = n->life});
}

void plan_led(struct world *w)
{
	if (!some_leader(w))
		world_break(w, "the leader was killed, and nobody else leads yet");
}

void plan_fault(struct world *w)
{
	if (w->calm)
		return;
	if (w->quick) {
		kill_leader(w);
		return;
	}
	world_later(w, world_some(w, w->fault_pause / 4, w->fault_pause * 2), (struct hap){.kind = HAP_FAULT});
	switch (world_below(w, 9)) {
	case 0: fault_crash(w); break;
	case 1: fault_crash(w); break;
	case 2: fault_cut(w); break;
	case 3:
		memset(w->cut, 0, sizeof w->cut);
		world_say(w, "the network is whole");
		break;
	case 4: net_break(w); break;
	case 5: fault_disk(w); break;
	case 6: fault_members(w); break;
	case 7: fault_forget(w); break;
	default: w->delay_most = w->delay_least + world_some(w, 0, world_chance(w, 20) ? NS_PER_S : 30 * NS_PER_MS);
	}
}

void plan_calm(struct world *w)
{
	w->calm = true;
	world_say(w, "calm");
	memset(w->cut, 0, sizeof w->cut);
	w->delay_most = w->delay_least + 10 * NS_PER_MS;
	w->client_pause = 50 * NS_PER_MS;
	for (int i = 0; i < w->nodes_n; i++) {
		struct node *n = &w->nodes[i];
		n->disk_fails = false;
		n->disk_least = 50 * NS_PER_US;
		n->disk_most = 2 * NS_PER_MS;
		if (!n->up)
			world_later(w, 0, (struct hap){.kind = HAP_BOOT, .node = i, .life = n->life});
	}
}
