#include "core/api/dns_remote.h"

#include "core/base/slice.h"
#include "core/method/method.h"
#include "core/method/prepared_query.h"

static struct read_head *head_of(
        struct read_head *h, const struct agent_config *c, const struct dns_need *need, bool stale)
{
	*h = (struct read_head){need->datacenter, {.token = c->acl_token, .allow_stale = stale}};
	return h;
}

static void ask_node(struct dns_remote *r, const struct agent_config *c, const struct dns_need *need, struct arena *a)
{
	struct node_request *q = ARENA_NEW(a, struct node_request);
	if (!q)
		return;
	r->head = head_of(&q->head, c, need, r->stale);
	q->node = need->name;
	r->request = q;
	r->method = &method_catalog_node_services;
}

static void ask_service(
        struct dns_remote *r, const struct agent_config *c, const struct dns_need *need, struct arena *a)
{
	struct service_request *q = ARENA_NEW(a, struct service_request);
	if (!q)
		return;
	r->head = head_of(&q->head, c, need, r->stale);
	q->service_name = need->name;
	q->service_tag = need->tag;
	q->tag_filter = need->tag.n > 0;
	r->request = q;
	r->method = &method_health_service_nodes;
}

static void ask_nodes(struct dns_remote *r, const struct agent_config *c, const struct dns_need *need, struct arena *a)
{
	struct dc_request *q = ARENA_NEW(a, struct dc_request);
	if (!q)
		return;
	r->head = head_of(&q->head, c, need, r->stale);
	r->request = q;
	r->method = &method_catalog_nodes;
}

static void ask_query(struct dns_remote *r, const struct agent_config *c, const struct dns_need *need, struct arena *a)
{
	struct query_execute_request *q = ARENA_NEW(a, struct query_execute_request);
	char ip[IP_TEXT];
	if (!q)
		return;
	r->head = head_of(&q->head, c, need, r->stale);
	q->id_or_name = need->name;
	q->agent = (struct query_source){.datacenter = c->datacenter, .segment = c->segment, .node = c->node_name};
	if (need->has_client)
		q->source.ip = arena_copy(a, slice_at(ip, ip_print(&need->client, ip)));
	r->request = q;
	r->method = &method_query_execute;
}

struct dns_remote dns_remote_call(
        const struct agent_config *c, const struct dns_need *need, bool stale, struct arena *a)
{
	struct dns_remote r = {.stale = stale};
	switch (need->kind) {
	case DNS_NEED_NODE: ask_node(&r, c, need, a); break;
	case DNS_NEED_SERVICE: ask_service(&r, c, need, a); break;
	case DNS_NEED_NODES: ask_nodes(&r, c, need, a); break;
	case DNS_NEED_QUERY: ask_query(&r, c, need, a); break;
	case DNS_NEED_NAME:
	case DNS_NEED_NOTHING: break;
	}
	r.reply = r.method ? method_new_reply(r.method, a) : NULL;
	if (!r.reply)
		r.method = NULL;
	return r;
}

/* Not for lists of nodes: who asks for a name by its address takes what there is. */
bool dns_remote_too_old(const struct agent_config *c, const struct dns_remote *r, struct logbuf *log)
{
	const struct query_meta *meta = r->reply;
	if (!r->stale || r->method == &method_catalog_nodes || meta->last_contact <= c->dns_max_stale)
		return false;
	log_warn(log, "dns: Query results too stale, re-requesting");
	return true;
}

static struct list copy_list(const struct schema *s, struct list l, struct arena *a)
{
	char *to = l.n ? arena_zalloc(a, l.n * s->size) : list_empty;
	const char *from = l.items;
	for (uint32_t i = 0; to && i < l.n; i++) {
		const void *one = schema_copy(s, from + i * s->size, a);
		if (!one)
			return (struct list){0};
		memcpy(to + i * s->size, one, s->size);
	}
	return to ? (struct list){to, l.n} : (struct list){0};
}

void dns_remote_take(const struct dns_remote *r, struct dns_known *k, struct dns_fact *f)
{
	f->got = DNS_GOT;
	if (r->method == &method_catalog_node_services) {
		const struct indexed_node_services *reply = r->reply;
		if (reply->node_services && reply->node_services->node)
			f->node = schema_copy(&node_schema, reply->node_services->node, &k->mem);
		if (!f->node)
			f->got = DNS_GOT_ABSENT;
	} else if (r->method == &method_health_service_nodes) {
		const struct indexed_check_service_nodes *reply = r->reply;
		f->nodes = copy_list(&check_service_node_schema, reply->nodes, &k->mem);
	} else if (r->method == &method_query_execute) {
		const struct query_execute_reply *reply = r->reply;
		f->nodes = copy_list(&check_service_node_schema, reply->nodes, &k->mem);
		f->datacenter = arena_copy(&k->mem, reply->datacenter);
		f->service = arena_copy(&k->mem, reply->service);
		f->ttl = arena_copy(&k->mem, reply->dns.ttl);
	} else {
		const struct indexed_nodes *reply = r->reply;
		f->nodes = copy_list(&node_schema, reply->nodes, &k->mem);
	}
}

void dns_remote_failed(struct dns_known *k, struct dns_fact *f, enum err e, struct slice why)
{
	f->got = e == ERR_ABSENT ? DNS_GOT_ABSENT : DNS_GOT_FAILED;
	f->why = arena_copy(&k->mem, why);
}
