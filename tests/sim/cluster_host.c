/* One agent: a host of the core as cmd/agent/core_thread.c is, with one front. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/agent/gossip_config.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "tests/sim/cluster_world.h"

#define WALL_BEGIN (INT64_C(1500000000) * NS_PER_S)

enum { KEEP = 16 << 10, SNAPSHOT_LEAST = 4 << 10 };

mono_ns host_now(const struct cluster *c, const struct host *h)
{
	return c->now + h->ahead;
}

/* ---- who it is ---- */

/* Where it is may change from one life to the next. */
static void place(struct host *h)
{
	snprintf(h->ip, sizeof h->ip, "10.%u.%u.%u", h->dc, h->moves, h->number + 1);
	snprintf(h->address, sizeof h->address, "%s:8300", h->ip);
}

void host_name(struct cluster *c, struct host *h, unsigned number)
{
	h->number = number;
	snprintf(h->name, sizeof h->name, "%s%u", h->server ? "s" : "c", number);
	snprintf(h->id, sizeof h->id, "00000000-0000-0000-0000-0000000000%02x", number + 1);
	h->wall = WALL_BEGIN;
	h->log.level = c->talk ? LOG_INFO : LOG_ERR;
	place(h);
}

/* One server of a datacenter is told of the others; it brings its own with it. */
static void whom_to_join_afar(struct cluster *c, struct host *h)
{
	unsigned n = 0;
	for (unsigned i = 0; i < c->hosts_n; i++)
		if (c->hosts[i].server && c->hosts[i].dc != h->dc)
			h->joins_wan[n++] = slice_of(c->hosts[i].name);
	h->config.retry_join_wan = (struct list){h->joins_wan, n};
}

static void whom_to_join(struct cluster *c, struct host *h)
{
	unsigned n = 0;
	for (unsigned i = 0; i < c->hosts_n; i++) {
		const struct host *o = &c->hosts[i];
		if (o->dc == h->dc && o != h && (o->server || c->dc[h->dc].servers == 1))
			h->joins[n++] = slice_of(o->name);
	}
	h->config.retry_join = (struct list){h->joins, n};
	if (h->number == c->dc[h->dc].first)
		whom_to_join_afar(c, h);
}

/* In some runs the WAN pool is as quick as a LAN pool: what it does about faults is seen within the run. */
static void configure_wan(const struct cluster *c, struct host *h)
{
	h->config.serf_wan_addr = (struct config_addr){CONFIG_ADDR_TCP, slice_of(h->ip), 8302};
	h->config.serf_wan_advertise = h->config.serf_wan_addr;
	if (!c->quick_wan)
		return;
	h->config.wan_gossip_interval = gossip_lan.gossip_interval;
	h->config.wan_probe_interval = gossip_lan.probe_interval;
	h->config.wan_probe_timeout = gossip_lan.probe_timeout;
	h->config.wan_suspicion_mult = gossip_lan.suspicion_mult;
}

void host_configure(struct cluster *c, struct host *h)
{
	const struct datacenter *d = &c->dc[h->dc];
	struct slice host = slice_of(h->ip);
	h->config = (struct agent_config){
	        .node_name = slice_of(h->name),
	        .node_id = slice_of(h->id),
	        .datacenter = datacenter_name(h->dc),
	        .data_dir = S("data"),
	        .server_mode = h->server,
	        .bootstrap_expect = h->server && !h->late ? d->servers : 0,
	        .protocol = 2,
	        .version = S("1.0.8"),
	        .advertise_addr = host,
	        .server_addr = {CONFIG_ADDR_TCP, host, 8300},
	        .server_advertise = {CONFIG_ADDR_TCP, host, 8300},
	        .serf_lan_addr = {CONFIG_ADDR_TCP, host, 8301},
	        .serf_lan_advertise = {CONFIG_ADDR_TCP, host, 8301},
	        .serf_wan_port = 8302,
	        .retry_interval = NS_PER_S,
	        .retry_interval_wan = NS_PER_S,
	        .ae_interval = NS_PER_MIN,
	        .check_update_interval = 5 * NS_PER_MIN,
	        .check_deregister_interval_min = NS_PER_MIN,
	        .check_reap_interval = 30 * NS_PER_S,
	        .coordinate_update_period = 5 * NS_PER_S,
	        .coordinate_update_batch_size = 128,
	        .coordinate_update_max_batches = 5,
	        .sync_coordinate_rate_target = 64,
	        .sync_coordinate_interval_min = 15 * NS_PER_S,
	        .server_health_interval = 2 * NS_PER_S,
	        .autopilot_cleanup_dead_servers = true,
	        .autopilot_last_contact_threshold = 200 * NS_PER_MS,
	        .autopilot_server_stabilization_time = 2 * NS_PER_S,
	        .autopilot_max_trailing_logs = 250,
	        .raft_heartbeat_timeout = NS_PER_S,
	        .raft_election_timeout = NS_PER_S,
	        .raft_leader_lease_timeout = NS_PER_S / 2,
	        .rpc_hold_timeout = 7 * NS_PER_S,
	        .rpc_rate = -1,
	        .session_ttl_min = NS_PER_S,
	        .leave_on_terminate = true,
	};
	if (c->dcs > 1 && h->server)
		configure_wan(c, h);
	whom_to_join(c, h);
}

