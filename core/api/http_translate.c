#include "core/api/http_translate.h"

#include "core/agent/config.h"
#include "core/base/slice.h"

static bool wanted(const struct http_call *hc, struct slice datacenter)
{
	const struct agent_config *c = hc->api->world->config;
	return c->translate_wan_addrs && !slice_eq(datacenter, c->datacenter);
}

static void translate(struct slice *address, struct list tagged)
{
	const struct pair *tags = tagged.items;
	for (uint32_t i = 0; i < tagged.n; i++)
		if (slice_is(tags[i].key, "wan") && tags[i].val.n)
			*address = tags[i].val;
}

void http_translate_node(const struct http_call *hc, struct slice datacenter, struct node *n)
{
	if (n && wanted(hc, datacenter))
		translate(&n->address, n->tagged_addresses);
}

void http_translate_nodes(const struct http_call *hc, struct slice datacenter, struct list nodes)
{
	struct node *items = nodes.items;
	for (uint32_t i = 0; wanted(hc, datacenter) && i < nodes.n; i++)
		translate(&items[i].address, items[i].tagged_addresses);
}

void http_translate_services(const struct http_call *hc, struct slice datacenter, struct list service_nodes)
{
	struct service_node *items = service_nodes.items;
	for (uint32_t i = 0; wanted(hc, datacenter) && i < service_nodes.n; i++)
		translate(&items[i].address, items[i].tagged_addresses);
}

void http_translate_checked(const struct http_call *hc, struct slice datacenter, struct list check_service_nodes)
{
	const struct check_service_node *items = check_service_nodes.items;
	for (uint32_t i = 0; wanted(hc, datacenter) && i < check_service_nodes.n; i++)
		http_translate_node(hc, datacenter, (struct node *)(uintptr_t)items[i].node);
}
