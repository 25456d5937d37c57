#include "core/leader/reconcile.h"

#include "core/agent/servers.h"
#include "core/base/slice.h"
#include "core/gossip/tags.h"
#include "core/state/health.h"
#include "core/state/key.h"

#define CHECK_ID "serfHealth"

/* A member, read once. */
struct subject {
	struct slice name, address, id;
	struct server server;
	bool is_server;
};

/* How things stand: the catalog, and the pool (NULL: nobody is asked). */
struct scene {
	const struct db_root *root;
	const struct gossip *lan;
};

/* What the catalog has of it. */
struct known {
	const struct node *node;
	struct node_service *service; /* "consul" */
	const struct health_check *check;
};

static struct known look_up(const struct db_root *r, struct slice name, struct arena *a)
{
	struct known k;
	catalog_node(r, NULL, name, a, &k.node);
	catalog_node_service(r, NULL, name, S("consul"), a, &k.service);
	health_check_of_node(r, NULL, name, S(CHECK_ID), a, &k.check);
	return k;
}

/* Of our datacenter, a client or a server without a segment; others are none of our business. */
static bool ours(const struct duties *d, const struct gossip_member *m, struct arena *a, struct subject *out)
{
	char ip[IP_TEXT];
	struct slice dc = tags_find(m->meta, S("dc"), NULL);
	*out = (struct subject){
	        .name = m->name,
	        .address = arena_copy(a, slice_at(ip, ip_print(&m->addr.ip, ip))),
	        .id = tags_find(m->meta, S("id"), NULL),
	};
	out->is_server = server_of(m, a, &out->server);
	bool client = slice_is(tags_find(m->meta, S("role"), NULL), "node");
	return slice_eq(dc, d->config->datacenter) && (client || (out->is_server && !out->server.segment.n));
}

static void write_health(
        struct duties *d, const struct subject *s, struct node_service *service, const char *status, const char *output)
{
	struct health_check check = {
	        .node = s->name,
	        .check_id = S(CHECK_ID),
	        .name = S("Serf Health Status"),
	        .status = slice_of(status),
	        .output = slice_of(output),
	};
	struct register_request q = {
	        .datacenter = d->config->datacenter,
	        .id = s->id,
	        .node = s->name,
	        .address = s->address,
	        .service = service,
	        .check = &check,
	        .skip_node_update = true, /* what is known of the node otherwise is its own agent's business */
	};
	d->submit(d->host, COMMAND_REGISTER, &register_request_schema, &q);
}

static bool stands(const struct known *k, const struct subject *s, const char *status)
{
	return k->node && slice_eq(k->node->address, s->address) && k->check && slice_is(k->check->status, status);
}

static bool gone(struct duties *d, struct slice name, const struct known *k, const char *how);

/* Another node of the catalog that has the member's id, or NULL. */
static const struct node *namesake(const struct scene *at, const struct subject *s)
{
	struct uuid_bytes id;
	if (uuid_parse(s->id, &id, NULL))
		return NULL;
	const struct node *n = catalog_node_of_id(at->root, uuid_slice(&id));
	return n && !slice_eq(n->name, s->name) ? n : NULL;
}

/* Is this node of the catalog a member that is not there any more? A node that never was a member is somebody's own. */
static bool silent(const struct scene *at, struct slice name, struct arena *a)
{
	struct gossip_member m;
	if (!at->lan)
		return false;
	if (gossip_find(at->lan, name, &m))
		return m.status == GOSSIP_FAILED || m.status == GOSSIP_LEFT;
	return look_up(at->root, name, a).check;
}

/* The state machine lets nobody have the id of another node, be that one long dead: a container made anew with its data
 * directory under another name would stay outside for three days. Here who is silent makes room for who is there, by
 * two ordinary entries. A holder that lives keeps it: the write fails then, as the reference's does, until the holder
 * goes. */
static bool take_over(struct duties *d, const struct scene *at, const struct subject *s, struct arena *a)
{
	const struct node *holder = namesake(at, s);
	if (holder && !silent(at, holder->name, a)) {
		d->id_awaited = true;
		return false;
	}
	const struct known k = {.node = holder};
	if (holder)
		gone(d, holder->name, &k, "is silent and another has its node id");
	return true;
}

