#include "core/agent/agent.h"

#include <stdlib.h>

#include "core/agent/accusations.h"
#include "core/agent/agent_parts.h"
#include "core/agent/datacenters.h"
#include "core/agent/pools.h"
#include "core/base/must.h"
#include "core/base/slice.h"

struct agent *agent_new(const struct agent_host *host)
{
	struct agent *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	const struct agent_config *c = a->config = host->config;
	a->db = host->db;
	a->log = host->log;
	local_init(&a->local, host->db, c, host->rand, host->log);
	sync_init(&a->sync, &a->local, c, host->rand, host->log);
	checks_due_init(&a->checks, &a->local, host->rand, host->log);
	persist_init(&a->persist, c, host->log);
	user_events_init(&a->events, host->db, c, host->rand, host->log);
	joins_init(&a->joins);
	leave_init(&a->leave);
	place_init(&a->place, host->rand);
	a->user_token = c->acl_token;
	a->agent_token = c->acl_agent_token;
	a->agent_master_token = c->acl_agent_master_token;
	return a;
}

static void messages_free(struct message *m)
{
	for (struct message *next; m; m = next) {
		next = m->next;
		arena_free(&m->mem);
		free(m);
	}
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	sync_free(&a->sync);
	checks_due_free(&a->checks);
	local_free(&a->local);
	persist_free(&a->persist);
	joins_free(&a->joins);
	remote_exec_free(&a->remote);
	arena_free(&a->tokens);
	messages_free(a->answered);
	messages_free(a->outbox);
	messages_free(a->leave.asked);
	free(a);
}

static void step(struct agent *a, mono_ns now, wall_ns wall, struct effects *out)
{
	a->now = now;
	a->wall = wall;
	a->out = out;
}

void agent_restore_file(struct agent *a, struct slice name, struct slice bytes)
{
	persist_keep(&a->persist, name, bytes);
}

void agent_pools(struct agent *a, const struct gossip *lan, const struct gossip *wan)
{
	a->pools[GOSSIP_LAN] = lan;
	a->pools[GOSSIP_WAN] = wan;
}

void agent_leave(struct agent *a, mono_ns now, wall_ns wall, struct effects *out)
{
	step(a, now, wall, out);
	leave_signal(a);
}

void agent_start(struct agent *a, mono_ns now, wall_ns wall, struct effects *out)
{
	step(a, now, wall, out);
	agent_load(a);
	joins_start(a);
	place_start(a);
	a->checks.reap_at = now + a->config->check_reap_interval;
	log_info(a->log, "agent: started state syncer");
}

/* ---- questions ---- */

static enum err service_register(struct agent *a, struct message *m, struct fail *f)
{
	const struct service_definition *d = m->request;
	const struct node_service service = definition_service(d);
	struct list checks;
	if (service_definition_checks(d, &m->mem, &checks, f))
		return f->code;
	return agent_add_service(a, &service, checks, KEPT, m->token, FROM_HTTP, f);
}

static enum err check_register(struct agent *a, struct message *m, struct fail *f)
{
	const struct check_definition *d = m->request;
	const struct health_check check = definition_check(d);
	return agent_add_check(a, &check, d, KEPT, m->token, FROM_HTTP, f);
}

static enum err check_update(struct agent *a, const struct ask_check_update *ask, struct fail *f)
{
	return agent_set_check(a, ask->id, ask->status, ask->output, f);
}

/* What changes services or checks: answered when the catalog has followed. */
static enum err change(struct agent *a, struct message *m, struct fail *f)
{
	const struct slice *id = m->request;
	switch (m->ask) {
	case ASK_SERVICE_REGISTER: return service_register(a, m, f);
	case ASK_SERVICE_DEREGISTER: return agent_remove_service(a, *id, KEPT, f);
	case ASK_SERVICE_MAINTENANCE: return agent_maintain_service(a, m->request, f);
	case ASK_CHECK_REGISTER: return check_register(a, m, f);
	case ASK_CHECK_DEREGISTER: return agent_remove_check(a, *id, KEPT, f);
	case ASK_CHECK_UPDATE: return check_update(a, m->request, f);
	default: agent_maintain_node(a, m->request); return OK;
	}
}

static void refuse(struct message *m, enum err e, const char *why)
{
	m->err = e;
	m->why = arena_str(&m->mem, "%s", why);
}

static void set_token(struct agent *a, struct message *m)
{
	const struct ask_token *ask = m->request;
	struct slice token = arena_copy(&a->tokens, ask->token);
	if (slice_is(ask->name, "acl_token"))
		a->user_token = token;
	else if (slice_is(ask->name, "acl_agent_token"))
		a->agent_token = token;
	else if (slice_is(ask->name, "acl_agent_master_token"))
		a->agent_master_token = token;
	log_info(a->log, "agent: Updated agent's ACL token \"%.*s\"", PS(ask->name));
}

/* The host reads the files after this step; the answer comes with agent_reload, or when it has said why not. */
static bool reload(struct agent *a, struct message *m)
{
	if (a->reloading) {
		refuse(m, ERR_FULL, "another reload is under way");
		return true;
	}
	a->reloading = m;
	effect_add(a->out, EFF_RELOAD)->message = m;
	return false;
}

