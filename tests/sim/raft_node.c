/* One server: a host of core/raft as cmd/agent is, with a disk that is slow, fails, and forgets in a crash what was not
 * synced. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "tests/sim/raft_world.h"

struct node *node_named(struct world *w, struct slice id)
{
	for (int i = 0; i < w->nodes_n; i++)
		if (slice_is(id, w->nodes[i].id))
			return &w->nodes[i];
	return NULL;
}

void node_prepare(struct world *w, struct node *n, int number)
{
	n->number = number;
	snprintf(n->address, sizeof n->address, "10.0.0.%d:8300", number);
	if (w->protocol < 3)
		snprintf(n->id, sizeof n->id, "%s", n->address);
	else
		snprintf(n->id, sizeof n->id, "server-%d", number);
	n->log = calloc(LOG_MAX, sizeof *n->log);
	MUST(n->log);
	n->first = 1;
	n->ops_end = &n->ops;
	n->disk_least = 50 * NS_PER_US;
	n->disk_most = 2 * NS_PER_MS;
}

/* ---- what survives ---- */

static struct stored *stored_at(struct node *n, raft_index index)
{
	MUST(index >= n->first && index - n->first < LOG_MAX);
	return &n->log[index - n->first];
}

static void log_drop_after(struct node *n, raft_index after)
{
	for (; n->last > after && n->last >= n->first; n->last--)
		free((void *)(uintptr_t)stored_at(n, n->last)->data.p);
}

static void log_replace(struct node *n, raft_index index, raft_term term)
{
	log_drop_after(n, n->first - 1);
	n->first = index + 1;
	n->before_first = term;
	n->last = index;
}

static void log_forget(struct node *n, raft_index upto)
{
	raft_index gone = upto < n->last ? upto : n->last;
	if (gone < n->first)
		return;
	n->before_first = stored_at(n, gone)->term;
	for (raft_index i = n->first; i <= gone; i++)
		free((void *)(uintptr_t)stored_at(n, i)->data.p);
	memmove(n->log, stored_at(n, gone + 1), (size_t)(n->last - gone) * sizeof *n->log);
	n->first = gone + 1;
}

raft_term node_term_of(struct node *n, raft_index index)
{
	if (index == n->first - 1)
		return n->before_first;
	return index >= n->first && index <= n->last ? stored_at(n, index)->term : 0;
}

uint8_t node_type_of(struct node *n, raft_index index)
{
	return index >= n->first && index <= n->last ? stored_at(n, index)->type : RAFT_CONFIGURATION;
}

/* ---- the disk ---- */

static void op_free(struct disk_op *op, size_t from)
{
	for (size_t i = from; i < op->n; i++)
		free((void *)(uintptr_t)op->entries[i].data.p);
	free(op);
}

/* The first `n` entries reach the disk. */
static void op_write(struct world *w, struct node *node, struct disk_op *op, size_t n)
{
	if (op->forget) {
		log_forget(node, op->forget);
		op_free(op, 0);
		return;
	}
	if (op->cut != UINT64_MAX)
		log_drop_after(node, op->cut);
	node->term = op->term;
	node->vote_term = op->vote_term;
	snprintf(node->vote, sizeof node->vote, "%s", op->vote);
	node->floor_term = op->floor_term;
	node->floor = op->floor;
	if (op->commit > node->commit && world_chance(w, 30))
		node->commit = op->commit; /* a hint, seldom new enough */
	if (n && op->first != node->last + 1) {
		world_break(w, "server %d: append of %llu to a log that ends at %llu", node->number,
		        (unsigned long long)op->first, (unsigned long long)node->last);
		n = 0;
	}
	for (size_t i = 0; i < n; i++) {
		raft_term prev = node_term_of(node, node->last++);
		*stored_at(node, node->last) = op->entries[i];
		check_entry(w, node, node->last, &op->entries[i], prev);
	}
	op_free(op, n);
}

