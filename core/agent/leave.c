#include "core/agent/leave.h"

#include "core/agent/agent_parts.h"
#include "core/agent/pools.h"
#include "core/base/num.h"
#include "core/base/slice.h"

#define SIGNAL_LIMIT (15 * NS_PER_S)
#define REMOVAL_LIMIT (5 * NS_PER_S)
#define LOOK_AGAIN (50 * NS_PER_MS)

void leave_init(struct leave *l)
{
	*l = (struct leave){.drained = INT64_MAX, .limit = INT64_MAX};
}

static void left(struct agent *a)
{
	struct leave *l = &a->leave;
	l->stage = LEFT;
	l->drained = l->limit = INT64_MAX;
	for (struct message *m = l->asked, *next; m; m = next) {
		next = m->next;
		pools_answer(a, m);
	}
	l->asked = NULL;
	effect_add(a->out, EFF_STOP)->stop.exit_code = 0; /* the host sends the answers first */
}

/* A group that counts on one who is gone may be without a majority. */
static void look(struct agent *a)
{
	struct leave *l = &a->leave;
	if (l->stage == DRAINING) {
		l->stage = COUNTED;
		l->removed = a->now + REMOVAL_LIMIT;
	}
	bool late = a->now >= l->removed;
	l->drained = a->now + LOOK_AGAIN;
	if (l->counted && late)
		log_warn(a->log, "consul: failed to leave raft configuration gracefully, timeout");
	if (!l->counted || late)
		left(a);
}

/* Only for others: they have to find another server before we refuse their calls. */
static void drain(struct agent *a)
{
	struct gossip_stats stats;
	gossip_stats(a->pools[GOSSIP_LAN], &stats);
	if (!a->config->server_mode || stats.alive == 0) {
		left(a);
		return;
	}
	a->leave.stage = DRAINING;
	a->leave.drained = a->now + a->config->leave_drain_time;
	if (!a->config->leave_drain_time) {
		look(a);
		return;
	}
	struct buf time = {0};
	dur_print(&time, a->config->leave_drain_time);
	log_info(a->log, "consul: Waiting %.*s to drain RPC traffic", PS(buf_view(&time)));
	buf_free(&time);
}

static void leave_pool(struct agent *a, enum gossip_pool pool)
{
	a->leave.stage = pool == GOSSIP_WAN ? LEAVING_WAN : LEAVING_LAN;
	if (a->pools[pool])
		pools_command(a, pool, GE_LEAVE, TAG_LEAVE);
	else if (pool == GOSSIP_WAN)
		leave_pool(a, GOSSIP_LAN);
	else
		left(a);
}

static void begin(struct agent *a)
{
	if (a->leave.stage != STAYING)
		return;
	log_info(a->log, a->config->server_mode ? "consul: server starting leave" : "consul: client starting leave");
	leave_pool(a, GOSSIP_WAN);
}

void leave_ask(struct agent *a, struct message *m)
{
	if (a->leave.stage == LEFT) {
		pools_answer(a, m);
		return;
	}
	m->next = a->leave.asked;
	a->leave.asked = m;
	begin(a);
}

void leave_signal(struct agent *a)
{
	begin(a);
	if (a->leave.stage != LEFT)
		a->leave.limit = a->now + SIGNAL_LIMIT;
}

void leave_done(struct agent *a, enum gossip_pool pool, const struct gossip_effect *x)
{
	if (x->done.err && pool == GOSSIP_WAN)
		log_err(a->log, "consul: failed to leave WAN Serf cluster: %.*s", PS(x->done.text));
	else if (x->done.err)
		log_err(a->log, "consul: %s to leave LAN Serf cluster: %.*s",
		        a->config->server_mode ? "failed" : "Failed", PS(x->done.text));
	if (pool == GOSSIP_WAN)
		leave_pool(a, GOSSIP_LAN);
	else
		drain(a);
}

void leave_tick(struct agent *a)
{
	if (a->leave.drained <= a->now)
		look(a);
	if (a->leave.limit <= a->now) {
		a->leave.limit = INT64_MAX;
		log_info(a->log, "agent: Timeout on graceful leave. Exiting");
		effect_add(a->out, EFF_STOP)->stop.exit_code = 1;
	}
}

mono_ns leave_next(const struct leave *l)
{
	return l->drained < l->limit ? l->drained : l->limit;
}
