#include "core/agent/config_check.h"

#include "core/agent/config_texts.h"
#include "core/base/enc.h"
#include "core/base/ip.h"
#include "core/base/slice.h"
#include "core/base/text.h"

/* Every rule looks at this and may leave the sentence that refuses the configuration. */
struct check {
	const struct agent_config *c;
	const struct config_disk *disk;
	struct arena *arena;
	struct config_report *report;
	struct config_texts warnings; /* begins with those of the report */
};

#define REFUSE(k, ...) ((k)->report->error = arena_str((k)->arena, __VA_ARGS__))

enum { QUOTED_MAX = 512 };

static bool is_any(struct slice ip)
{
	return slice_is(ip, "0.0.0.0") || slice_is(ip, "::") || slice_is(ip, "[::]");
}

static bool datacenter_ok(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return s.n > 0;
}

static void check_datacenter(struct check *k)
{
	char q[QUOTED_MAX];
	if (!k->c->datacenter.n)
		REFUSE(k, "datacenter cannot be empty");
	else if (!datacenter_ok(k->c->datacenter))
		REFUSE(k, "datacenter cannot be %s. Please use only [a-z0-9-_].",
		        quote_cstr(k->c->datacenter, q, sizeof(q)));
}

static void check_data_dir(struct check *k)
{
	char q[QUOTED_MAX];
	if (k->c->dev_mode)
		return;
	if (!k->c->data_dir.n)
		REFUSE(k, "data_dir cannot be empty");
	else if (k->disk->data_dir_error.n)
		REFUSE(k, "Error getting info on data_dir: %.*s", PS(k->disk->data_dir_error));
	else if (k->disk->data_dir_is_file)
		REFUSE(k, "data_dir %s is not a directory", quote_cstr(k->c->data_dir, q, sizeof(q)));
}

static void check_identity(struct check *k)
{
	if (!k->c->node_name.n)
		REFUSE(k, "node_name cannot be empty");
	else if (is_any(k->c->advertise_addr))
		REFUSE(k, "Advertise address cannot be 0.0.0.0, :: or [::]");
	else if (is_any(k->c->advertise_addr_wan))
		REFUSE(k, "Advertise WAN address cannot be 0.0.0.0, :: or [::]");
	else if (k->c->segment.n || k->c->segments.n)
		REFUSE(k, "Network segments are not supported in this version of Consul");
}

static void check_dns_addresses(struct check *k)
{
	const struct config_addr *addrs = k->c->dns_addrs.items;
	const struct slice *recursors = k->c->recursors.items;
	for (uint32_t i = 0; i < k->c->dns_addrs.n; i++)
		if (addrs[i].kind == CONFIG_ADDR_UNIX) {
			REFUSE(k, "DNS address cannot be a unix socket");
			return;
		}
	for (uint32_t i = 0; i < k->c->recursors.n; i++)
		if (is_any(recursors[i])) {
			REFUSE(k, "DNS recursor address cannot be 0.0.0.0, :: or [::]");
			return;
		}
}

static void check_bootstrap(struct check *k)
{
	const struct agent_config *c = k->c;
	if (c->bootstrap && !c->server_mode)
		REFUSE(k, "'bootstrap = true' requires 'server = true'");
	else if (c->bootstrap_expect < 0)
		REFUSE(k, "bootstrap_expect cannot be %lld. Must be greater than or equal to zero",
		        (long long)c->bootstrap_expect);
	else if (c->bootstrap_expect > 0 && !c->server_mode)
		REFUSE(k, "'bootstrap_expect > 0' requires 'server = true'");
	else if (c->bootstrap_expect > 0 && c->dev_mode)
		REFUSE(k, "'bootstrap_expect > 0' not allowed in dev mode");
	else if (c->bootstrap_expect > 0 && c->bootstrap)
		REFUSE(k, "'bootstrap_expect > 0' and 'bootstrap = true' are mutually exclusive");
}