bool agent_message(struct agent *a, struct message *m, mono_ns now, wall_ns wall, struct effects *out)
{
	struct fail f;
	step(a, now, wall, out);
	switch (m->ask) {
	case ASK_SERVICE_REGISTER:
	case ASK_SERVICE_DEREGISTER:
	case ASK_SERVICE_MAINTENANCE:
	case ASK_CHECK_REGISTER:
	case ASK_CHECK_DEREGISTER:
	case ASK_CHECK_UPDATE:
	case ASK_NODE_MAINTENANCE:
		if (change(a, m, &f)) {
			refuse(m, f.code, f.text);
			return true;
		}
		sync_wait(&a->sync, m);
		return false;
	case ASK_EVENT_FIRE:
	case ASK_FORCE_LEAVE:
	case ASK_JOIN:
	case ASK_KEYRING: return pools_ask(a, m);
	case ASK_ACCUSATIONS: accusations_ask(a->pools, m); return true;
	case ASK_LEAVE: leave_ask(a, m); return false;
	case ASK_RELOAD: return reload(a, m);
	case ASK_DATACENTERS:
	case ASK_DATACENTER_MAPS: datacenters_ask(a, m); return true;
	case ASK_TOKEN: set_token(a, m); return true;
	default: MUST(!"a question for the agent"); return true;
	}
}

/* ---- events ---- */

void agent_check_done(struct agent *a, const struct event *ev, struct effects *out)
{
	step(a, ev->now, ev->wall, out);
	checks_due_done(&a->checks, ev, out);
}

void agent_gossip(struct agent *a, const struct event *ev, struct effects *out)
{
	step(a, ev->now, ev->wall, out);
	pools_event(a, (enum gossip_pool)ev->gossip.pool, ev->gossip.effect);
}

void agent_exec(struct agent *a, const struct event *ev, struct effects *out)
{
	step(a, ev->now, ev->wall, out);
	remote_exec_event(a, ev);
}

void agent_new_leader(struct agent *a, mono_ns now, wall_ns wall, struct effects *out)
{
	step(a, now, wall, out);
	pools_new_leader(a);
}

void agent_remote(struct agent *a, bool remote)
{
	a->sync.remote = remote;
}

void agent_counted(struct agent *a, bool counted)
{
	a->leave.counted = counted;
}

void agent_leader(struct agent *a, bool known, mono_ns now)
{
	a->now = now;
	sync_leader(&a->sync, known, now);
}

static void reload_answered(struct agent *a)
{
	struct message *m = a->reloading;
	a->reloading = NULL;
	m->next = a->answered;
	a->answered = m;
}

void agent_tick(struct agent *a, mono_ns now, wall_ns wall, struct effects *out)
{
	step(a, now, wall, out);
	if (a->reloading && a->reloading->err)
		reload_answered(a);
	checks_due_tick(&a->checks, now, out);
	local_tick(&a->local, now);
	agent_reap(a);
	joins_tick(a);
	leave_tick(a);
	place_tick(a);
	datacenters_tick(a);
	remote_exec_tick(a);
}

mono_ns agent_next(const struct agent *a)
{
	const mono_ns all[] = {
	        a->reloading ? 0 : checks_due_next(&a->checks),
	        local_next(&a->local),
	        sync_next(&a->sync),
	        joins_next(&a->joins),
	        leave_next(&a->leave),
	        a->place.at,
	        remote_exec_next(&a->remote),
	};
	mono_ns at = all[0];
	for (size_t i = 1; i < ARRAY_LEN(all); i++)
		at = all[i] < at ? all[i] : at;
	return at;
}

void agent_reload(struct agent *a, const struct agent_config *config, mono_ns now, wall_ns wall, struct effects *out)
{
	step(a, now, wall, out);
	a->config = a->local.config = a->sync.config = a->persist.config = a->events.config = config;
	agent_load_again(a);
	if (a->reloading)
		reload_answered(a);
}

/* ---- messages out ---- */

static void came_back(void *host, struct message *m)
{
	struct agent *a = host;
	sync_done(&a->sync, m, a->now);
}

struct message *agent_outbox(struct agent *a)
{
	struct message *all = sync_outbox(&a->sync, a->now);
	struct message **end = &all;
	for (; *end; end = &(*end)->next)
		(*end)->done = came_back;
	*end = a->outbox;
	a->outbox = NULL;
	return all;
}

struct message *agent_answered(struct agent *a)
{
	struct message *m = sync_answered(&a->sync);
	struct message **end = &m;
	while (*end)
		end = &(*end)->next;
	*end = a->answered;
	a->answered = NULL;
	return m;
}

void agent_world(const struct agent *a, struct world *w)
{
	struct db_memory memory = db_memory(a->db);
	w->memory_used = memory.used;
	w->memory_held = memory.held;
	for (int t = 0; t < TREE_COUNT; t++)
		w->objects += db_count(w->db, (enum db_tree)t);
	w->local_services = a->local.service_count;
	w->local_checks = a->local.check_count;
	w->local_ttl_checks = a->checks.ttls;
	w->local_monitors = a->checks.scripts;
	if (a->pools[GOSSIP_LAN]) {
		gossip_stats(a->pools[GOSSIP_LAN], &w->lan);
		w->coordinate = *gossip_coordinate(a->pools[GOSSIP_LAN]);
	}
	if (a->pools[GOSSIP_WAN])
		gossip_stats(a->pools[GOSSIP_WAN], &w->wan);
	w->datacenters = a->order;
	w->leaving = w->leaving || a->leave.stage >= DRAINING;
	w->user_token = a->user_token;
	w->agent_token = a->agent_token;
	w->agent_master_token = a->agent_master_token;
}
