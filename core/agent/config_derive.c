/* Fields that are more than a copy of what was said: lists of filters, ciphers, what depends on the mode, the tempo.
 * Consul 1.0.8: agent/config/builder.go (Build). */
#include "core/agent/config_building.h"
#include "core/agent/config_merge.h"
#include "core/base/slice.h"

static struct slice lower(struct arena *a, struct slice s)
{
	struct slice copy = arena_copy(a, s);
	char *p = arena_alloc(a, s.n + 1);
	for (size_t i = 0; p && i < copy.n; i++)
		p[i] = (char)(copy.p[i] >= 'A' && copy.p[i] <= 'Z' ? copy.p[i] + 32 : copy.p[i]);
	return p ? slice_at(p, s.n) : S_NONE;
}

static void service_ttls(struct config_building *b)
{
	const struct config_slot *slot = config_said(b, "dns_config.service_ttl");
	const struct pair *pairs = slot->l.items;
	struct config_ttl *ttls = ARENA_ARRAY(b->arena, struct config_ttl, slot->l.n);
	if (!slot->set || !ttls)
		return;
	for (uint32_t i = 0; i < slot->l.n; i++) {
		struct slice name =
		        arena_str(b->arena, "dns_config.service_ttl[%.*s]", PS(config_quoted(pairs[i].key, b->arena)));
		ttls[i] = (struct config_ttl){pairs[i].key, config_duration(b, name, pairs[i].val)};
	}
	b->config->dns_service_ttl = (struct list){ttls, slot->l.n};
}

static void metric_filters(struct config_building *b)
{
	struct config_texts allowed = {0}, blocked = {0};
	const struct config_slot *slot = config_said(b, "telemetry.prefix_filter");
	const struct slice *rules = slot->l.items;
	for (uint32_t i = 0; slot->set && i < slot->l.n; i++) {
		if (!rules[i].n)
			config_texts_add(&b->warnings, b->arena, "Cannot have empty filter rule in prefix_filter");
		else if (rules[i].p[0] == '+')
			config_texts_add(&allowed, b->arena, "%.*s", PS(slice_from(rules[i], 1)));
		else if (rules[i].p[0] == '-')
			config_texts_add(&blocked, b->arena, "%.*s", PS(slice_from(rules[i], 1)));
		else
			config_texts_add(&b->warnings, b->arena, "Filter rule must begin with either '+' or '-': %.*s",
			        PS(config_quoted(rules[i], b->arena)));
	}
	const struct config_slot *old_names = config_said(b, "telemetry.enable_deprecated_names");
	config_texts_add(old_names->set && old_names->b ? &allowed : &blocked, b->arena, "consul.consul");
	b->config->telemetry_allowed = config_texts_list(&allowed);
	b->config->telemetry_blocked = config_texts_list(&blocked);
}