/* ---- steps ---- */

void host_step(struct cluster *c, struct host *h, struct event *ev)
{
	ev->now = host_now(c, h);
	h->log.now = ev->wall = h->wall + c->now;
	core_step(h->core, ev, &h->out);
	h->stepped = true;
}

static unsigned publish(struct cluster *c, struct host *h)
{
	bool led = h->world.ready;
	char leader[sizeof h->world.leader_text];
	uint64_t restores = h->world.restores;
	memcpy(leader, h->world.leader_text, sizeof leader);
	db_publish(core_db(h->core));
	core_world(h->core, &h->world);
	epoch_advance(h->epoch);
	h->out.publish = false;
	c->report->leaders += h->world.ready && !led;
	if (h->world.ready && !led)
		cluster_say(c, "%s leads in term %llu", h->name, (unsigned long long)h->world.term);
	return NEWS_OF_TABLES |
	       (led != h->world.ready || strcmp(leader, h->world.leader_text) != 0 ? NEWS_OF_LEADER : 0) |
	       (restores != h->world.restores ? NEWS_OF_RESTORE : 0);
}

/* The log and the peers have what the core gave them: now it may be stepped again. */
static void look(struct cluster *c, struct host *h, unsigned news)
{
	if (news & NEWS_OF_RESTORE) {
		truth_installed(c, h, h->world.applied);
		c->report->installs++;
	}
	truth_published(c, h);
	asked_published(c, h, news);
}

static void call(struct cluster *c, struct host *h, const struct effect *e)
{
	wire_call(c, h, e->call.what, 0, e->call.tag);
}

static void carry_out(struct cluster *c, struct host *h, const struct effect *e)
{
	switch (e->kind) {
	case EFF_APPEND:
		truth_appended(c, h, e);
		platter_append(c, h, e);
		break;
	case EFF_RAFT_SEND:
	case EFF_RAFT_INSTALL: wire_send(c, h, e); break;
	case EFF_RAFT_ANSWER: wire_answer(c, h, e); break;
	case EFF_RAFT_DROP: wire_drop(c, h, e); break;
	case EFF_SNAPSHOT: platter_snapshot(c, h, e); break;
	case EFF_SNAPSHOT_DROP: platter_drop(c, h, e); break;
	case EFF_LOG_FORGET: platter_forget(c, h, e); break;
	case EFF_REPLY: asked_reply(c, h, e->message); break;
	case EFF_CALL: call(c, h, e); break;
	case EFF_GOSSIP:
	case EFF_GOSSIP_JOIN: chat_command(c, h, e); break;
	case EFF_STOP: h->stops = true; break;
	default: break;
	}
}

/* First what goes to log and peers, as core_thread.c does. */
static void flush(struct cluster *c, struct host *h)
{
	while (h->stepped && !cluster_over(c)) {
		h->stepped = false;
		core_flush(h->core, host_now(c, h), &h->out);
		size_t flushed = h->out.n;
		unsigned news = h->out.publish ? publish(c, h) : 0;
		for (size_t i = 0; i < flushed; i++)
			if (h->out.items[i].kind <= EFF_LOG_LAST)
				carry_out(c, h, &h->out.items[i]);
		if (news)
			look(c, h, news);
		for (size_t i = 0; i < h->out.n && !cluster_over(c); i++) {
			const struct effect e = h->out.items[i]; /* a copy: the list may grow and move */
			MUST(e.kind > EFF_LOG_LAST || i < flushed);
			if (e.kind > EFF_LOG_LAST)
				carry_out(c, h, &e);
		}
		h->out.n = 0;
		if (!h->stepped)
			arena_reset(&h->out.mem, KEEP);
	}
}