static void check_numbers(struct check *k)
{
	const struct agent_config *c = k->c;
	char q[QUOTED_MAX];
	if (c->autopilot_max_trailing_logs < 0)
		REFUSE(k, "autopilot.max_trailing_logs cannot be %lld. Must be greater than or equal to zero",
		        (long long)c->autopilot_max_trailing_logs);
	else if (c->acl_datacenter.n && !datacenter_ok(c->acl_datacenter))
		REFUSE(k, "acl_datacenter cannot be %s. Please use only [a-z0-9-_].",
		        quote_cstr(c->acl_datacenter, q, sizeof(q)));
	else if (c->ui && c->ui_dir.n)
		REFUSE(k, "Both the ui and ui-dir flags were specified, please provide only one.\n"
		          "If trying to use your own web UI resources, use the ui-dir flag.\n"
		          "If using Consul version 0.7.0 or later, the web UI is included in the binary so use ui to "
		          "enable it");
	else if (c->dns_udp_answer_limit < 0)
		REFUSE(k, "dns_config.udp_answer_limit cannot be %lld. Must be greater than or equal to zero",
		        (long long)c->dns_udp_answer_limit);
	else if (c->dns_a_record_limit < 0)
		REFUSE(k, "dns_config.a_record_limit cannot be %lld. Must be greater than or equal to zero",
		        (long long)c->dns_a_record_limit);
}

/* ---- node metadata; Consul 1.0.8: agent/structs/structs.go ---- */

enum { META_PAIRS_MAX = 64, META_KEY_MAX = 128, META_VALUE_MAX = 512 };

static bool meta_key_ok(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		            c == '-'))
			return false;
	}
	return true;
}

static const char *meta_trouble(const struct pair *p)
{
	if (!p->key.n)
		return "Key cannot be blank";
	if (!meta_key_ok(p->key))
		return "Key contains invalid characters";
	if (p->key.n > META_KEY_MAX)
		return "Key is too long (limit: 128 characters)";
	if (slice_starts(p->key, S("consul-")))
		return "Key prefix 'consul-' is reserved for internal use";
	if (p->val.n > META_VALUE_MAX)
		return "Value is too long (limit: 512 characters)";
	return NULL;
}

static void check_node_meta(struct check *k)
{
	const struct pair *meta = k->c->node_meta.items;
	if (k->c->node_meta.n > META_PAIRS_MAX) {
		REFUSE(k, "node_meta invalid: Node metadata cannot contain more than %d key/value pairs",
		        META_PAIRS_MAX);
		return;
	}
	for (uint32_t i = 0; i < k->c->node_meta.n; i++) {
		const char *trouble = meta_trouble(&meta[i]);
		if (!trouble)
			continue;
		REFUSE(k, "node_meta invalid: Couldn't load metadata pair ('%.*s', '%.*s'): %s", PS(meta[i].key),
		        PS(meta[i].val), trouble);
		return;
	}
}

static void check_encrypt(struct check *k)
{
	struct fail f = {0};
	struct slice key;
	if (!k->c->encrypt.n)
		return;
	if (base64_get(k->c->encrypt, k->arena, &key, &f)) {
		REFUSE(k, "encrypt has invalid key: %s", f.text);
		return;
	}
	if (k->disk->lan_keyring)
		config_texts_add(
		        &k->warnings, k->arena, "WARNING: LAN keyring exists but -encrypt given, using keyring");
	if (k->c->server_mode && k->disk->wan_keyring)
		config_texts_add(
		        &k->warnings, k->arena, "WARNING: WAN keyring exists but -encrypt given, using keyring");
}

/* Data of releases before 0.6 must not be passed over by starting with nothing. */
static void check_old_data(struct check *k)
{
	char q[QUOTED_MAX];
	if (!k->c->server_mode || (!k->disk->mdb && !k->disk->mdb_denied))
		return;
	struct slice path = k->c->data_dir.n ? arena_str(k->arena, "%.*s/mdb", PS(k->c->data_dir)) : S("mdb");
	const char *name = quote_cstr(path, q, sizeof(q));
	if (k->disk->mdb_denied)
		REFUSE(k,
		        "CRITICAL: Permission denied for data folder at %s!\n"
		        "Consul will refuse to boot without access to this directory.\n"
		        "Please correct permissions and try starting again.",
		        name);
	else
		REFUSE(k,
		        "CRITICAL: Deprecated data folder found at %s!\n"
		        "Consul will refuse to boot with this directory present.\n"
		        "See https://www.consul.io/docs/upgrade-specific.html for more information.",
		        name);
}

/* ---- no address twice ---- */

enum { IN_USE_MAX = 256 };

struct in_use {
	struct {
		const char *name;
		const struct config_addr *addr;
	} at[IN_USE_MAX];
	size_t n;
};

