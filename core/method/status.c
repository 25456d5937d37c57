/* Status.*: what any server knows of leader and peers, without a leader (agent/consul/status_endpoint.go). */
#include "core/leader/peers.h"
#include "core/base/num.h"
#include "core/method/method.h"
#include "core/method/requests.h"
#include "core/state/rows.h"

static enum err one_text(struct call *c, struct slice text)
{
	struct list_reply *reply = c->reply;
	struct slice *t = ARENA_NEW(c->arena, struct slice);
	if (!t)
		return call_fail(c, ERR_NO_MEMORY, "out of memory");
	*t = text;
	reply->items = (struct list){t, 1};
	return OK;
}

static enum err status_leader(struct call *c)
{
	return one_text(c, c->world->leader);
}

/* All of Raft's configuration, those without a voice, too. */
static enum err status_peers(struct call *c)
{
	struct list_reply *reply = c->reply;
	struct rows rows = ROWS(c->arena, struct slice);
	struct cursor cursor;
	peers_open(&cursor, c->world->db);
	for (const struct peer *p; (p = peers_next(&cursor));) {
		struct slice *address = rows_add(&rows);
		if (address)
			*address = p->address;
	}
	reply->items = rows_list(&rows);
	return OK;
}

/* We answer: that is all there is to say. */
static enum err status_ping(struct call *c)
{
	(void)c;
	return OK;
}

struct raft_stats {
	struct query_meta meta;
	struct slice last_contact;
	raft_index last_index;
	raft_term last_term;
};

static enum err status_raft_stats(struct call *c)
{
	const struct world *w = c->world;
	struct raft_stats *reply = c->reply;
	reply->last_index = w->last_log;
	reply->last_term = w->last_log_term;
	if (world_leading(w)) {
		reply->last_contact = S("0");
	} else if (!w->leader_contact) {
		reply->last_contact = S("never");
	} else {
		struct buf b = {0};
		dur_print(&b, c->now - w->leader_contact);
		reply->last_contact = arena_copy(c->arena, buf_view(&b));
		buf_free(&b);
	}
	return OK;
}

static const struct field raft_stats_fields[] = {
        FIELD(struct raft_stats, last_contact, "LastContact", F_STR, 0),
        FIELD(struct raft_stats, last_index, "LastIndex", F_UINT, 0),
        FIELD(struct raft_stats, last_term, "LastTerm", F_UINT, 0),
};
static const struct schema raft_stats_schema = SCHEMA(struct raft_stats, "autopilot.ServerStats", raft_stats_fields);

#define ANYBODY (M_READ | M_LOCAL | M_NO_REQUEST)
const struct method method_status_leader = {
        "Status.Leader", &dc_request_schema, NULL, ANYBODY, status_leader, SHAPE_TEXT};
const struct method method_status_peers = {
        "Status.Peers", &dc_request_schema, NULL, ANYBODY, status_peers, SHAPE_TEXTS};
const struct method method_status_ping = {"Status.Ping", &dc_request_schema, NULL, ANYBODY, status_ping};
const struct method method_status_raft_stats = {
        "Status.RaftStats", &dc_request_schema, &raft_stats_schema, ANYBODY, status_raft_stats};
