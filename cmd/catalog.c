/* consul catalog: datacenters, nodes, services */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/client.h"
#include "cmd/columns.h"
#include "cmd/command.h"
#include "cmd/say.h"
#include "core/base/slice.h"

const struct command_page page_catalog = {
        .text = "Usage: consul catalog <subcommand> [options] [args]\n\n"
                "  Looks into the catalog of the cluster.\n\n"
                "  All datacenters:\n\n"
                "      $ consul catalog datacenters\n\n"
                "  All nodes:\n\n"
                "      $ consul catalog nodes\n\n"
                "  All services:\n\n"
                "      $ consul catalog services",
};

/* ---- datacenters ---- */

const struct command_page page_catalog_datacenters = {
        .text = "Usage: consul catalog datacenters [options]\n\n"
                "  Lists the datacenters that are known, the nearest first.",
        .asks = ASKS_SERVERS,
};

static int datacenters_list(struct client *c)
{
	struct fail f;
	struct value list = {0};
	struct client_request r = client_request(c, "GET", "/v1/catalog/datacenters");
	if (client_ask_json(c, &r, &list, NULL, &f) != OK)
		complain("Error listing datacenters: %s", f.text); /* and yet it is a success, as in the reference */
	for (uint32_t i = 0; list.type == V_LIST && i < list.n; i++)
		say_bytes(list.items[i].text);
	return DONE;
}

int cmd_catalog_datacenters(struct words words)
{
	return words.n ? too_many(0, words.n) : command_ask(datacenters_list);
}

/* ---- nodes ---- */

static bool detailed;
static const char *near = "", *service = "";
static struct flag_list node_meta;

static const struct flag node_flags[] = {
        {"detailed", FLAG_BOOL, &detailed, "Shows whole identifiers, all addresses and the metadata."},
        {"near", FLAG_STRING, &near,
                "Sorts by the estimated round trip time from this node, the nearest first. \"_agent\" is the node of "
                "the agent "
                "asked."},
        {"node-meta", FLAG_PAIRS, &node_meta,
                "Shows only nodes that have these `key=value` pairs. May be given often."},
        {"service", FLAG_STRING, &service, "Shows only nodes that have the service with this `id or name`."},
        {NULL},
};

const struct command_page page_catalog_nodes = {
        .text = "Usage: consul catalog nodes [options]\n\n"
                "  Lists the nodes of a datacenter, by default that of the agent.\n\n"
                "      $ consul catalog nodes -detailed\n"
                "      $ consul catalog nodes -service=web -near=_agent\n"
                "      $ consul catalog nodes -node-meta=\"foo=bar\"",
        .flags = node_flags,
        .asks = ASKS_SERVERS,
};

/* Of several pairs with one key the last counts. */
static void meta_params(struct client *c, struct client_request *r)
{
	for (size_t i = 0; i < node_meta.n; i++) {
		const char *pair = node_meta.items[i], *equals = strchr(pair, '=');
		size_t key = (size_t)(equals - pair) + 1;
		bool again = false;
		for (size_t j = i + 1; j < node_meta.n; j++)
			again |= !strncmp(node_meta.items[j], pair, key);
		if (!again && r->param_count < CLIENT_PARAMS_MAX)
			request_param_add(
			        r, "node-meta", arena_str(client_arena(c), "%.*s:%s", (int)key - 1, pair, equals + 1));
	}
}

static int entry_cmp(const void *a, const void *b)
{
	return slice_cmp(((const struct value_entry *)a)->key, ((const struct value_entry *)b)->key);
}

/* An object of texts as "key=value, key=value", by key. */
static void pairs_put(struct buf *b, const struct value *v)
{
	if (!v || v->type != V_OBJECT || !v->n)
		return;
	qsort(v->entries, v->n, sizeof(*v->entries), entry_cmp);
	for (uint32_t i = 0; i < v->n; i++)
		buf_fmt(b, "%s%.*s=%.*s", i ? ", " : "", PS(v->entries[i].key), PS(v->entries[i].val.text));
}

static void node_put(struct buf *b, const struct value *node)
{
	struct slice id = value_text(node, "ID");
	ptrdiff_t dash = detailed ? -1 : slice_find(id, '-');
	if (dash > 0)
		id = slice_cut(id, 0, (size_t)dash);
	buf_fmt(b, "%.*s|%.*s|%.*s|%.*s", PS(value_text(node, "Node")), PS(id), PS(value_text(node, "Address")),
	        PS(value_text(node, "Datacenter")));
	if (detailed) {
		buf_char(b, '|');
		pairs_put(b, value_get_fold(node, S("TaggedAddresses")));
		buf_char(b, '|');
		pairs_put(b, value_get_fold(node, *service ? S("NodeMeta") : S("Meta")));
	}
	buf_char(b, '\n');
}

static void nodes_show(const struct value *nodes)
{
	struct buf rows = {0}, table = {0};
	buf_cstr(&rows, detailed ? "Node|ID|Address|DC|TaggedAddresses|Meta\n" : "Node|ID|Address|DC\n");
	for (uint32_t i = 0; i < nodes->n; i++)
		node_put(&rows, &nodes->items[i]);
	columns_format(buf_view(&rows), &table);
	say_bytes(buf_view(&table));
	buf_free(&rows);
	buf_free(&table);
}

