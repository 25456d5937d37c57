#include "core/state/catalog_write.h"

#include "core/base/slice.h"
#include "core/state/key.h"
#include "core/state/put.h"
#include "core/state/table_index.h"

enum { META_PAIRS_MAX = 64, META_KEY_MAX = 128, META_VALUE_MAX = 512 };

static struct slice service_key(struct state *s, struct slice node, struct slice id)
{
	return key_make(&s->scratch, "l0l", node, id);
}

static struct slice name_key(struct state *s, const struct service_node *sn)
{
	return sn->service_name.n ? key_make(&s->scratch, "l0l0l", sn->service_name, sn->node, sn->service_id) : S_NONE;
}

const struct service_node *catalog_find_service(struct state *s, struct slice node, struct slice service_id)
{
	const struct item *it = db_get(db_working(s->db), TREE_SERVICES, service_key(s, node, service_id));
	return it ? item_payload(it) : NULL;
}

static bool meta_key_letters(struct slice key)
{
	for (size_t i = 0; i < key.n; i++) {
		unsigned char c = (unsigned char)key.p[i], l = c | 32;
		if (!((l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return true;
}

/* Why a pair is refused; NULL: it is fine. */
static const char *meta_fault(const struct pair *p, bool reserved)
{
	if (!p->key.n)
		return "Key cannot be blank";
	if (!meta_key_letters(p->key))
		return "Key contains invalid characters";
	if (p->key.n > META_KEY_MAX)
		return "Key is too long (limit: 128 characters)";
	if (!reserved && slice_starts(p->key, S("consul-")))
		return "Key prefix 'consul-' is reserved for internal use";
	return p->val.n > META_VALUE_MAX ? "Value is too long (limit: 512 characters)" : NULL;
}

enum err catalog_check_meta(struct list meta, bool reserved, struct fail *f)
{
	if (meta.n > META_PAIRS_MAX)
		return fail_set(
		        f, ERR_FAILED, "Node metadata cannot contain more than %d key/value pairs", META_PAIRS_MAX);
	const struct pair *p = meta.items;
	for (uint32_t i = 0; i < meta.n; i++) {
		const char *fault = meta_fault(&p[i], reserved);
		if (fault)
			return fail_set(f, ERR_FAILED, "Couldn't load metadata pair ('%.*s', '%.*s'): %s", PS(p[i].key),
			        PS(p[i].val), fault);
	}
	return OK;
}

enum err catalog_put_service(struct state *s, struct slice node, const struct node_service *svc, struct fail *f)
{
	if (catalog_check_meta(svc->meta, false, f))
		return fail_wrap(f, "Invalid Service Meta for node %.*s and serviceID %.*s", PS(node), PS(svc->id));
	if (!catalog_find_node(s, node))
		return fail_set(f, ERR_FAILED, "Missing node registration");
	if (!svc->id.n)
		return fail_set(f, ERR_FAILED, "failed inserting service: object missing primary index");
	const struct service_node *now = catalog_find_service(s, node, svc->id);
	struct service_node sn = {.node = node,
	        .service_id = svc->id,
	        .service_name = svc->service,
	        .service_tags = svc->tags,
	        .service_address = svc->address,
	        .service_meta = svc->meta,
	        .service_port = svc->port,
	        .service_enable_tag_override = svc->enable_tag_override,
	        .create_index = now ? now->create_index : s->index,
	        .modify_index = s->index};
	struct slice key = service_key(s, node, svc->id);
	put_relink(s, TREE_SERVICES_NAME, now ? name_key(s, now) : S_NONE, name_key(s, &sn), key);
	put_model(s, TREE_SERVICES, key, &service_node_schema, &sn);
	table_index_set(s, S("services"));
	service_index_set(s, svc->service);
	return OK;
}

/* The service's own index: the command's while it has instances, none after the last. */
static void index_after_removal(struct state *s, struct slice service)
{
	struct cursor c;
	cursor_prefix(&c, db_working(s->db), TREE_SERVICES_NAME, key_make(&s->scratch, "l0", service));
	if (service.n && cursor_next(&c))
		service_index_set(s, service);
	else
		service_index_drop(s, service);
}

enum err catalog_remove_service(struct state *s, struct slice node, struct slice service_id, struct fail *f)
{
	const struct service_node *sn = catalog_find_service(s, node, service_id);
	if (!sn)
		return OK;
	struct slice name = arena_copy(&s->scratch, sn->service_name), link = name_key(s, sn);
	struct list checks = put_targets(s, TREE_CHECKS_NODE_SERVICE, key_make(&s->scratch, "l0l0", node, service_id));
	size_t node_part = key_make(&s->scratch, "l0", node).n;
	enum err err = OK;
	for (uint32_t i = 0; i < checks.n && !err; i++)
		err = catalog_remove_check(s, node, slice_from(((const struct slice *)checks.items)[i], node_part), f);
	if (err || s->no_memory)
		return err;
	if (link.p)
		db_remove(s->db, TREE_SERVICES_NAME, link);
	db_remove(s->db, TREE_SERVICES, service_key(s, node, service_id));
	table_index_set(s, S("checks"));
	table_index_set(s, S("services"));
	index_after_removal(s, name);
	return OK;
}
