/* A leader that leaves for good takes itself out of Raft's group first, so that what is left needs fewer for a majority
 * (Consul 1.0.8: Server.Leave). A follower is taken out by the leader when its pool says that it left, and works on
 * until it hears of that. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/core_parts.h"
#include "core/leader/servers.h"

/* What a leader does about our leaving; false: nothing, we are alone or needed. */
static bool removal(const struct core *c, struct logbuf *log, struct server_change *change)
{
	struct raft_view v = {.root = db_working(c->db), .self = c->config->node_name, .log = log};
	const struct server *self = server_by_name(v.root, c->config->node_name);
	v.servers = raft_configuration(c->raft, &v.n, NULL);
	return v.n > 1 && self && server_left(&v, self, change);
}

void core_leave_look(struct core *c)
{
	size_t n;
	const struct raft_server *servers = raft_configuration(c->raft, &n, NULL);
	bool listed = false;
	for (size_t i = 0; c->leave.counted && i < n; i++)
		listed = listed || slice_eq(servers[i].id, core_raft_id(c)) || slice_is(servers[i].address, c->address);
	c->leave.counted = listed;
	agent_counted(c->agent, listed);
}

static void go_on(struct core *c)
{
	struct message *m = c->leave.asked;
	struct server_change change;
	struct logbuf quiet = {.level = LOG_ERR + 1};
	c->leave.counted = !c->ready && core_leader(c).n && removal(c, &quiet, &change);
	core_leave_look(c);
	bool signal = c->leave.signal;
	c->leave.asked = NULL;
	c->leave.signal = false;
	if (signal)
		agent_leave(c->agent, c->now, c->wall, c->leave.out);
	for (struct message *next; m; m = next) {
		next = m->next;
		if (agent_message(c->agent, m, c->now, c->wall, c->leave.out))
			core_reply(c, m);
	}
}

static void removed(void *host, struct message *m)
{
	struct core *c = m->owner;
	(void)host;
	if (m->err)
		log_err(c->log, "consul: failed to remove ourself as raft peer: %.*s", PS(m->why));
	arena_free(&m->mem);
	free(m);
	c->leave.removing = false;
	go_on(c);
}

/* False: there is nothing to do first. */
static bool remove_self(struct core *c)
{
	struct server_change change;
	if (!c->ready || !removal(c, c->log, &change))
		return false;
	struct message *m = calloc(1, sizeof *m);
	MUST(m);
	struct ask_raft_change *q = ARENA_NEW(&m->mem, struct ask_raft_change);
	MUST(q);
	*q = (struct ask_raft_change){change.kind, arena_copy(&m->mem, change.id), S_NONE};
	m->front = -1;
	m->ask = ASK_RAFT_CHANGE;
	m->owner = c;
	m->done = removed;
	m->request = q;
	c->leave.removing = true;
	core_raft_change(c, m);
	return true;
}

void core_leave(struct core *c, struct message *m, struct effects *out)
{
	c->leave.out = out;
	if (m) {
		m->next = c->leave.asked;
		c->leave.asked = m;
	} else {
		c->leave.signal = true;
	}
	if (!c->leave.removing && !remove_self(c))
		go_on(c);
}