/* All that waits is one group: one sync. */
static void disk_next(struct world *w, struct node *n)
{
	if (n->disk_busy || !n->ops)
		return;
	n->disk_busy = true;
	n->group = 0;
	for (struct disk_op *op = n->ops; op; op = op->next)
		n->group++;
	world_later(w, world_some(w, n->disk_least, n->disk_most),
	        (struct hap){.kind = HAP_DISK, .node = n->number, .life = n->life});
}

static void disk_append(struct world *w, struct node *n, const struct effect *e)
{
	struct disk_op *op = calloc(1, sizeof *op + e->append.n * sizeof op->entries[0]);
	MUST(op);
	op->sequence = e->append.sequence;
	op->failures = n->failures_told;
	op->cut = e->append.cut_after;
	op->commit = e->append.commit;
	op->term = e->append.term;
	op->vote_term = e->append.vote_term;
	op->floor_term = e->append.floor_term;
	op->floor = e->append.floor;
	slice_cstr(e->append.voted_for, op->vote, sizeof op->vote);
	op->n = e->append.n;
	op->first = op->n ? e->append.entries[0].index : 0;
	for (size_t i = 0; i < op->n; i++) {
		const struct raft_entry *from = &e->append.entries[i];
		struct stored *to = &op->entries[i];
		*to = (struct stored){.term = from->term, .type = from->type, .hash = hash_of(from->data, from->type)};
		char *p = from->data.n ? malloc(from->data.n) : NULL;
		if (p)
			memcpy(p, from->data.p, from->data.n);
		to->data = slice_at(p, from->data.n);
	}
	*n->ops_end = op;
	n->ops_end = &op->next;
	disk_next(w, n);
}

static struct disk_op *op_pop(struct node *n)
{
	struct disk_op *op = n->ops;
	n->ops = op->next;
	if (!n->ops)
		n->ops_end = &n->ops;
	return op;
}

static void disk_done(struct world *w, struct node *n, struct disk_op *op)
{
	uint64_t sequence = op->sequence;
	if (op->forget) {
		op_write(w, n, op, 0);
	} else if (op->failures != n->failures) {
		op_free(op, 0); /* builds on what is not there; nobody is told */
	} else if (n->disk_fails) {
		if (op->cut != UINT64_MAX && world_chance(w, 50))
			log_drop_after(n, op->cut);
		op_free(op, 0);
		n->failures_told = ++n->failures;
		raft_log_failed(n->raft, sequence, n->last > n->snapshot.index ? n->last : n->snapshot.index);
	} else {
		op_write(w, n, op, op->n);
		raft_logged(n->raft, sequence);
	}
}

void node_disk(struct world *w, const struct hap *h)
{
	struct node *n = &w->nodes[h->node];
	n->disk_busy = false;
	raft_tick(n->raft, w->now);
	for (; n->group && n->ops; n->group--)
		disk_done(w, n, op_pop(n));
	disk_next(w, n);
	node_turn(w, n);
}

/* ---- life ---- */

/* As recovery_log does: a snapshot that is no part of the log was on its way, and does not count. */
static bool is_part(struct node *n, const struct machine *snapshot)
{
	return snapshot->index + 1 >= n->first && snapshot->index <= n->last &&
	       node_term_of(n, snapshot->index) == snapshot->term;
}

static void choose_snapshot(struct node *n)
{
	if (is_part(n, &n->snapshot))
		return;
	if (is_part(n, &n->older)) {
		n->snapshot = n->older;
		n->members = n->older_members;
	} else {
		log_replace(n, n->snapshot.index, n->snapshot.term);
	}
}