static int nodes_list(struct client *c)
{
	struct fail f;
	struct value nodes;
	struct client_request r = *service ? client_request(c, "GET", "/v1/catalog/service/%s", service)
	                                   : client_request(c, "GET", "/v1/catalog/nodes");
	if (*near)
		request_param(&r, "near", slice_of(near));
	meta_params(c, &r);
	if (client_ask_json(c, &r, &nodes, NULL, &f) != OK) {
		complain("Error listing nodes%s: %s", *service ? " for service" : "", f.text);
		return FAILED;
	}
	if (nodes.type != V_LIST || !nodes.n)
		complain("No nodes match the given query - try expanding your search.");
	else
		nodes_show(&nodes);
	return DONE;
}

int cmd_catalog_nodes(struct words words)
{
	if (words.n)
		return too_many(0, words.n);
	return command_ask(nodes_list);
}

/* ---- services ---- */

static const char *node = "";
static bool tags;

static const struct flag service_flags[] = {
        {"node", FLAG_STRING, &node, "Shows only services of the node with this `id or name`."},
        {"node-meta", FLAG_PAIRS, &node_meta,
                "Shows only services on nodes that have these `key=value` pairs. May be given often."},
        {"tags", FLAG_BOOL, &tags, "Shows the tags of each service beside it."},
        {NULL},
};

const struct command_page page_catalog_services = {
        .text = "Usage: consul catalog services [options]\n\n"
                "  Lists the services of a datacenter, by default that of the agent.\n\n"
                "      $ consul catalog services -tags\n"
                "      $ consul catalog services -node=web\n"
                "      $ consul catalog services -node-meta=\"foo=bar\"",
        .flags = service_flags,
        .asks = ASKS_SERVERS,
};

/* One service and one of its tags (S_NONE: it is just there). */
struct service_tag {
	struct slice service, tag;
};

static int service_tag_cmp(const void *a, const void *b)
{
	const struct service_tag *x = a, *y = b;
	int c = slice_cmp(x->service, y->service);
	return c ? c : !x->tag.p != !y->tag.p ? (x->tag.p ? 1 : -1) : slice_cmp(x->tag, y->tag);
}

static size_t tag_count(const struct value *v)
{
	return v && v->type == V_LIST ? v->n : 0;
}

static size_t tags_add(struct service_tag *all, size_t n, struct slice name, const struct value *list)
{
	all[n++] = (struct service_tag){name, S_NONE};
	for (size_t i = 0; i < tag_count(list); i++)
		all[n++] = (struct service_tag){name, list->items[i].text.p ? list->items[i].text : S("")};
	return n;
}

/* From the services of a node: id → {Service, Tags}. */
static const struct value *tags_of_entry(const struct value_entry *e, bool of_node)
{
	return of_node ? value_get_fold(&e->val, S("Tags")) : &e->val;
}

/* All services with all tags, sorted; several instances of one service on a node add theirs. */
static struct service_tag *services_sorted(const struct value *services, bool of_node, struct arena *a, size_t *n)
{
	size_t room = 0;
	*n = 0;
	for (uint32_t i = 0; services->type == V_OBJECT && i < services->n; i++)
		room += 1 + tag_count(tags_of_entry(&services->entries[i], of_node));
	struct service_tag *all = ARENA_ARRAY(a, struct service_tag, room);
	for (uint32_t i = 0; all && services->type == V_OBJECT && i < services->n; i++) {
		const struct value_entry *e = &services->entries[i];
		*n = tags_add(all, *n, of_node ? value_text(&e->val, "Service") : e->key, tags_of_entry(e, of_node));
	}
	if (*n)
		qsort(all, *n, sizeof(*all), service_tag_cmp);
	return all;
}

static void services_show(const struct service_tag *all, size_t n)
{
	struct buf lines = {0}, table = {0};
	for (size_t i = 0; i < n; i++) {
		bool begins = !i || !slice_eq(all[i].service, all[i - 1].service);
		if (begins)
			buf_fmt(&lines, "%s%.*s%s", i ? "\n" : "", PS(all[i].service), tags ? "\t" : "");
		if (tags && all[i].tag.p)
			buf_fmt(&lines, "%s%.*s", all[i - 1].tag.p ? "," : "", PS(all[i].tag));
	}
	if (tags) {
		buf_char(&lines, '\n');
		tabs_format(buf_view(&lines), &table);
		say_bytes(slice_trim(buf_view(&table)));
	} else {
		say_bytes(buf_view(&lines));
	}
	buf_free(&lines);
	buf_free(&table);
}

static int services_list(struct client *c)
{
	struct fail f;
	struct value answer;
	struct client_request r = *node ? client_request(c, "GET", "/v1/catalog/node/%s", node)
	                                : client_request(c, "GET", "/v1/catalog/services");
	meta_params(c, &r);
	if (client_ask_json(c, &r, &answer, NULL, &f) != OK) {
		complain("Error listing services%s: %s", *node ? " for node" : "", f.text);
		return FAILED;
	}
	static const struct value nothing;
	const struct value *services = *node ? value_get_fold(&answer, S("Services")) : &answer;
	size_t n;
	struct service_tag *all = services_sorted(services ? services : &nothing, *node, client_arena(c), &n);
	if (n)
		services_show(all, n);
	else
		complain("No services match the given query - try expanding your search.");
	return DONE;
}

int cmd_catalog_services(struct words words)
{
	if (words.n)
		return too_many(0, words.n);
	return command_ask(services_list);
}
