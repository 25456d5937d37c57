#include "core/agent/agent.h"

#include <stdlib.h>

#include "core/agent/agent_parts.h"
#include "core/agent/member_self.h"
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
	a->user_token = c->acl_token;
	a->agent_token = c->acl_agent_token;
	a->agent_master_token = c->acl_agent_master_token;
	return a;
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	sync_free(&a->sync);
	checks_due_free(&a->checks);
	local_free(&a->local);
	persist_free(&a->persist);
	arena_free(&a->tokens);
	for (struct message *m = a->answered, *next; m; m = next) {
		next = m->next;
		arena_free(&m->mem);
		free(m);
	}
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

/* ---- ourselves in the pools ---- */

static void put_member(struct agent *a, enum db_tree t, const struct member *m)
{
	struct item *it = model_item(a->db, m->name, &member_schema, m);
	MUST(it);
	MUST(db_put(a->db, t, it));
	log_info(a->log, "serf: EventMemberJoin: %.*s %.*s", PS(m->name), PS(m->addr));
}

/* "127.0.0.1:8300", an IPv6 address in brackets. */
static struct slice server_address(const struct agent_config *c, struct arena *mem)
{
	const struct config_addr *at = &c->server_advertise;
	return slice_find(at->host, ':') < 0 ? arena_str(mem, "%.*s:%d", PS(at->host), at->port)
	                                     : arena_str(mem, "[%.*s]:%d", PS(at->host), at->port);
}

static void join_ourselves(struct agent *a)
{
	const struct agent_config *c = a->config;
	struct arena mem = {0};
	struct member lan = member_self(c, POOL_LAN, &mem), wan = member_self(c, POOL_WAN, &mem);
	bool with_wan = c->server_mode && c->serf_wan_addr.kind != CONFIG_ADDR_NONE;
	if (with_wan)
		put_member(a, TREE_MEMBERS_WAN, &wan);
	put_member(a, TREE_MEMBERS_LAN, &lan);
	if (c->server_mode)
		log_info(a->log, "consul: Adding LAN server %.*s (Addr: tcp/%.*s) (DC: %.*s)", PS(lan.name),
		        PS(server_address(c, &mem)), PS(c->datacenter));
	if (with_wan)
		log_info(a->log, "consul: Handled member-join event for server \"%.*s\" in area \"wan\"", PS(wan.name));
	arena_free(&mem);
}

void agent_leave(struct agent *a)
{
	const struct agent_config *c = a->config;
	struct arena mem = {0};
	struct member lan = member_self(c, POOL_LAN, &mem), wan = member_self(c, POOL_WAN, &mem);
	if (a->leaving)
		return;
	a->leaving = true;
	log_info(a->log, c->server_mode ? "consul: server starting leave" : "consul: client starting leave");
	if (c->server_mode && c->serf_wan_addr.kind != CONFIG_ADDR_NONE) {
		log_info(a->log, "serf: EventMemberLeave: %.*s %.*s", PS(wan.name), PS(wan.addr));
		log_info(
		        a->log, "consul: Handled member-leave event for server \"%.*s\" in area \"wan\"", PS(wan.name));
	}
	log_info(a->log, "serf: EventMemberLeave: %.*s %.*s", PS(lan.name), PS(lan.addr));
	if (c->server_mode)
		log_info(a->log, "consul: Removing LAN server %.*s (Addr: tcp/%.*s) (DC: %.*s)", PS(lan.name),
		        PS(server_address(c, &mem)), PS(c->datacenter));
	arena_free(&mem);
}

void agent_start(struct agent *a, mono_ns now, wall_ns wall, struct effects *out)
{
	step(a, now, wall, out);
	join_ourselves(a);
	agent_load(a);
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

static void event_fire(struct agent *a, struct message *m)
{
	struct fail f;
	if (user_events_fire(&a->events, m->request, &m->mem, &f))
		refuse(m, ERR_FAILED, f.text);
	m->reply = m->request;
}

/* Members other than ourselves come with gossip; our own address is the only one that can be joined. */
static void join(struct agent *a, struct message *m)
{
	const struct ask_join *ask = m->request;
	const struct slice *at = ask->addresses.items;
	const char *pool = ask->wan ? "WAN" : "LAN";
	struct slice all = S_NONE;
	for (uint32_t i = 0; i < ask->addresses.n; i++)
		all = arena_str(&m->mem, "%.*s%s%.*s", PS(all), i ? " " : "", PS(at[i]));
	log_info(a->log, "agent: (%s) joining: [%.*s]", pool, PS(all));
	if (ask->wan && !a->config->server_mode)
		refuse(m, ERR_FAILED, "Must be a server to join WAN cluster");
	else
		refuse(m, ERR_FAILED, "this agent has no gossip yet");
	log_info(a->log, "agent: (%s) joined: 0 Err: %.*s", pool, PS(m->why));
	m->reply = ARENA_NEW(&m->mem, struct ask_joined);
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
	const struct slice *name = m->request;
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
	case ASK_EVENT_FIRE: event_fire(a, m); return true;
	case ASK_JOIN: join(a, m); return true;
	case ASK_FORCE_LEAVE: log_info(a->log, "agent: Force leaving node: %.*s", PS(*name)); return true;
	case ASK_LEAVE:
		agent_leave(a);
		effect_add(out, EFF_STOP)->stop.exit_code = 0;
		return true;
	case ASK_RELOAD: return reload(a, m);
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

/* A server that leads tells the pool so in an event of its own, before any of a user. */
void agent_leader(struct agent *a, bool known, mono_ns now)
{
	a->now = now;
	if (known && a->config->server_mode)
		user_events_internal(&a->events);
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
}

mono_ns agent_next(const struct agent *a)
{
	mono_ns at = a->reloading ? 0 : checks_due_next(&a->checks), next = local_next(&a->local);
	at = next < at ? next : at;
	next = sync_next(&a->sync);
	return next < at ? next : at;
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
	agent_message_done(a, m, a->now, a->out);
}

struct message *agent_outbox(struct agent *a)
{
	struct message *all = sync_outbox(&a->sync, a->now);
	for (struct message *m = all; m; m = m->next)
		m->done = came_back;
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

void agent_message_done(struct agent *a, struct message *m, mono_ns now, struct effects *out)
{
	(void)out;
	sync_done(&a->sync, m, now);
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
	w->event_time = a->events.clock;
	w->query_time = w->member_time = w->wan_member_time = 1;
	w->leaving = w->leaving || a->leaving;
	w->user_token = a->user_token;
	w->agent_token = a->agent_token;
	w->agent_master_token = a->agent_master_token;
}
