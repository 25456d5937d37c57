#include "core/agent/servers.h"
#include "core/api/dns_run.h"

#include "core/state/catalog.h"

/* ---- where ---- */

static void warn_stale(struct dns_run *run)
{
	if (run->v->too_stale)
		log_warn(run->v->log, "dns: Query results too stale, re-requesting");
}

static enum dns_found rpc_fails(struct dns_run *run, struct slice why)
{
	run->why = why;
	return DNS_FOUND_FAILED;
}

void dns_rpc_failed(struct dns_reply *r)
{
	log_err(r->run->v->log, "dns: rpc error: %.*s", PS(r->run->why));
	r->rcode = DNS_SERVFAIL;
}

enum dns_found dns_reach(struct dns_run *run, struct slice datacenter)
{
	const struct dns_view *v = run->v;
	if (slice_eq(datacenter, v->set->datacenter)) {
		if (v->local == DNS_LOCAL_READ)
			return DNS_FOUND;
		if (v->local == DNS_LOCAL_ASK)
			return DNS_FOUND_LATER;
		warn_stale(run);
		return rpc_fails(run, v->why);
	}
	const struct slice *known = v->datacenters.items;
	for (uint32_t i = 0; i < v->datacenters.n; i++)
		if (slice_eq(known[i], datacenter))
			return DNS_FOUND_LATER;
	if (servers_know(v->db, datacenter))
		return DNS_FOUND_LATER;
	/* an agent that is no server knows no datacenters: its servers do */
	return v->local == DNS_LOCAL_ASK ? DNS_FOUND_LATER : rpc_fails(run, S("No path to datacenter"));
}

static bool same_need(const struct dns_need *a, const struct dns_need *b)
{
	return a->kind == b->kind && slice_eq(a->datacenter, b->datacenter) && slice_eq(a->name, b->name) &&
	       slice_eq(a->tag, b->tag);
}

const struct dns_fact *dns_fact_for(struct dns_run *run, const struct dns_need *need)
{
	static const struct dns_fact too_many = {.got = DNS_GOT_ABSENT};
	const struct dns_known *k = run->known;
	for (unsigned i = 0; k && i < k->n; i++)
		if (same_need(&k->facts[i].need, need))
			return &k->facts[i];
	if (k && k->n == DNS_FACTS_MAX)
		return &too_many;
	/* the names may lie on somebody's stack */
	run->need = *need;
	run->need.datacenter = arena_copy(run->a, need->datacenter);
	run->need.name = arena_copy(run->a, need->name);
	run->need.tag = arena_copy(run->a, need->tag);
	return NULL;
}

/* A fact from another server, or why there is none. */
static enum dns_found ask_elsewhere(struct dns_run *run, const struct dns_need *need, const struct dns_fact **out)
{
	*out = dns_fact_for(run, need);
	if (!*out)
		return DNS_FOUND_LATER;
	if ((*out)->got == DNS_GOT_FAILED)
		return rpc_fails(run, (*out)->why);
	return (*out)->got == DNS_GOT ? DNS_FOUND : DNS_FOUND_NOTHING;
}

/* ---- nodes ---- */

static const struct node *node_here(struct dns_run *run, struct slice name)
{
	const struct item *it = db_get(run->v->db, TREE_NODES, name);
	if (it)
		return item_payload(it);
	/* a node may also be called by the beginning of its id */
	const struct node *node;
	struct list services;
	catalog_node_services(run->v->db, NULL, name, run->a, &node, &services);
	return node;
}

enum dns_found dns_find_node(struct dns_reply *r, struct slice datacenter, struct slice name, const struct node **out)
{
	enum dns_found found = dns_reach(r->run, datacenter);
	*out = NULL;
	if (found == DNS_FOUND) {
		*out = node_here(r->run, name);
	} else if (found == DNS_FOUND_LATER) {
		const struct dns_fact *fact;
		struct dns_need need = {.kind = DNS_NEED_NODE, .datacenter = datacenter, .name = name};
		found = ask_elsewhere(r->run, &need, &fact);
		if (found == DNS_FOUND)
			*out = fact->node;
	}
	return found == DNS_FOUND && !*out ? DNS_FOUND_NOTHING : found;
}

/* ---- instances ---- */

static bool pool_add(struct dns_pool *p, uint32_t *cap, const void *one)
{
	if (p->n == *cap) {
		uint32_t more = *cap ? *cap * 4 : 16;
		const void **bigger = arena_alloc(p->run->a, more * sizeof(*bigger));
		if (!bigger)
			return false;
		if (p->n)
			memcpy(bigger, p->items, p->n * sizeof(*bigger));
		p->items = bigger;
		*cap = more;
	}
	p->items[p->n++] = one;
	return true;
}

/* All rows of the service's name; which of them count is seen when they are drawn. */
static void pool_here(struct dns_pool *p, struct slice service)
{
	char prefix[DNS_TEXT_MAX + 1];
	memcpy(prefix, service.p, service.n);
	prefix[service.n] = 0;
	uint32_t cap = 0;
	struct cursor c;
	cursor_prefix(&c, p->run->v->db, TREE_SERVICES_NAME, slice_at(prefix, service.n + 1));
	const struct item *it;
	while ((it = cursor_next(&c)) && pool_add(p, &cap, it))
		;
}