static bool alive(
        struct duties *d, const struct scene *at, const struct subject *s, const struct known *k, struct arena *a)
{
	struct node_service service = {.id = S("consul"), .service = S("consul"), .port = s->server.port};
	if (stands(k, s, "passing") && (!s->is_server || k->service))
		return false;
	bool free = take_over(d, at, s, a);
	log_info(d->log, "consul: member '%.*s' joined, marking health alive", PS(s->name));
	write_health(d, s, s->is_server ? &service : NULL, "passing", "Agent alive and reachable");
	return free;
}

static bool failed(struct duties *d, const struct scene *at, const struct subject *s, const struct known *k)
{
	if (stands(k, s, "critical") || namesake(at, s)) /* … whose id another has now: it is not coming back */
		return false;
	log_info(d->log, "consul: member '%.*s' failed, marking health critical", PS(s->name));
	write_health(d, s, NULL, "critical", "Agent not live or unreachable");
	return true;
}

static bool gone(struct duties *d, struct slice name, const struct known *k, const char *how)
{
	if (slice_eq(name, d->config->node_name)) {
		log_warn(d->log, "consul: deregistering self (%.*s) should be done by follower", PS(name));
		return false;
	}
	if (!k->node)
		return false;
	log_info(d->log, "consul: member '%.*s' %s, deregistering", PS(name), how);
	struct deregister_request q = {.datacenter = d->config->datacenter, .node = name};
	d->submit(d->host, COMMAND_DEREGISTER, &deregister_request_schema, &q);
	return true;
}

/* True when something was written for it. */
static bool reconcile(struct duties *d, const struct scene *at, const struct gossip_member *m, bool reaped)
{
	struct arena a = {0};
	struct subject s;
	if (!ours(d, m, &a, &s)) {
		log_warn(d->log, "consul: skipping reconcile of node %.*s", PS(m->name));
		arena_free(&a);
		return false;
	}
	const struct known k = look_up(at->root, s.name, &a);
	bool wrote = false;
	if (reaped)
		wrote = gone(d, s.name, &k, "reaped");
	else if (m->status == GOSSIP_ALIVE)
		wrote = alive(d, at, &s, &k, &a);
	else if (m->status == GOSSIP_FAILED)
		wrote = failed(d, at, &s, &k);
	else if (m->status == GOSSIP_LEFT)
		wrote = gone(d, s.name, &k, "left");
	arena_free(&a);
	return wrote;
}

/* Somebody is gone whose node id others may wait for. */
static void who_waited(struct duties *d, const struct scene *at, const struct gossip_member *gone)
{
	struct slice id = tags_find(gone->meta, S("id"), NULL);
	struct gossip_member m;
	uint32_t next = 0;
	while (gossip_member_next(at->lan, &next, &m))
		if (m.status == GOSSIP_ALIVE && !slice_eq(m.name, gone->name) &&
		        slice_eq(tags_find(m.meta, S("id"), NULL), id))
			reconcile(d, at, &m, false);
}

bool reconcile_member(
        struct duties *d, const struct db_root *r, const struct gossip *lan, const struct gossip_effect *x)
{
	const struct scene at = {r, lan};
	const struct gossip_member *m = x->member.member;
	bool wrote = reconcile(d, &at, m, x->member.change == CHANGE_REAP);
	if (d->id_awaited && m->status != GOSSIP_ALIVE && lan)
		who_waited(d, &at, m);
	return wrote;
}

void reconcile_named(struct duties *d, const struct db_root *r, const struct gossip *lan, struct slice name)
{
	const struct scene at = {r, lan};
	struct gossip_member m;
	if (gossip_find(lan, name, &m))
		reconcile(d, &at, &m, false);
}

/* Nodes with a check of ours that gossip has forgotten. */
static void reap_unknown(struct duties *d, const struct db_root *r, const struct gossip *lan)
{
	struct arena a = {0};
	struct list nodes;
	catalog_nodes(r, NULL, (struct list){0}, &a, &nodes);
	const struct node *all = nodes.items;
	for (uint32_t i = 0; i < nodes.n; i++) {
		struct gossip_member m;
		if (gossip_find(lan, all[i].name, &m))
			continue;
		const struct known k = look_up(r, all[i].name, &a);
		if (k.check)
			gone(d, all[i].name, &k, "reaped");
	}
	arena_free(&a);
}

void reconcile_all(struct duties *d, const struct db_root *r, const struct gossip *lan)
{
	const struct scene at = {r, lan};
	struct gossip_member m;
	uint32_t next = 0;
	d->id_awaited = false;
	while (gossip_member_next(lan, &next, &m))
		reconcile(d, &at, &m, false);
	reap_unknown(d, r, lan);
}
