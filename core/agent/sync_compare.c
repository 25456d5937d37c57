/* The comparison: what the catalog has of us against what is true here. */
#include "core/agent/sync.h"

#include "core/base/slice.h"

static bool same_map(struct list a, struct list b)
{
	const struct pair *x = a.items, *y = b.items;
	if (a.n != b.n)
		return false;
	for (uint32_t i = 0; i < a.n; i++)
		if (!slice_eq(x[i].key, y[i].key) || !slice_eq(x[i].val, y[i].val))
			return false;
	return true;
}

static bool same_node(const struct agent_config *c, const struct node *n)
{
	struct arena a = {0};
	bool same = n && slice_eq(n->id, c->node_id) && same_map(n->tagged_addresses, c->tagged_addresses) &&
	            same_map(n->meta, local_metadata(c, &a));
	arena_free(&a);
	return same;
}

/* NodeService.IsSame: everything but the indexes. */
static bool same_service(const struct node_service *a, const struct node_service *b)
{
	struct node_service x = *a, y = *b;
	x.create_index = y.create_index = x.modify_index = y.modify_index = 0;
	return schema_equal(&node_service_schema, &x, &y, false);
}

/* HealthCheck.IsSame: neither the indexes nor the definition; and not the output while it is deferred. */
static bool same_check(const struct health_check *a, const struct health_check *b, bool deferred)
{
	struct health_check x = *a, y = *b;
	x.create_index = y.create_index = x.modify_index = y.modify_index = 0;
	x.definition = y.definition = (struct health_check_definition){0};
	if (deferred)
		x.output = y.output = S_NONE;
	return schema_equal(&health_check_schema, &x, &y, false);
}

/* ---- what is there ---- */

static void compare_service(struct local *l, const struct node_service *remote)
{
	struct local_entry *e = local_entry_of_service(l, remote->id);
	if (!e) {
		if (!slice_is(remote->id, "consul") && (e = local_service_stranger(l, remote->id)))
			local_service_out(l, e);
		return;
	}
	e->seen = l->compares;
	if (e->deleted)
		return;
	const struct local_service *own = local_service_get(db_working(l->db), remote->id);
	if (own->service.enable_tag_override && local_service_tags(l, remote->id, remote->tags))
		own = local_service_get(db_working(l->db), remote->id);
	if (!same_service(&own->service, remote))
		local_service_out(l, e);
	else if (!e->queued)
		e->in_sync = true;
}

static void compare_check(struct local *l, const struct health_check *remote)
{
	struct local_entry *e = local_entry_of_check(l, remote->check_id);
	if (!e) {
		if (slice_is(remote->check_id, "serfHealth"))
			log_debug(l->log,
			        "agent: Skipping remote check \"serfHealth\" since it is managed automatically");
		else if ((e = local_check_stranger(l, remote->check_id)))
			local_check_out(l, e);
		return;
	}
	e->seen = l->compares;
	if (e->deleted)
		return;
	const struct local_check *own = local_check_get(db_working(l->db), remote->check_id);
	if (!same_check(&own->check, remote, l->config->check_update_interval > 0 && e->defer.place))
		local_check_out(l, e);
	else if (!e->queued)
		e->in_sync = true;
}

/* ---- what is missing there ---- */

static void mark_missing(struct local *l)
{
	struct local_entry *e;
	for (size_t at = 0; (e = map_next(&l->services, &at));)
		if (!e->deleted && e->seen != l->compares)
			local_service_out(l, e);
	for (size_t at = 0; (e = map_next(&l->checks, &at));)
		if (!e->deleted && e->seen != l->compares)
			local_check_out(l, e);
}

void sync_compare(struct local *l, const struct sync_remote *remote)
{
	const struct node_service *services = remote->services.items;
	const struct health_check *checks = remote->checks.items;
	if (!same_node(l->config, remote->node))
		l->node_in_sync = false;
	l->compares++;
	for (uint32_t i = 0; i < remote->services.n; i++)
		compare_service(l, &services[i]);
	for (uint32_t i = 0; i < remote->checks.n; i++)
		compare_check(l, &checks[i]);
	mark_missing(l);
}