static void pool_joined(struct dns_pool *p, enum dns_pool_of of, struct list nodes)
{
	const struct check_service_node *csn = nodes.items;
	uint32_t cap = 0;
	p->of = of;
	for (uint32_t i = 0; i < nodes.n && pool_add(p, &cap, &csn[i]); i++)
		;
}

enum dns_found dns_find_service(
        struct dns_reply *r, struct slice datacenter, struct slice name, struct slice tag, struct dns_pool *out)
{
	*out = (struct dns_pool){.run = r->run, .tag = tag};
	enum dns_found found = dns_reach(r->run, datacenter);
	if (found == DNS_FOUND) {
		pool_here(out, name);
	} else if (found == DNS_FOUND_LATER) {
		const struct dns_fact *fact;
		struct dns_need need = {.kind = DNS_NEED_SERVICE, .datacenter = datacenter, .name = name, .tag = tag};
		found = ask_elsewhere(r->run, &need, &fact);
		if (found == DNS_FOUND)
			pool_joined(out, DNS_POOL_SERVICE, fact->nodes);
	}
	return found == DNS_FOUND && !out->n ? DNS_FOUND_NOTHING : found;
}

enum dns_found dns_find_query(struct dns_reply *r, struct slice datacenter, struct slice name, struct dns_pool *out,
        const struct dns_fact **fact)
{
	struct dns_run *run = r->run;
	*out = (struct dns_pool){.run = run};
	/* Whether a query exists can be known from stale data, however old. */
	bool may_be_stale =
	        run->v->local == DNS_LOCAL_FAIL && run->v->too_stale && slice_eq(datacenter, run->v->set->datacenter);
	enum dns_found found = may_be_stale ? DNS_FOUND_LATER : dns_reach(run, datacenter);
	if (found == DNS_FOUND_FAILED)
		return found;
	struct dns_need need = {.kind = DNS_NEED_QUERY, .datacenter = datacenter, .name = name};
	if (r->depth == 0) {
		need.has_client = true;
		need.client = run->q->subnet ? run->q->subnet_ip : run->client;
	}
	found = ask_elsewhere(run, &need, fact);
	if (found == DNS_FOUND)
		pool_joined(out, DNS_POOL_QUERY, (*fact)->nodes);
	return found;
}

static bool is_healthy(const struct dns_run *run, struct slice status)
{
	return run->v->set->only_passing ? slice_is(status, "passing") : !slice_is(status, "critical");
}

/* Both the node's checks and those of this instance count. `node_key`: with the NUL behind it. */
static bool is_healthy_here(struct dns_run *run, struct slice node_key, struct slice service_id)
{
	struct cursor c;
	cursor_prefix(&c, run->v->db, TREE_CHECKS, node_key);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct health_check *check = item_payload(it);
		if (check->service_id.n && !slice_eq_fold(check->service_id, service_id))
			continue;
		if (!is_healthy(run, check->status))
			return false;
	}
	return true;
}

static bool look_here(struct dns_pool *p, const struct item *link, struct dns_instance *out)
{
	const struct db_root *db = p->run->v->db;
	const struct item *row = db_get(db, TREE_SERVICES, link_target(link));
	if (!row)
		return false;
	const struct service_node *s = item_payload(row);
	if (p->tag.n && !catalog_has_tag(s->service_tags, p->tag))
		return false;
	/* the row's key is the node's, a NUL, and the id */
	struct slice key = item_key(row);
	size_t node_n = strnlen(key.p, key.n);
	const struct item *node = db_get(db, TREE_NODES, slice_at(key.p, node_n));
	if (!node || node_n == key.n || !is_healthy_here(p->run, slice_at(key.p, node_n + 1), s->service_id))
		return false;
	*out = (struct dns_instance){item_payload(node), s->service_address, s->service_port};
	return true;
}

/* A query has chosen by health itself. */
static bool look_joined(const struct dns_pool *p, const struct check_service_node *csn, struct dns_instance *out)
{
	const struct health_check *checks = csn->checks.items;
	for (uint32_t i = 0; p->of == DNS_POOL_SERVICE && i < csn->checks.n; i++)
		if (!is_healthy(p->run, checks[i].status))
			return false;
	*out = (struct dns_instance){csn->node, csn->service->address, csn->service->port};
	return true;
}

/* Draws without putting back, which gives each order the same chance, as a shuffle of the healthy ones would. */
bool dns_pool_next(struct dns_pool *p, struct dns_instance *out)
{
	while (p->n) {
		uint32_t i = p->n > 1 ? (uint32_t)rand_below(&p->run->rand, p->n) : 0;
		const void *one = p->items[i];
		p->items[i] = p->items[--p->n];
		if (p->of == DNS_POOL_HERE ? look_here(p, one, out) : look_joined(p, one, out))
			return true;
	}
	return false;
}
