#include "core/leader/reconcile.h"

#include "core/agent/servers.h"
#include "core/base/slice.h"
#include "core/gossip/tags.h"
#include "core/state/health.h"

#define CHECK_ID "serfHealth"

/* A member, read once. */
struct subject {
	struct slice name, address, id;
	struct server server;
	bool is_server;
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

static void alive(struct duties *d, const struct subject *s, const struct known *k)
{
	struct node_service service = {.id = S("consul"), .service = S("consul"), .port = s->server.port};
	if (stands(k, s, "passing") && (!s->is_server || k->service))
		return;
	log_info(d->log, "consul: member '%.*s' joined, marking health alive", PS(s->name));
	write_health(d, s, s->is_server ? &service : NULL, "passing", "Agent alive and reachable");
}

static void failed(struct duties *d, const struct subject *s, const struct known *k)
{
	if (stands(k, s, "critical"))
		return;
	log_info(d->log, "consul: member '%.*s' failed, marking health critical", PS(s->name));
	write_health(d, s, NULL, "critical", "Agent not live or unreachable");
}

static void gone(struct duties *d, struct slice name, const struct known *k, const char *how)
{
	if (slice_eq(name, d->config->node_name)) {
		log_warn(d->log, "consul: deregistering self (%.*s) should be done by follower", PS(name));
		return;
	}
	if (!k->node)
		return;
	log_info(d->log, "consul: member '%.*s' %s, deregistering", PS(name), how);
	struct deregister_request q = {.datacenter = d->config->datacenter, .node = name};
	d->submit(d->host, COMMAND_DEREGISTER, &deregister_request_schema, &q);
}

static void reconcile(struct duties *d, const struct db_root *r, const struct gossip_member *m, bool reaped)
{
	struct arena a = {0};
	struct subject s;
	if (!ours(d, m, &a, &s)) {
		log_warn(d->log, "consul: skipping reconcile of node %.*s", PS(m->name));
		arena_free(&a);
		return;
	}
	const struct known k = look_up(r, s.name, &a);
	if (reaped)
		gone(d, s.name, &k, "reaped");
	else if (m->status == GOSSIP_ALIVE)
		alive(d, &s, &k);
	else if (m->status == GOSSIP_FAILED)
		failed(d, &s, &k);
	else if (m->status == GOSSIP_LEFT)
		gone(d, s.name, &k, "left");
	arena_free(&a);
}

void reconcile_member(struct duties *d, const struct db_root *r, const struct gossip_effect *x)
{
	reconcile(d, r, x->member.member, x->member.change == CHANGE_REAP);
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
	struct gossip_member m;
	uint32_t at = 0;
	while (gossip_member_next(lan, &at, &m))
		reconcile(d, r, &m, false);
	reap_unknown(d, r, lan);
}
