/* Incoming connections. Answers leave each of them in the order of its requests, and none before what it says is
 * durable. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft_machine.h"

enum { SCRATCH_KEEP = 64 << 10 };

static struct raft_conn *conn_of(struct raft *r, uint64_t id)
{
	for (struct raft_conn *c = r->conns; c; c = c->next)
		if (c->id == id)
			return c;
	return NULL;
}

static struct raft_conn *conn_add(struct raft *r, uint64_t id)
{
	struct raft_conn *c = calloc(1, sizeof *c);
	MUST(c);
	c->id = id;
	c->end = &c->first;
	c->next = r->conns;
	r->conns = c;
	r->conns_n++;
	return c;
}

static void reply_free(struct raft *r, struct raft_reply *reply)
{
	if (r->spare) {
		free(reply);
		return;
	}
	r->spare = reply;
}

static void reply_pop(struct raft *r, struct raft_conn *c)
{
	struct raft_reply *first = c->first;
	c->first = first->next;
	if (!c->first)
		c->end = &c->first;
	c->n--;
	reply_free(r, first);
}

static void conn_remove(struct raft *r, struct raft_conn *c)
{
	struct raft_conn **at = &r->conns;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	r->conns_n--;
	while (c->first)
		reply_pop(r, c);
	free(c);
}

struct raft_reply *raft_inbound_reply(struct raft *r, struct raft_conn *c, enum raft_wire_kind kind)
{
	struct raft_reply *reply = r->spare ? r->spare : malloc(sizeof *reply);
	MUST(reply);
	r->spare = NULL;
	reply->next = NULL;
	reply->wait = 0;
	reply->held = reply->with_peers = reply->reads = false;
	reply->kind = kind;
	reply->answer = (struct raft_wire_answer){.protocol = r->protocol, .term = r->s.term, .last_log = r->s.last};
	*c->end = reply;
	c->end = &reply->next;
	c->n++;
	return reply;
}

/* ---- requests ---- */

static int64_t protocol_of(const struct raft_wire_request *q)
{
	switch (q->kind) {
	case RAFT_WIRE_APPEND: return q->append.protocol;
	case RAFT_WIRE_VOTE: return q->vote.protocol;
	case RAFT_WIRE_INSTALL: return q->install.protocol;
	case RAFT_WIRE_READ: return q->read.protocol;
	}
	return -1;
}

void raft_request(struct raft *r, uint64_t conn, struct slice bytes, struct slice state)
{
	struct raft_wire_request q;
	struct raft_conn *c = conn_of(r, conn);
	arena_reset(&r->scratch, SCRATCH_KEEP);
	c = c ? c : conn_add(r, conn);
	if (c->shut)
		return;
	if (r->conns_n > RAFT_CONNS_MAX || c->n >= RAFT_ANSWERS_MAX ||
	        !raft_wire_read_request(bytes, &r->scratch, &q)) {
		c->shut = true;
		return;
	}
	int64_t protocol = protocol_of(&q);
	if (protocol > RAFT_PROTOCOL_MAX || protocol < r->protocol - 1 || protocol < 0)
		raft_inbound_reply(r, c, q.kind)->answer.error =
		        S("operation not supported with current protocol version");
	else
		raft_follow_request(r, c, &q, state);
}

/* The leader's process is gone, or our way to it: worth a question. */
void raft_closed(struct raft *r, uint64_t conn)
{
	struct raft_conn *c = conn_of(r, conn);
	if (!c)
		return;
	bool led = c->leads;
	bool held = false;
	for (struct raft_reply *reply = c->first; reply; reply = reply->next)
		held = held || reply->held;
	c->gone = c->shut = true;
	c->leads = false;
	if (!held)
		conn_remove(r, c);
	if (led)
		raft_election_hurry(r);
}

/* ---- answers ---- */

void raft_inbound_failed(struct raft *r)
{
	for (struct raft_conn *c = r->conns; c; c = c->next)
		for (struct raft_reply *reply = c->first; reply; reply = reply->next)
			if (reply->wait > r->durable) {
				reply->answer.success = false;
				reply->wait = 0;
			}
}

static void answer(const struct raft_conn *c, struct slice bytes, struct effects *out)
{
	struct effect *e = effect_add(out, EFF_RAFT_ANSWER);
	e->raft.conn = c->id;
	e->raft.bytes = bytes;
}

static void reply_put(const struct raft *r, const struct raft_conn *c, struct raft_reply *reply, struct effects *out)
{
	struct buf b = {0}, peers = {0};
	if (reply->with_peers) {
		raft_wire_put_peers(&peers, r->latest.servers, r->latest.n);
		reply->answer.peers = buf_view(&peers);
	}
	raft_wire_put_answer(&b, reply->kind, &reply->answer);
	struct slice bytes = arena_copy(&out->mem, buf_view(&b));
	MUST(bytes.n);
	buf_free(&b);
	buf_free(&peers);
	answer(c, bytes, out);
}

void raft_inbound_flush(struct raft *r, struct effects *out)
{
	for (struct raft_conn *c = r->conns, *next; c; c = next) {
		next = c->next;
		while (c->first && !c->first->held && c->first->wait <= r->durable && raft_read_ready(r, c->first)) {
			reply_put(r, c, c->first, out);
			reply_pop(r, c);
		}
		if (!c->shut || c->first)
			continue;
		if (!c->gone)
			answer(c, S_NONE, out);
		conn_remove(r, c);
	}
}

void raft_answers_free(struct raft *r)
{
	while (r->conns)
		conn_remove(r, r->conns);
	free(r->spare);
}