void node_boot(struct world *w, struct node *n)
{
	const struct raft_options o = {.id = n->id,
	        .address = n->address,
	        .protocol = w->protocol,
	        .durable = true,
	        .seed = rand_u64(&w->rand),
	        .log = &w->log,
	        .kept = w->kept};
	n->raft = raft_new(&o);
	MUST(n->raft);
	n->up = true;
	n->failures = n->failures_told = 0;
	n->disk_busy = false;
	n->group = 0;
	choose_snapshot(n);
	n->machine = n->snapshot;
	n->shown_term = 0;
	world_say(w, "server %d starts: snapshot %llu, log %llu to %llu, term %llu", n->number,
	        (unsigned long long)n->snapshot.index, (unsigned long long)n->first, (unsigned long long)n->last,
	        (unsigned long long)n->term);
	if (n->snapshot.index)
		raft_recover_snapshot(n->raft, n->snapshot.index, n->snapshot.term, n->members.servers, n->members.n,
		        n->members.index);
	raft_recover_hard(n->raft, n->term, n->vote_term, slice_of(n->vote), n->commit);
	raft_recover_floor(n->raft, n->floor_term, n->floor);
	for (raft_index i = n->snapshot.index + 1; i <= n->last; i++) {
		const struct stored *s = stored_at(n, i);
		const struct raft_entry e = {.index = i, .term = s->term, .type = s->type, .data = s->data};
		raft_recover_entry(n->raft, &e);
	}
	for (int i = 0; i < w->nodes_n; i++)
		raft_peer_prevote(n->raft, slice_of(w->nodes[i].id), !w->nodes[i].old);
	raft_start(n->raft, w->now);
	node_turn(w, n);
}

/* Anything between nothing and all of what the disk was given may have reached it. */
void node_crash(struct world *w, struct node *n)
{
	size_t waiting = 0, kept;
	for (struct disk_op *op = n->ops; op; op = op->next)
		waiting++;
	kept = n->disk_fails ? 0 : world_below(w, waiting + 1);
	world_say(w, "server %d crashes; %zu of %zu appends got through", n->number, kept, waiting);
	for (; n->ops; waiting--) {
		struct disk_op *op = op_pop(n);
		if ((!op->forget && op->failures != n->failures) || !kept) {
			bool torn = op->failures == n->failures && !n->disk_fails && world_chance(w, 30);
			if (torn)
				op_write(w, n, op, world_below(w, op->n + 1));
			else
				op_free(op, 0);
			break;
		}
		kept--;
		op_write(w, n, op, op->n);
	}
	while (n->ops)
		op_free(op_pop(n), 0);
	net_crashed(w, n);
	raft_free(n->raft);
	n->raft = NULL;
	n->up = n->takes = n->installs = n->restores = false;
	n->life++;
	w->crashes++;
}

void node_free(struct node *n)
{
	while (n->ops)
		op_free(op_pop(n), 0);
	if (n->log)
		log_drop_after(n, n->first - 1);
	free(n->log);
	raft_free(n->raft);
	free(n->out.items);
	arena_free(&n->out.mem);
	*n = (struct node){0};
}

/* ---- snapshots ---- */

static void members_save(
        struct world *w, struct saved_members *m, const struct raft_server *servers, size_t n, raft_index index)
{
	m->n = n;
	m->index = index;
	for (size_t i = 0; i < n; i++) {
		const struct node *of = node_named(w, servers[i].id);
		MUST(of);
		m->servers[i] = (struct raft_server){slice_of(of->id), slice_of(of->address), servers[i].suffrage};
	}
}

void node_snapshot(struct world *w, struct node *n)
{
	size_t servers_n;
	raft_index index;
	const struct raft_server *servers = raft_configuration_applied(n->raft, &servers_n, &index);
	n->takes = true;
	n->taking = n->machine;
	members_save(w, &n->taking_members, servers, servers_n, index);
	world_later(w, world_some(w, NS_PER_MS, 200 * NS_PER_MS),
	        (struct hap){.kind = HAP_SNAPSHOT, .node = n->number, .life = n->life});
}

