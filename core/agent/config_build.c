#include "core/agent/config_build.h"

#include "core/agent/config_building.h"
#include "core/agent/config_decode.h"
#include "core/agent/config_default.h"
#include "core/agent/config_merge.h"
#include "core/agent/config_old.h"
#include "core/agent/config_shape.h"
#include "core/base/hcl_read.h"
#include "core/base/json.h"
#include "core/base/slice.h"

struct builder {
	struct config_building b;
	const struct config_input *in;
};

static bool fatal(struct builder *x, struct slice text)
{
	x->b.fatal = text.n ? text : S("out of memory");
	return false;
}

/* ---- one source ---- */

/* Why a value that is no object can't be a configuration, in the words of encoding/json. */
static const char *json_word(const struct value *v)
{
	switch (v->type) {
	case V_LIST: return "array";
	case V_STRING: return "string";
	case V_NUMBER: return "number";
	default: return "bool";
	}
}

static enum err source_parse(struct arena *a, struct slice data, bool hcl, struct value *out, struct fail *f)
{
	struct value raw;
	enum err e = hcl ? hcl_read(data, a, &raw, f) : json_read(data, a, &raw, f);
	if (e)
		return e;
	if (raw.type != V_OBJECT && raw.type != V_NULL)
		return fail_set(f, ERR_INVALID,
		        "json: cannot unmarshal %s into Go value of type map[string]interface {}", json_word(&raw));
	return config_shape(&raw, a, out, f);
}

/* Lays a parsed value over the slots so far. False: x->b.fatal. */
static bool source_apply(struct builder *x, struct slice name, const struct value *v, bool hcl)
{
	struct config_decode d = {.arena = x->b.arena, .hcl = hcl};
	struct config_slot *slots = ARENA_ARRAY(x->b.arena, struct config_slot, config_keys.n);
	if (!slots)
		return fatal(x, S_NONE);
	config_decode(&d, &config_keys, v, slots);
	struct slice text = S_NONE;
	if (d.errors.n) {
		config_texts_sort(&d.errors);
		text = config_texts_print(&d.errors, x->b.arena, "error(s) decoding:");
	} else if (d.unknown.n) {
		for (size_t i = 0; i < d.unknown.n; i++)
			d.unknown.items[i] = arena_str(x->b.arena, "invalid config key %.*s", PS(d.unknown.items[i]));
		text = config_texts_print(&d.unknown, x->b.arena, "error(s) occurred:");
	}
	if (text.n)
		return fatal(x, arena_str(x->b.arena, "Error parsing %.*s: %.*s", PS(name), PS(text)));
	config_old_keys(slots, name, x->b.arena, &x->b.notes);
	config_merge(x->b.slots, slots, x->b.arena);
	return true;
}

static bool source_read(struct builder *x, struct slice name, struct slice data, bool hcl)
{
	struct fail f = {0};
	struct value v;
	if (!name.n || !data.n)
		return true;
	if (source_parse(x->b.arena, data, hcl, &v, &f))
		return fatal(x, arena_str(x->b.arena, "Error parsing %.*s: %s", PS(name), f.text));
	return source_apply(x, name, &v, hcl);
}

/* ---- all of them, in their order ---- */

static bool files_read(struct builder *x)
{
	struct slice format = x->in->format;
	for (size_t i = 0; i < x->in->file_count; i++) {
		const struct config_source *file = &x->in->files[i];
		bool hcl = slice_is(format, "hcl") || (!format.n && slice_ends(file->name, S(".hcl")));
		if (!format.n && !hcl && !slice_ends(file->name, S(".json")))
			continue; /* what is no configuration may lie beside it */
		if (!source_read(x, file->name, file->data, hcl))
			return false;
	}
	return true;
}

/* Flags overrule files, but their lists come first: so they are laid down in two parts. */
static bool flags_decode(struct builder *x, struct config_slot *lists, struct config_slot *values)
{
	struct config_decode d = {.arena = x->b.arena};
	if (!x->in->flags)
		return true;
	config_decode(&d, &config_keys, x->in->flags, values);
	if (d.errors.n)
		return fatal(x, d.errors.items[0]);
	config_old_keys(values, S("flags"), x->b.arena, &x->b.notes);
	for (size_t i = 0; i < config_keys.n; i++) {
		if (config_keys.rows[i].type != CT_STRS)
			continue;
		lists[i] = values[i];
		values[i].set = false;
	}
	return true;
}

static bool fragments_read(struct builder *x)
{
	for (size_t i = 0; i < x->in->hcl_count; i++)
		if (!source_read(x, arena_str(x->b.arena, "flags-%zu.hcl", i), x->in->hcl[i], true))
			return false;
	return true;
}

static bool sources_merge(struct builder *x)
{
	struct arena *a = x->b.arena;
	struct config_slot *lists = ARENA_ARRAY(a, struct config_slot, config_keys.n);
	struct config_slot *values = ARENA_ARRAY(a, struct config_slot, config_keys.n);
	if (!lists || !values)
		return fatal(x, S_NONE);
	config_default_head(x->b.slots, x->in->dev);
	if (!flags_decode(x, lists, values))
		return false;
	config_merge(x->b.slots, lists, a);
	if (!files_read(x))
		return false;
	config_merge(x->b.slots, values, a);
	if (!fragments_read(x))
		return false;
	config_default_tail(x->b.slots, x->in->dev);
	return true;
}

/* ---- from slots to fields that are more than a copy ---- */

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
		struct slice name = arena_str(b->arena, "dns_config.service_ttl[\"%.*s\"]", PS(pairs[i].key));
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
			config_texts_add(&b->warnings, b->arena,
			        "Filter rule must begin with either '+' or '-': \"%.*s\"", PS(rules[i]));
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
			        "tls_cipher_suites: invalid tls cipher suites: unsupported cipher \"%.*s\"", PS(name));
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
			b->fatal = arena_str(b->arena, "Port for segment \"%.*s\" cannot be <= 0", PS(name));
			return false;
		}
		config_texts_add(&all, b->arena, "%.*s", PS(name));
	}
	b->config->segments = config_texts_list(&all);
	return true;
}

static bool config_fill(struct config_building *b, bool dev)
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

enum err config_build(
        const struct config_input *in, struct arena *a, struct agent_config **out, struct config_report *report)
{
	struct builder x = {.b = {.arena = a, .facts = in->facts}, .in = in};
	x.b.config = ARENA_NEW(a, struct agent_config);
	x.b.slots = ARENA_ARRAY(a, struct config_slot, config_keys.n);
	*report = (struct config_report){0};
	bool ok = x.b.config && x.b.slots;
	if (!ok)
		fatal(&x, S_NONE);
	else if (in->format.n && !slice_is(in->format, "json") && !slice_is(in->format, "hcl"))
		ok = fatal(&x, S("config: -config-format must be either 'hcl' or 'json'"));
	ok = ok && sources_merge(&x) && config_fill(&x.b, in->dev);
	if (ok && a->failed)
		ok = fatal(&x, S_NONE);
	report->warnings = config_texts_list(&x.b.warnings);
	report->notes = config_texts_list(&x.b.notes);
	report->error = x.b.fatal;
	if (x.b.errors.n)
		report->deferred = config_texts_print(&x.b.errors, a, "error(s) occurred:");
	*out = ok ? x.b.config : NULL;
	return ok ? OK : ERR_INVALID;
}
