#include "core/state/catalog_write.h"

#include "core/base/slice.h"
#include "core/base/text.h"
#include "core/state/catalog.h"

/* Does the request say anything about the node that its row does not? nil and an empty map are different here. */
static bool changes_node(const struct register_request *req, const struct node *now)
{
	if (!now)
		return true;
	if (req->skip_node_update)
		return false;
	struct node as_asked = {.id = req->id,
	        .name = req->node,
	        .address = req->address,
	        .datacenter = req->datacenter,
	        .tagged_addresses = req->tagged_addresses,
	        .meta = req->node_meta,
	        .create_index = now->create_index,
	        .modify_index = now->modify_index};
	return !schema_equal(&node_schema, &as_asked, now, true);
}

static enum err register_node(struct state *s, const struct register_request *req, struct fail *f)
{
	if (!changes_node(req, catalog_find_node(s, req->node)))
		return OK;
	struct node n = {.id = req->id,
	        .name = req->node,
	        .address = req->address,
	        .datacenter = req->datacenter,
	        .tagged_addresses = req->tagged_addresses,
	        .meta = req->node_meta};
	if (catalog_put_node(s, &n, f))
		return fail_wrap(f, "failed inserting node");
	return OK;
}

static bool same_service(const struct service_node *stored, const struct node_service *asked)
{
	struct node_service now, want = *asked;
	if (!stored)
		return false;
	catalog_to_node_service(stored, &now);
	want.create_index = now.create_index;
	want.modify_index = now.modify_index;
	return schema_equal(&node_service_schema, &now, &want, true);
}

static enum err register_service(struct state *s, const struct register_request *req, struct fail *f)
{
	if (!req->service || same_service(catalog_find_service(s, req->node, req->service->id), req->service))
		return OK;
	if (catalog_put_service(s, req->node, req->service, f))
		return fail_wrap(f, "failed inserting service");
	return OK;
}

static enum err register_check(
        struct state *s, const struct register_request *req, struct health_check *c, struct fail *f)
{
	if (!slice_eq(c->node, req->node)) {
		char check[FAIL_TEXT_MAX], node[FAIL_TEXT_MAX];
		return fail_set(f, ERR_FAILED, "check node %s does not match node %s",
		        quote_cstr(c->node, check, sizeof check), quote_cstr(req->node, node, sizeof node));
	}
	if (catalog_put_check(s, c, f))
		return fail_wrap(f, "failed inserting check");
	return OK;
}

enum err catalog_register(struct state *s, struct register_request *req, struct fail *f)
{
	enum err err = register_node(s, req, f);
	err = err ? err : register_service(s, req, f);
	if (!err && req->check)
		err = register_check(s, req, req->check, f);
	struct health_check *c = req->checks.items;
	for (uint32_t i = 0; i < req->checks.n && !err; i++)
		err = register_check(s, req, &c[i], f);
	return err;
}

enum err catalog_deregister(struct state *s, const struct deregister_request *req, struct fail *f)
{
	if (req->service_id.n)
		return catalog_remove_service(s, req->node, req->service_id, f);
	if (req->check_id.n)
		return catalog_remove_check(s, req->node, req->check_id, f);
	return catalog_remove_node(s, req->node, f);
}