static struct slice addr_text(struct arena *a, const struct config_addr *x)
{
	if (x->kind == CONFIG_ADDR_UNIX)
		return x->host;
	return arena_str(a, slice_find(x->host, ':') >= 0 ? "[%.*s]:%d" : "%.*s:%d", PS(x->host), x->port);
}

static bool use_addr(struct check *k, struct in_use *u, const char *name, const struct config_addr *addr)
{
	for (size_t i = 0; i < u->n; i++) {
		const struct config_addr *other = u->at[i].addr;
		if (other->kind != addr->kind || other->port != addr->port || !slice_eq(other->host, addr->host))
			continue;
		REFUSE(k, "%s address %.*s already configured for %s", name, PS(addr_text(k->arena, addr)),
		        u->at[i].name);
		return false;
	}
	if (u->n < IN_USE_MAX) {
		u->at[u->n].name = name;
		u->at[u->n++].addr = addr;
	}
	return true;
}

static bool use_addrs(struct check *k, struct in_use *u, const char *name, struct list addrs)
{
	const struct config_addr *at = addrs.items;
	for (uint32_t i = 0; i < addrs.n; i++)
		if (!use_addr(k, u, name, &at[i]))
			return false;
	return true;
}

static void check_unique(struct check *k)
{
	const struct agent_config *c = k->c;
	struct in_use u = {.n = 0};
	bool ok = use_addrs(k, &u, "DNS", c->dns_addrs) && use_addrs(k, &u, "HTTP", c->http_addrs) &&
	          use_addrs(k, &u, "HTTPS", c->https_addrs) && use_addr(k, &u, "RPC Advertise", &c->server_advertise) &&
	          use_addr(k, &u, "Serf Advertise LAN", &c->serf_lan_advertise);
	if (ok && c->serf_wan_advertise.kind != CONFIG_ADDR_NONE)
		use_addr(k, &u, "Serf Advertise WAN", &c->serf_wan_advertise);
}

static void check_deferred(struct check *k)
{
	if (k->report->deferred.n)
		k->report->error = k->report->deferred;
}

/* ---- what is allowed but worth a word ---- */

static void warn(struct check *k)
{
	const struct agent_config *c = k->c;
	const char *see = "See https://www.consul.io/docs/internals/consensus.html#deployment-table";
	bool expects = c->server_mode && !c->bootstrap;
	if (expects && !c->dev_mode && c->bootstrap_expect == 2)
		config_texts_add(&k->warnings, k->arena,
		        "bootstrap_expect = 2: A cluster with 2 servers will provide no failure tolerance. %s", see);
	if (expects && c->bootstrap_expect > 2 && c->bootstrap_expect % 2 == 0)
		config_texts_add(&k->warnings, k->arena,
		        "bootstrap_expect is even number: A cluster with an even number of servers does not "
		        "achieve optimum fault tolerance. %s",
		        see);
	if (c->server_mode && c->bootstrap && c->bootstrap_expect == 0)
		config_texts_add(&k->warnings, k->arena, "bootstrap = true: do not enable unless necessary");
	if (expects && !c->dev_mode && c->bootstrap_expect > 1)
		config_texts_add(&k->warnings, k->arena, "bootstrap_expect > 0: expecting %lld servers",
		        (long long)c->bootstrap_expect);
}

/* In the order of the reference: the first that refuses is the one reported. */
static void (*const rules[])(struct check *) = {
        check_datacenter,
        check_data_dir,
        check_identity,
        check_dns_addresses,
        check_bootstrap,
        check_numbers,
        check_node_meta,
        check_encrypt,
        check_old_data,
        check_unique,
        check_deferred,
};

enum err config_check(
        const struct agent_config *c, const struct config_disk *disk, struct arena *a, struct config_report *report)
{
	struct check k = {.c = c, .disk = disk, .arena = a, .report = report};
	const struct slice *before = report->warnings.items;
	for (uint32_t i = 0; i < report->warnings.n; i++)
		config_texts_add(&k.warnings, a, "%.*s", PS(before[i]));
	report->error = S_NONE;
	for (size_t i = 0; !report->error.n && i < ARRAY_LEN(rules); i++)
		rules[i](&k);
	if (report->error.n)
		return ERR_INVALID;
	warn(&k);
	report->warnings = config_texts_list(&k.warnings);
	return OK;
}