void node_snapshot_done(struct world *w, const struct hap *h)
{
	struct node *n = &w->nodes[h->node];
	n->takes = false;
	if (n->taking.index <= n->snapshot.index)
		return;
	n->older = n->snapshot;
	n->older_members = n->members;
	n->snapshot = n->taking;
	n->members = n->taking_members;
	struct disk_op *op = calloc(1, sizeof *op);
	MUST(op);
	op->forget = n->snapshot.index; /* in order with what is appended */
	*n->ops_end = op;
	n->ops_end = &op->next;
	disk_next(w, n);
	raft_tick(n->raft, w->now);
	raft_snapshot_taken(n->raft, n->snapshot.index, n->snapshot.term);
	node_turn(w, n);
}

static void install_begin(struct world *w, struct node *n, const struct raft_install *i)
{
	n->incoming = (struct machine){0};
	MUST(i->state.n == sizeof n->incoming || (!i->index && !i->state.n && !i->n));
	if (i->index)
		memcpy(&n->incoming, i->state.p, sizeof n->incoming);
	if (n->incoming.index != i->index || n->incoming.term != i->term)
		world_break(w, "server %d: a snapshot of %llu says it is of %llu", n->number,
		        (unsigned long long)n->incoming.index, (unsigned long long)i->index);
	members_save(w, &n->incoming_members, i->servers, i->n, i->configuration);
	n->installs = true;
	world_later(w, world_some(w, NS_PER_MS, 500 * NS_PER_MS),
	        (struct hap){.kind = HAP_INSTALLED, .node = n->number, .life = n->life});
}

/* What the disk still has to do comes before; all of that is replaced. */
static void replace_all(struct world *w, struct node *n, const struct machine *by, const struct saved_members *members)
{
	n->older = n->snapshot = n->machine = *by;
	n->older_members = n->members = *members;
	while (n->ops) {
		struct disk_op *op = op_pop(n);
		uint64_t sequence = op->sequence;
		bool counts = op->forget || op->failures == n->failures;
		if (counts) {
			op_write(w, n, op, op->n);
			if (sequence)
				raft_logged(n->raft, sequence);
		} else {
			op_free(op, 0);
		}
	}
	log_replace(n, by->index, by->term);
}

void node_installed(struct world *w, const struct hap *h)
{
	struct node *n = &w->nodes[h->node];
	raft_tick(n->raft, w->now);
	n->installs = false;
	if (n->disk_fails || raft_install_stale(n->raft)) {
		raft_install_done(n->raft, S("no space left on device, or there is a new leader"));
		node_turn(w, n);
		return;
	}
	w->installs++;
	if (n->incoming.index <= n->machine.index && !raft_state(n->raft)->unproven)
		world_break(w, "server %d is at %llu and goes back to %llu", n->number,
		        (unsigned long long)n->machine.index, (unsigned long long)n->incoming.index);
	w->overruled += n->incoming.index < n->machine.index;
	replace_all(w, n, &n->incoming, &n->incoming_members);
	check_installed(w, n, &n->machine);
	raft_install_done(n->raft, S_NONE);
	node_turn(w, n);
}

/* ---- a client's restore ---- */

void node_restore(struct world *w, struct node *n)
{
	const struct raft_state *s = raft_state(n->raft);
	if (s->role != RAFT_LEADER || s->commit < s->first_of_term || s->applied != s->last || n->restores ||
	        n->takes || n->installs || w->restores_n == RESTORES_MAX)
		return;
	n->restores = true;
	n->restored = (struct machine){s->last + 1 + world_below(w, 5), s->term, w->seed * 0x9e3779b9 + w->restores_n};
	world_later(w, world_some(w, NS_PER_MS, 300 * NS_PER_MS),
	        (struct hap){.kind = HAP_RESTORED, .node = n->number, .life = n->life});
}

