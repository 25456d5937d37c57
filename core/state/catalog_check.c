#include "core/state/catalog_write.h"

#include "core/base/slice.h"
#include "core/state/key.h"
#include "core/state/put.h"
#include "core/state/session.h"
#include "core/state/table_index.h"

static struct slice check_key(struct state *s, const struct health_check *c)
{
	return key_make(&s->scratch, "l0l", c->node, c->check_id);
}

/* The keys of a check's secondary rows; p == NULL where it has none. */
struct check_links {
	struct slice status, service, node_service;
};

static struct check_links links_of(struct state *s, const struct health_check *c)
{
	struct arena *a = &s->scratch;
	struct check_links l = {0};
	if (!c)
		return l;
	l.status = key_make(a, "x0l0l", c->status, c->node, c->check_id);
	if (c->service_name.n)
		l.service = key_make(a, "l0l0l", c->service_name, c->node, c->check_id);
	l.node_service = key_make(a, "l0l0l", c->node, c->service_id, c->check_id);
	return l;
}

static void relink(struct state *s, struct check_links was, struct check_links now, struct slice key)
{
	put_relink(s, TREE_CHECKS_STATUS, was.status, now.status, key);
	put_relink(s, TREE_CHECKS_SERVICE, was.service, now.service, key);
	put_relink(s, TREE_CHECKS_NODE_SERVICE, was.node_service, now.node_service, key);
}

static const struct health_check *catalog_find_check(struct state *s, struct slice node, struct slice check_id)
{
	struct health_check c = {.node = node, .check_id = check_id};
	const struct item *it = db_get(db_working(s->db), TREE_CHECKS, check_key(s, &c));
	return it ? item_payload(it) : NULL;
}

/* A check of the node itself counts for every service there. */
static void raise_services_of_node(struct state *s, struct slice node)
{
	struct cursor c;
	cursor_prefix(&c, db_working(s->db), TREE_SERVICES, key_make(&s->scratch, "l0", node));
	for (const struct item *it; (it = cursor_next(&c));)
		service_index_set(s, ((const struct service_node *)item_payload(it))->service_name);
}

/* Copies what the service says of itself into its check and raises the service's index. */
static enum err join_service(struct state *s, struct health_check *c, struct fail *f)
{
	const struct service_node *sn = catalog_find_service(s, c->node, c->service_id);
	if (!sn)
		return fail_set(f, ERR_FAILED, "Missing service registration");
	c->service_name = sn->service_name;
	c->service_tags = sn->service_tags;
	service_index_set(s, sn->service_name);
	return OK;
}

enum err catalog_put_check(struct state *s, struct health_check *c, struct fail *f)
{
	if (!c->status.n)
		c->status = S("critical");
	if (!catalog_find_node(s, c->node))
		return fail_set(f, ERR_FAILED, "Missing node registration");
	if (!c->service_id.n)
		raise_services_of_node(s, c->node);
	else if (join_service(s, c, f))
		return f->code;
	if (slice_is(c->status, "critical") && session_check_gone(s, c->node, c->check_id, f))
		return f->code;
	if (!c->check_id.n)
		return fail_set(f, ERR_FAILED, "failed inserting check: object missing primary index");

	const struct health_check *now = catalog_find_check(s, c->node, c->check_id);
	c->create_index = now ? now->create_index : s->index;
	c->modify_index = s->index;
	struct slice key = check_key(s, c);
	relink(s, links_of(s, now), links_of(s, c), key);
	put_model(s, TREE_CHECKS, key, &health_check_schema, c);
	table_index_set(s, S("checks"));
	return OK;
}

enum err catalog_remove_check(struct state *s, struct slice node, struct slice check_id, struct fail *f)
{
	const struct health_check *c = catalog_find_check(s, node, check_id);
	if (!c)
		return OK;
	if (c->service_id.n) { /* unlike a check's change, the end of a node's check leaves its services' indexes alone
		                */
		const struct service_node *sn = catalog_find_service(s, node, c->service_id);
		if (!sn)
			return fail_set(f, ERR_FAILED, "Missing service registration");
		service_index_set(s, sn->service_name);
	}
	struct slice key = check_key(s, c);
	relink(s, links_of(s, c), (struct check_links){0}, key);
	db_remove(s->db, TREE_CHECKS, key);
	table_index_set(s, S("checks"));
	return session_check_gone(s, node, check_id, f);
}