/* Nothing garbles what they say to each other: each understands all of it. */
static void show_log(struct cluster *c, struct host *h)
{
	for (struct slice all = buf_view(&h->log.lines), line; all.n;) {
		line = slice_from(slice_next(&all, '\n'), 20);
		cluster_say(c, "%s %.*s", h->name, PS(line));
		if (slice_search(line, S("Error decoding")) >= 0)
			cluster_wrong(c, "%s could not read a message: %.*s", h->name, PS(line));
	}
	buf_reset(&h->log.lines, KEEP);
}

void host_turn(struct cluster *c, struct host *h)
{
	struct event ev = {.kind = EV_TICK};
	if (core_next(h->core) <= host_now(c, h))
		host_step(c, h, &ev);
	if (chat_next(h) <= host_now(c, h))
		chat_tick(c, h);
	flush(c, h);
	show_log(c, h);
	if (h->stops && !cluster_over(c)) {
		cluster_say(c, "%s has left", h->name);
		c->report->leaves++;
		h->stops = false;
		host_crash(c, h, CRASH_KILL);
	}
}

void host_show(struct cluster *c, const struct host *h)
{
	const struct world *w = &h->world;
	struct gossip_member m;
	if (!h->up) {
		cluster_say(c, "%s is not there", h->name);
		return;
	}
	cluster_say(c, "%s: role %d, leader %.*s, term %llu, last %llu, commit %llu, applied %llu, voters %u", h->name,
	        (int)w->role, PS(w->leader), (unsigned long long)w->term, (unsigned long long)w->last_log,
	        (unsigned long long)w->commit, (unsigned long long)w->applied, w->voters);
	for (unsigned i = 0; i < POOLS; i++)
		for (uint32_t at = 0; h->pools[i] && gossip_member_next(h->pools[i], &at, &m);)
			cluster_say(c, "  sees %.*s %s", PS(m.name), gossip_status_name(m.status));
}

mono_ns host_next(const struct host *h)
{
	mono_ns at = core_next(h->core), chat = chat_next(h);
	at = chat < at ? chat : at;
	return at == INT64_MAX ? at : at - h->ahead;
}

/* ---- birth and death ---- */

void host_start(struct cluster *c, struct host *h)
{
	MUST(!h->up);
	place(h);
	host_configure(c, h);
	h->epoch = epoch_new();
	const struct core_options o = {
	        .config = &h->config,
	        .epoch = h->epoch,
	        .log = &h->log,
	        .seed = rand_u64(&c->rand),
	        .durable = h->server,
	        .snapshot_least = c->big ? SNAPSHOT_LEAST : 0,
	        .kept = c->big ? 16 : 0,
	};
	h->core = core_new(&o);
	MUST(h->epoch && h->core);
	h->up = true;
	h->leaving = h->stops = false;
	h->paused = 0;
	h->world = (struct world){0};
	api_init(&h->api, 0, rand_u64(&c->rand));
	cluster_say(c, "%s starts at %s", h->name, h->ip);
	if (h->server)
		platter_recover(c, h);
	if (cluster_over(c))
		return;
	chat_start(c, h);
	core_pools(h->core, h->pools[0], h->pools[1]);
	struct event ev = {.kind = EV_START};
	host_step(c, h, &ev);
	for (unsigned i = POOLS; i-- > 0;) {
		struct gossip_event start = {.kind = GE_START};
		struct effect e = {.kind = EFF_GOSSIP};
		e.gossip.pool = (int)i;
		e.gossip.command = &start;
		if (h->pools[i])
			chat_command(c, h, &e);
	}
	h->out.publish = true;
	host_turn(c, h);
}

void host_crash(struct cluster *c, struct host *h, enum crash how)
{
	MUST(h->up);
	if (h->server)
		platter_crash(c, h, how); /* what is being written is lent by the core */
	if (how == CRASH_POWER)
		chat_power_off(c, h);
	core_free(h->core);
	asked_crashed(c, h);
	wire_crashed(c, h);
	chat_stop(c, h);
	api_free(&h->api);
	epoch_free(h->epoch);
	h->out.n = 0;
	h->out.publish = false;
	arena_reset(&h->out.mem, 0);
	h->core = NULL;
	h->up = h->stepped = h->stops = false;
	h->world = (struct world){0};
	h->life++;
}

void host_free(struct cluster *c, struct host *h)
{
	if (h->up)
		host_crash(c, h, CRASH_KILL);
	platter_free(h);
	free(h->mirror.entries);
	free(h->out.items);
	arena_free(&h->out.mem);
	buf_free(&h->log.lines);
	for (unsigned i = 0; i < POOLS; i++)
		buf_free(&h->peers[i].bytes);
}
