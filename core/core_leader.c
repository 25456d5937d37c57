#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/core_parts.h"
#include "core/state/command.h"

/* ---- own writes ---- */

void core_own_submit_bytes(void *host, struct slice command)
{
	struct core *c = host;
	struct message *m = calloc(1, sizeof *m);
	MUST(m);
	m->front = -1;
	m->command = arena_copy(&m->mem, command);
	MUST(m->command.p);
	core_propose(c, m);
}

void core_own_submit(void *host, enum command_type type, const struct schema *s, const void *request)
{
	struct buf b = {0};
	command_write(&b, type, s, request);
	MUST(!b.failed);
	core_own_submit_bytes(host, buf_view(&b));
	buf_free(&b);
}

/* ---- leadership ---- */

/* The reference's leader begins with a barrier, to know that all of earlier terms is applied. Here that is so already:
 * the entry keeps the indexes of two logs equal. */
static void own_barrier(struct core *c)
{
	struct message *m = calloc(1, sizeof *m);
	MUST(m);
	m->front = -1;
	m->ask = ASK_BARRIER;
	core_propose(c, m);
}

void core_leading_begin(struct core *c, struct effects *out)
{
	if (c->ready) /* lost and won again since we looked last */
		core_leading_end(c, out);
	c->ready = true;
	c->ready_term = raft_state(c->raft)->term;
	c->leading_since = c->wall;
	log_info(c->log, "consul: cluster leadership acquired");
	own_barrier(c);
	duties_begin(&c->duties, db_working(c->db), c->now);
	core_gossip_lead(&c->gossip, c->now, c->wall, out);
	core_servers_lead(c);
	agent_leader(c->agent, true, c->now);
	out->publish = true;
}

void core_leading_end(struct core *c, struct effects *out)
{
	log_info(c->log, "consul: cluster leadership lost");
	c->ready = false;
	duties_end(&c->duties);
	core_gossip_follow(&c->gossip);
	core_servers_follow(c);
	agent_leader(c->agent, false, c->now);
	core_restore_lost(c);
	core_changes_lost(c);
	out->publish = true;
}
