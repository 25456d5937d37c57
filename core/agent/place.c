#include "core/agent/place.h"

#include <stdlib.h>

#include "core/agent/agent_parts.h"
#include "core/agent/servers.h"

void place_init(struct place *p, struct rand *rand)
{
	*p = (struct place){.rand = rand, .at = INT64_MAX};
}

/* All members together tell `rate` coordinates a second; none more often than the least interval. */
static void again(struct agent *a)
{
	const struct agent_config *c = a->config;
	struct gossip_stats stats;
	gossip_stats(a->pools[GOSSIP_LAN], &stats);
	double scaled = c->sync_coordinate_rate_target > 0 ? stats.members / c->sync_coordinate_rate_target : 0;
	dur_ns wait = (dur_ns)(scaled * (double)NS_PER_S);
	if (wait < c->sync_coordinate_interval_min)
		wait = c->sync_coordinate_interval_min;
	if (wait < NS_PER_S)
		wait = NS_PER_S;
	a->place.at = a->now + wait + (dur_ns)rand_below(a->place.rand, (uint64_t)wait);
}

void place_start(struct agent *a)
{
	if (a->pools[GOSSIP_LAN] && !a->config->disable_coordinates)
		again(a);
}

void place_tick(struct agent *a)
{
	if (a->now < a->place.at)
		return;
	again(a);
	struct cursor servers;
	servers_lan(&servers, db_working(a->db));
	if (!server_next(&servers)) {
		log_debug(a->log, "agent: Skipping coordinate updates until servers are upgraded");
		return;
	}
	struct message *m = calloc(1, sizeof *m);
	if (!m)
		return;
	struct vivaldi_point at = *gossip_coordinate(a->pools[GOSSIP_LAN]);
	struct coordinate coord = {{at.vec, VIVALDI_DIMENSIONS}, at.error, at.adjustment, at.height};
	const struct coordinate_entry entry = {a->config->node_name, a->config->segment, &coord};
	m->front = -1;
	m->ask = ASK_COORDINATE;
	m->token = arena_copy(&m->mem, a->agent_token.n ? a->agent_token : a->user_token);
	m->request = schema_copy(&coordinate_entry_schema, &entry, &m->mem);
	if (!m->request) {
		arena_free(&m->mem);
		free(m);
		return;
	}
	m->next = a->outbox;
	a->outbox = m;
}
