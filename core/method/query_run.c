#include "core/method/query_run.h"

#include "core/agent/config.h"
#include "core/agent/datacenters.h"
#include "core/base/msgpack.h"
#include "core/base/slice.h"
#include "core/state/health.h"

/* ---- here ---- */

static bool healthy(const struct prepared_query *q, struct list checks)
{
	const struct health_check *check = checks.items;
	const struct slice *ignored = q->service.ignore_check_ids.items;
	for (uint32_t i = 0; i < checks.n; i++) {
		bool ignore = false;
		for (uint32_t k = 0; k < q->service.ignore_check_ids.n; k++)
			ignore |= slice_eq(ignored[k], check[i].check_id);
		bool fails = q->service.only_passing ? !slice_is(check[i].status, "passing")
		                                     : slice_is(check[i].status, "critical");
		if (fails && !ignore)
			return false;
	}
	return true;
}

/* All of those wanted, none of those with a "!". */
static bool tags_fit(struct list wanted, struct list tags)
{
	const struct slice *want = wanted.items;
	for (uint32_t i = 0; i < wanted.n; i++) {
		bool unwanted = slice_starts(want[i], S("!"));
		if (catalog_has_tag(tags, slice_from(want[i], unwanted)) == unwanted)
			return false;
	}
	return true;
}

static bool fits(const struct prepared_query *q, const struct check_service_node *csn)
{
	return healthy(q, csn->checks) && catalog_meta_matches(csn->node->meta, q->service.node_meta) &&
	       tags_fit(q->service.tags, csn->service->tags);
}

static void shuffle(struct call *c, struct list l)
{
	struct check_service_node *items = l.items;
	for (uint32_t i = l.n; i > 1; i--) {
		uint32_t k = (uint32_t)rand_below(c->rand, i);
		struct check_service_node t = items[i - 1];
		items[i - 1] = items[k];
		items[k] = t;
	}
}

void query_run(struct call *c, const struct prepared_query *q, struct query_execute_reply *reply)
{
	struct list all = {0};
	health_service_nodes(c->world->db, NULL, q->service.service, ANY_TAG, S_NONE, c->arena, &all);
	struct check_service_node *items = all.items;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < all.n; i++)
		if (fits(q, &items[i]))
			items[kept++] = items[i];
	all.n = kept;
	shuffle(c, all);
	reply->service = q->service.service;
	reply->nodes = all;
	reply->dns.ttl = q->dns.ttl;
	reply->datacenter = c->world->config->datacenter;
}

/* ---- elsewhere ---- */

static bool has(const struct slice *names, uint32_t n, struct slice name)
{
	for (uint32_t i = 0; i < n; i++)
		if (slice_eq(names[i], name))
			return true;
	return false;
}

/* The nearest ones, as many as the query wants, then those that it names, if there are such; a name that is given twice
 * counts twice. */
static struct list candidates(struct call *c, const struct prepared_query *q)
{
	const struct list *named = &q->service.failover.datacenters;
	const struct slice *names = named->items;
	struct list known = datacenters_near(c->world, c->arena);
	struct slice *to = ARENA_ARRAY(c->arena, struct slice, (size_t)known.n + named->n);
	uint32_t n = 0;
	if (!to)
		return (struct list){0};
	while (n < known.n && n < q->service.failover.nearest_n) {
		to[n] = ((struct slice *)known.items)[n];
		n++;
	}
	uint32_t nearest = n;
	for (uint32_t i = 0; i < named->n; i++) {
		if (!has(known.items, known.n, names[i]))
			log_debug(c->log, "consul.prepared_query: Skipping unknown datacenter '%.*s' in prepared query",
			        PS(names[i]));
		else if (!has(to, nearest, names[i]))
			to[n++] = names[i];
	}
	return (struct list){to, n};
}

static void failed(struct call *c, const struct prepared_query *q, struct slice dc, struct slice why)
{
	log_warn(c->log, "consul.prepared_query: Failed querying for service '%.*s' in datacenter '%.*s': %.*s",
	        PS(q->service.service), PS(dc), PS(why));
}

/* What the datacenter that was asked last has said. */
static void take_answer(
        struct call *c, const struct prepared_query *q, struct slice dc, struct query_execute_reply *reply)
{
	struct slice body;
	if (!call_take_answer(c, dc, &body)) {
		failed(c, q, dc, slice_of(c->fail.text));
		return;
	}
	struct mp_reader r = mp_read(body);
	struct query_execute_reply *far = ARENA_NEW(c->arena, struct query_execute_reply);
	if (far)
		schema_mp_read(&r, &query_execute_reply_schema, far, c->arena);
	if (!far || r.failed) {
		failed(c, q, dc, S("the reply can't be decoded"));
		return;
	}
	*reply = *far;
	c->again.failover_heard = c->again.failovers;
}

enum err query_failover(struct call *c, const struct prepared_query *q, struct query_execute_reply *reply)
{
	const struct query_execute_request *asked = c->request;
	struct list dcs = candidates(c, q);
	const struct slice *dc = dcs.items;
	struct query_remote_request far = {.head = asked->head, .query = *q, .limit = asked->limit};
	uint32_t *tried = &c->again.failovers;
	if (*tried > dcs.n) /* fewer are known than a moment ago */
		*tried = dcs.n;
	if (*tried && c->again.answer)
		take_answer(c, q, dc[*tried - 1], reply);
	while (!reply->nodes.n && *tried < dcs.n) {
		far.head.datacenter = dc[(*tried)++];
		if (call_ask_datacenter(c, far.head.datacenter, &method_query_execute_remote, &far))
			return OK;
		failed(c, q, far.head.datacenter, slice_of(c->fail.text));
	}
	if (!reply->nodes.n && c->again.failover_heard && c->again.failover_heard <= dcs.n)
		reply->datacenter = dc[c->again.failover_heard - 1];
	reply->failovers = *tried;
	return OK;
}