static const struct {
	const char *name;
	uint16_t id;
} ciphers[] = {
        {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", 0xcca8},
        {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", 0xcca9},
        {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f},
        {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b},
        {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030},
        {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xc02c},
        {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", 0xc027},
        {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 0xc013},
        {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", 0xc023},
        {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 0xc009},
        {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", 0xc014},
        {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", 0xc00a},
        {"TLS_RSA_WITH_AES_128_GCM_SHA256", 0x009c},
        {"TLS_RSA_WITH_AES_256_GCM_SHA384", 0x009d},
        {"TLS_RSA_WITH_AES_128_CBC_SHA256", 0x003c},
        {"TLS_RSA_WITH_AES_128_CBC_SHA", 0x002f},
        {"TLS_RSA_WITH_AES_256_CBC_SHA", 0x0035},
        {"TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", 0xc012},
        {"TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0x000a},
        {"TLS_RSA_WITH_RC4_128_SHA", 0x0005},
        {"TLS_ECDHE_RSA_WITH_RC4_128_SHA", 0xc011},
        {"TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", 0xc007},
};

static int64_t cipher_id(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
		if (slice_is(name, ciphers[i].name))
			return ciphers[i].id;
	return -1;
}

static void cipher_suites(struct config_building *b)
{
	struct slice rest = slice_trim(config_said_text(b, "tls_cipher_suites"));
	int64_t *ids = ARENA_ARRAY(b->arena, int64_t, rest.n / 2 + 1);
	uint32_t n = 0;
	bool more = rest.n > 0 && ids;
	while (more) {
		more = slice_find(rest, ',') >= 0; /* an empty name behind the last comma is one, too */
		struct slice name = slice_next(&rest, ',');
		int64_t id = cipher_id(name);
		if (id < 0) {
			config_texts_add(&b->errors, b->arena,
			        "tls_cipher_suites: invalid tls cipher suites: unsupported cipher %.*s",
			        PS(config_quoted(name, b->arena)));
			break;
		}
		ids[n++] = id;
	}
	b->config->tls_cipher_suites = (struct list){ids, n};
}

/* -1 not said, else the value. */
static int said_bool(const struct config_building *b, const char *key)
{
	const struct config_slot *slot = config_said(b, key);
	return slot->set ? slot->b : -1;
}

static bool or_else(int said, bool otherwise)
{
	return said < 0 ? otherwise : said;
}

static void defaults_by_mode(struct config_building *b)
{
	struct agent_config *c = b->config;
	c->leave_on_terminate = or_else(said_bool(b, "leave_on_terminate"), !c->server_mode);
	c->skip_leave_on_interrupt = or_else(said_bool(b, "skip_leave_on_interrupt"), c->server_mode);
	c->enable_local_script_checks = or_else(said_bool(b, "enable_local_script_checks"), c->enable_script_checks);
	if (c->bootstrap_expect == 1) {
		c->bootstrap = true;
		c->bootstrap_expect = 0;
		config_texts_add(
		        &b->warnings, b->arena, "BootstrapExpect is set to 1; this is the same as Bootstrap mode.");
	}
	if (c->acl_replication_token.n)
		c->enable_acl_replication = true;
}

enum { RAFT_MULTIPLIER_MAX = 10 };

static bool tempo(struct config_building *b)
{
	struct agent_config *c = b->config;
	if (c->raft_multiplier < 1 || c->raft_multiplier > RAFT_MULTIPLIER_MAX) {
		b->fatal = arena_str(b->arena, "performance.raft_multiplier cannot be %lld. Must be between 1 and %d",
		        (long long)c->raft_multiplier, RAFT_MULTIPLIER_MAX);
		return false;
	}
	c->raft_election_timeout *= c->raft_multiplier;
	c->raft_heartbeat_timeout *= c->raft_multiplier;
	c->raft_leader_lease_timeout *= c->raft_multiplier;
	return true;
}

static void names(struct config_building *b)
{
	struct agent_config *c = b->config;
	c->datacenter = lower(b->arena, c->datacenter);
	c->acl_datacenter = lower(b->arena, c->acl_datacenter);
	c->node_name = slice_trim(c->node_name.n ? c->node_name : b->facts->hostname);
	c->version = b->facts->version;
	c->version_prerelease = b->facts->version_prerelease;
	c->revision = b->facts->revision;
	struct pair own[] = {{S("lan"), c->advertise_addr}, {S("wan"), c->advertise_addr_wan}};
	c->tagged_addresses = config_merge_pairs(c->tagged_addresses, (struct list){own, ARRAY_LEN(own)}, b->arena);
}

/* Only their names: config_check refuses any. */
static bool segments(struct config_building *b)
{
	const struct config_slot *slot = config_said(b, "segments");
	struct config_texts all = {0};
	for (size_t i = 0; slot->set && i < slot->tables.count; i++) {
		struct config_slot *one = slot->tables.items + i * config_segment_keys.n;
		struct slice name = config_slot_of(&config_segment_keys, one, "name")->s;
		if (config_slot_of(&config_segment_keys, one, "port")->i <= 0) {
			b->fatal = arena_str(
			        b->arena, "Port for segment %.*s cannot be <= 0", PS(config_quoted(name, b->arena)));
			return false;
		}
		config_texts_add(&all, b->arena, "%.*s", PS(name));
	}
	b->config->segments = config_texts_list(&all);
	return true;
}

bool config_fill(struct config_building *b, bool dev)
{
	b->config->dev_mode = dev;
	service_ttls(b);
	config_definitions(b);
	if (!config_addresses(b) || !segments(b))
		return false;
	metric_filters(b);
	config_fields(b, &config_keys, b->slots, b->config, S_NONE);
	if (!tempo(b))
		return false;
	cipher_suites(b);
	defaults_by_mode(b);
	names(b);
	return true;
}