void node_restored(struct world *w, const struct hap *h)
{
	struct node *n = &w->nodes[h->node];
	const struct raft_state *s = raft_state(n->raft);
	raft_tick(n->raft, w->now);
	n->restores = false;
	if (n->disk_fails || s->role != RAFT_LEADER || s->term != n->restored.term)
		return;
	struct saved_members members;
	size_t servers_n;
	raft_index index;
	const struct raft_server *servers = raft_configuration(n->raft, &servers_n, &index);
	members_save(w, &members, servers, servers_n, index);
	world_say(w, "server %d restores %llu of term %llu behind %llu", n->number,
	        (unsigned long long)n->restored.index, (unsigned long long)s->term, (unsigned long long)s->last);
	w->restores[w->restores_n++] = (struct restore){s->last, n->restored};
	replace_all(w, n, &n->restored, &members);
	raft_replaced(n->raft, n->machine.index);
	plan_restored(w, n);
	node_turn(w, n);
}

/* ---- one turn ---- */

static void apply(struct world *w, struct node *n, const struct raft_entry *e)
{
	const struct machine before = n->machine;
	n->machine.index = e->index;
	n->machine.term = e->term;
	n->machine.digest = hash_of(e->data, n->machine.digest + e->index * 31 + e->type);
	check_applied(w, n, e, &before);
	if (e->tag)
		plan_op_done(w, n, e->tag, e->index, true);
}

static void settle(struct world *w, struct node *n)
{
	struct raft *r = n->raft;
	struct raft_install install;
	void *tag;
	bool leads;
	raft_flush(r, &n->out);
	for (const struct raft_entry *e; (e = raft_next(r));)
		apply(w, n, e);
	for (const struct raft_entry *e; (e = raft_drop(r));)
		plan_op_done(w, n, e->tag, 0, false);
	while (raft_verified(r, &tag, &leads))
		plan_op_done(w, n, tag, raft_state(r)->applied, leads);
	if (raft_installed(r, &install))
		install_begin(w, n, &install);
}

static void carry_out(struct world *w, struct node *n, const struct effect *e)
{
	switch (e->kind) {
	case EFF_APPEND: disk_append(w, n, e); break;
	case EFF_RAFT_SEND:
		check_request(w, n, e->raft.bytes);
		net_send(w, n, e, S_NONE);
		break;
	case EFF_RAFT_ANSWER: net_answer(w, n, e->raft.conn, e->raft.bytes); break;
	case EFF_RAFT_DROP: net_drop(w, n, e->raft.peer); break;
	case EFF_RAFT_INSTALL: {
		struct buf header = {0};
		struct effect sized = *e;
		MUST(e->raft.index == n->machine.index);
		MUST(raft_wire_sized(e->raft.bytes, sizeof n->machine, &header));
		sized.raft.bytes = buf_view(&header);
		net_send(w, n, &sized, slice_at(&n->machine, sizeof n->machine));
		buf_free(&header);
		break;
	}
	default: MUST(!"an effect that raft does not have");
	}
}

void node_turn(struct world *w, struct node *n)
{
	raft_tick(n->raft, w->now);
	do
		settle(w, n);
	while (raft_unflushed(n->raft));
	raft_flush_installs(n->raft, &n->out);
	struct effects out = n->out;
	n->out = (struct effects){0};
	for (size_t i = 0; i < out.n; i++)
		carry_out(w, n, &out.items[i]);
	out.n = 0;
	arena_reset(&out.mem, 1 << 16);
	MUST(!n->out.items);
	n->out = out;
	if (w->talk && w->log.lines.n) {
		for (struct slice all = buf_view(&w->log.lines), line; all.n;) {
			line = slice_next(&all, '\n');
			world_say(w, "server %d %.*s", n->number, PS(slice_from(line, 20)));
		}
	}
	buf_reset(&w->log.lines, 4096);
	check_turn(w, n);
	if (!n->takes && w->snapshot_every && n->machine.index - n->snapshot.index >= w->snapshot_every &&
	        !raft_unflushed(n->raft))
		node_snapshot(w, n);
	w->turns++;
}
