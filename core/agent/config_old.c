#include "core/agent/config_old.h"

#include "core/base/slice.h"

/* now == NULL: means nothing any more. now == old: still means what it did, in 0.7 and here. */
static const struct {
	const char *old, *now;
} moved[] = {
        {"advertise_addrs.rpc", "advertise_addrs.rpc"},
        {"advertise_addrs.serf_lan", "advertise_addrs.serf_lan"},
        {"advertise_addrs.serf_wan", "advertise_addrs.serf_wan"},
        {"atlas_acl_token", NULL},
        {"atlas_endpoint", NULL},
        {"atlas_infrastructure", NULL},
        {"atlas_join", NULL},
        {"atlas_token", NULL},
        {"dogstatsd_addr", "telemetry.dogstatsd_addr"},
        {"dogstatsd_tags", "telemetry.dogstatsd_tags"},
        {"http_api_response_headers", "http_config.response_headers"},
        {"recursor", "recursors"},
        {"retry_join_ec2", NULL},
        {"retry_join_gce", NULL},
        {"serf_lan_bind", "serf_lan"},
        {"serf_wan_bind", "serf_wan"},
        {"statsd_addr", "telemetry.statsd_address"},
        {"statsite_addr", "telemetry.statsite_address"},
        {"statsite_prefix", "telemetry.metrics_prefix"},
        {"telemetry.statsite_prefix", "telemetry.metrics_prefix"},
};

/* One text at the end of a list of texts. */
static void list_append(struct config_slot *to, struct slice text, struct arena *a)
{
	struct slice *items = ARENA_ARRAY(a, struct slice, to->l.n + 1);
	if (!items)
		return;
	if (to->l.n)
		memcpy(items, to->l.items, to->l.n * sizeof(*items));
	items[to->l.n] = text;
	to->l = (struct list){items, to->l.n + 1};
	to->set = true;
}

static void slot_move(struct config_slot *slots, const struct config_slot *from, const char *now, struct arena *a)
{
	struct config_slot *to = config_slot_of(&config_keys, slots, now);
	if (config_keys.rows[to - slots].type == CT_STRS && config_keys.rows[from - slots].type == CT_STR)
		list_append(to, from->s, a);
	else if (!to->set)
		*to = *from;
}

/* A service's single "tag". */
static void service_tag(struct config_slot *service, struct slice source, struct arena *a, struct config_texts *notes)
{
	const struct config_slot *tag = config_slot_of(&config_service_keys, service, "tag");
	struct config_slot *tags = config_slot_of(&config_service_keys, service, "tags");
	if (!tag->set)
		return;
	if (!tags->set)
		list_append(tags, tag->s, a);
	config_texts_add(notes, a, "%.*s: 'tag' of a service is a key of older releases: use 'tags'", PS(source));
}

void config_old_keys(struct config_slot *slots, struct slice source, struct arena *a, struct config_texts *notes)
{
	for (size_t i = 0; i < ARRAY_LEN(moved); i++) {
		const struct config_slot *from = config_slot_of(&config_keys, slots, moved[i].old);
		if (!from->set)
			continue;
		if (!moved[i].now) {
			config_texts_add(notes, a, "%.*s: '%s' is a key of older releases and means nothing any more",
			        PS(source), moved[i].old);
			continue;
		}
		config_texts_add(notes, a, "%.*s: '%s' is a key of older releases: use '%s'", PS(source), moved[i].old,
		        strncmp(moved[i].now, "advertise_addrs", 15) ? moved[i].now : "advertise_addr");
		if (strcmp(moved[i].old, moved[i].now) != 0)
			slot_move(slots, from, moved[i].now, a);
	}
	struct config_slot *one = config_slot_of(&config_keys, slots, "service");
	struct config_slot *many = config_slot_of(&config_keys, slots, "services");
	if (one->set)
		service_tag(one->table, source, a, notes);
	for (size_t i = 0; many->set && i < many->tables.count; i++)
		service_tag(many->tables.items + i * config_service_keys.n, source, a, notes);
}
