/* What only a starting agent refuses. Consul 1.0.8: agent/agent.go, agent/consul/{config,server,client}.go, tlsutil. */
#include "core/agent/config_check.h"
#include "core/agent/config_watch.h"
#include "core/base/enc.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"

struct start {
	const struct agent_config *c;
	const struct config_disk *disk;
	struct arena *arena;
	struct slice error;
};

#define REFUSE(s, ...) ((s)->error = arena_str((s)->arena, __VA_ARGS__))

enum { QUOTED_MAX = 512 };

enum err config_check_log(const struct agent_config *c, struct arena *a, struct config_report *report)
{
	static const char *const levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERR"};
	char *upper = arena_alloc(a, c->log_level.n + 1);
	if (!upper)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < c->log_level.n; i++) {
		char l = c->log_level.p[i];
		upper[i] = (char)(l >= 'a' && l <= 'z' ? l - 32 : l);
	}
	struct slice level = slice_at(upper, c->log_level.n);
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (slice_is(level, levels[i]))
			return OK;
	report->error =
	        arena_str(a, "Invalid log level: %.*s. Valid log levels are: [TRACE DEBUG INFO WARN ERR]", PS(level));
	return ERR_INVALID;
}

static bool policy_ok(struct slice s, bool down)
{
	return slice_is(s, "allow") || slice_is(s, "deny") || (down && slice_is(s, "extend-cache"));
}

static void check_down_policy(struct start *s)
{
	char q[QUOTED_MAX];
	if (!policy_ok(s->c->acl_down_policy, true))
		REFUSE(s, "Error creating agent: invalid ACL down policy %s",
		        quote_cstr(s->c->acl_down_policy, q, sizeof(q)));
}

/* ---- gossip key ---- */

static void check_key(struct start *s)
{
	const struct agent_config *c = s->c;
	struct slice key = S_NONE;
	struct fail f = {0};
	bool used = c->encrypt.n && (c->disable_keyring_file || !s->disk->lan_keyring);
	if (!used || base64_get(c->encrypt, s->arena, &key, &f))
		return; /* not base64 at all: config_check has said so */
	if (key.n != 16 && key.n != 24 && key.n != 32)
		REFUSE(s, "Error starting agent: Failed to configure keyring: %skey size must be 16, 24 or 32 bytes",
		        c->disable_keyring_file ? "" : "Invalid key: ");
}

/* ---- server and client ---- */

enum { PROTOCOL_MIN = 2, PROTOCOL_MAX = 3, RAFT_PROTOCOL_MIN = 1, RAFT_PROTOCOL_MAX = 3 };

static const char *role(const struct start *s)
{
	return s->c->server_mode ? "server" : "client";
}

static void check_protocol(struct start *s)
{
	int64_t p = s->c->protocol > 0 ? s->c->protocol % 256 : PROTOCOL_MIN;
	if (p < PROTOCOL_MIN || p > PROTOCOL_MAX)
		REFUSE(s,
		        "Error starting agent: Failed to start Consul %s: Protocol version '%lld' too %s. Must be in "
		        "range: "
		        "[%d, %d]",
		        role(s), (long long)p, p < PROTOCOL_MIN ? "low" : "high", PROTOCOL_MIN, PROTOCOL_MAX);
}

static void check_client_data(struct start *s)
{
	if (!s->c->server_mode && !s->c->data_dir.n)
		REFUSE(s, "Error starting agent: Failed to start Consul client: Config must provide a DataDir");
}

static void check_default_policy(struct start *s)
{
	if (s->c->acl_default_policy.n && !policy_ok(s->c->acl_default_policy, false))
		REFUSE(s, "Error starting agent: Failed to start Consul %s: Unsupported default ACL policy: %.*s",
		        role(s), PS(s->c->acl_default_policy));
}

static void check_tls(struct start *s)
{
	const struct agent_config *c = s->c;
	bool ca = c->ca_file.n || c->ca_path.n, outgoing = c->verify_outgoing || c->verify_server_hostname;
	bool incoming = c->server_mode && (c->verify_incoming || c->verify_incoming_rpc);
	struct slice min = c->tls_min_version;
	const char *what = NULL;
	if (outgoing && !ca)
		what = "VerifyOutgoing set, and no CA certificate provided!";
	else if (incoming && !ca)
		what = "VerifyIncoming set, and no CA certificate provided!";
	else if (incoming && (!c->cert_file.n || !c->key_file.n))
		what = "VerifyIncoming set, and no Cert/Key pair provided!";
	if (what)
		REFUSE(s, "Error starting agent: Failed to start Consul %s: %s", role(s), what);
	else if ((c->server_mode || ca || outgoing) && min.n && !slice_is(min, "tls10") && !slice_is(min, "tls11") &&
	         !slice_is(min, "tls12"))
		REFUSE(s,
		        "Error starting agent: Failed to start Consul %s: TLSMinVersion: value %.*s not supported, "
		        "please "
		        "specify one of [tls10,tls11,tls12]",
		        role(s), PS(min));
}

static void check_raft_protocol(struct start *s)
{
	int64_t p = s->c->raft_protocol;
	if (s->c->server_mode && p != 0 && (p < RAFT_PROTOCOL_MIN || p > RAFT_PROTOCOL_MAX))
		REFUSE(s,
		        "Error starting agent: Failed to start Consul server: Failed to start Raft: Protocol version "
		        "%lld must "
		        "be >= %d and <= %d",
		        (long long)p, RAFT_PROTOCOL_MIN, RAFT_PROTOCOL_MAX);
}

static void check_ports(struct start *s)
{
	if (s->c->server_port <= 0)
		REFUSE(s, "Error starting agent: ports.server cannot be switched off");
	else if (s->c->serf_lan_port <= 0)
		REFUSE(s, "Error starting agent: ports.serf_lan cannot be switched off");
}

/* ---- services and checks ---- */

static const char scripts_disabled[] =
        "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' "
        "or 'enable_local_script_checks' to true";

static void check_service(struct start *s, const struct service_definition *def)
{
	struct fail f = {0};
	struct list checks;
	char q[QUOTED_MAX];
	const char *name = quote_cstr(def->name, q, sizeof(q));
	if (service_definition_checks(def, s->arena, &checks, &f)) {
		REFUSE(s, "Error starting agent: Failed to validate checks for service %s: %s", name, f.text);
		return;
	}
	if (!def->name.n) {
		REFUSE(s, "Error starting agent: Failed to register service %s: Service name missing", name);
		return;
	}
	const struct check_definition *at = checks.items;
	for (uint32_t i = 0; i < checks.n; i++)
		if (check_is_script(&at[i]) && !s->c->enable_local_script_checks) {
			REFUSE(s, "Error starting agent: Failed to register service %s: %s", name, scripts_disabled);
			return;
		}
}

static void check_services(struct start *s)
{
	const struct service_definition *at = s->c->services.items;
	for (uint32_t i = 0; !s->error.n && i < s->c->services.n; i++)
		check_service(s, &at[i]);
}

static bool service_defined(const struct agent_config *c, struct slice id)
{
	const struct service_definition *at = c->services.items;
	for (uint32_t i = 0; i < c->services.n; i++)
		if (slice_eq(at[i].id.n ? at[i].id : at[i].name, id))
			return true;
	return false;
}

/* A pointer to a structs.CheckDefinition as Go's %v prints it: the reference shows it behind the reason. */
static void go_print_check(struct buf *b, const struct check_definition *c)
{
	const struct slice *args = c->script_args.items;
	const struct named_strs *header = c->header.items;
	buf_fmt(b, "&{%.*s %.*s %.*s %.*s %.*s %.*s %.*s [", PS(c->id), PS(c->name), PS(c->notes), PS(c->service_id),
	        PS(c->token), PS(c->status), PS(c->script));
	for (uint32_t i = 0; i < c->script_args.n; i++)
		buf_fmt(b, "%s%.*s", i ? " " : "", PS(args[i]));
	buf_fmt(b, "] %.*s map[", PS(c->http));
	for (uint32_t i = 0; i < c->header.n; i++) {
		const struct slice *values = header[i].strs.items;
		buf_fmt(b, "%s%.*s:[", i ? " " : "", PS(header[i].key));
		for (uint32_t j = 0; j < header[i].strs.n; j++)
			buf_fmt(b, "%s%.*s", j ? " " : "", PS(values[j]));
		buf_char(b, ']');
	}
	buf_fmt(b, "] %.*s %.*s ", PS(c->method), PS(c->tcp));
	dur_print(b, c->interval);
	buf_fmt(b, " %.*s %.*s %.*s %s %s ", PS(c->docker_container_id), PS(c->shell), PS(c->grpc),
	        c->grpc_use_tls ? "true" : "false", c->tls_skip_verify ? "true" : "false");
	dur_print(b, c->timeout);
	buf_char(b, ' ');
	dur_print(b, c->ttl);
	buf_char(b, ' ');
	dur_print(b, c->deregister_after);
	buf_char(b, '}');
}

static void check_refused(struct start *s, const struct check_definition *def, const char *why)
{
	struct buf shown = {0};
	go_print_check(&shown, def);
	REFUSE(s, "Error starting agent: Failed to register check '%.*s': %s %.*s", PS(def->name), why,
	        PS(buf_view(&shown)));
	buf_free(&shown);
}

static void check_one(struct start *s, const struct check_definition *def)
{
	struct fail f = {0};
	char q[QUOTED_MAX];
	if (!def->id.n && !def->name.n)
		check_refused(s, def, "CheckID missing");
	else if (check_definition_check(def, &f))
		check_refused(s, def, (fail_wrap(&f, "Check is not valid"), f.text));
	else if (check_is_script(def) && !s->c->enable_local_script_checks)
		check_refused(s, def, scripts_disabled);
	else if (def->service_id.n && !s->disk->services && !service_defined(s->c, def->service_id)) {
		fail_set(&f, ERR_INVALID, "ServiceID %s does not exist", quote_cstr(def->service_id, q, sizeof(q)));
		check_refused(s, def, f.text);
	}
}

static void check_checks(struct start *s)
{
	const struct check_definition *at = s->c->checks.items;
	for (uint32_t i = 0; !s->error.n && i < s->c->checks.n; i++)
		check_one(s, &at[i]);
}

/* ---- recursors and watches ---- */

/* net.SplitHostPort, as far as it refuses; where the port is missing, 53 was added. */
static const char *recursor_trouble(struct slice r)
{
	if (slice_starts(r, S("[")))
		return slice_find(r, ']') < 0 ? "missing ']' in address" : NULL;
	ptrdiff_t first = slice_find(r, ':');
	return first >= 0 && first != slice_find_last(r, ':') ? "too many colons in address" : NULL;
}

static void check_recursors(struct start *s)
{
	const struct slice *at = s->c->recursors.items;
	for (uint32_t i = 0; s->c->dns_addrs.n && !s->error.n && i < s->c->recursors.n; i++) {
		const char *trouble = recursor_trouble(at[i]);
		if (trouble)
			REFUSE(s, "Error starting agent: Invalid recursor address: address %.*s%s: %s", PS(at[i]),
			        slice_find(at[i], ':') < 0 ? ":53" : "", trouble);
	}
}

static void check_watches(struct start *s)
{
	const struct value *at = s->c->watches.items;
	if (s->c->watches.n && !s->c->http_addrs.n && !s->c->https_addrs.n)
		REFUSE(s, "Error starting agent: watch plans require an HTTP or HTTPS endpoint");
	for (uint32_t i = 0; !s->error.n && i < s->c->watches.n; i++) {
		struct config_watch w;
		struct fail f = {0};
		if (config_watch_read(&at[i], s->arena, &w, &f))
			REFUSE(s, "Error starting agent: %s", f.text);
	}
}

/* In the order in which an agent of the reference comes across them. */
static void (*const steps[])(struct start *) = {
        check_down_policy,
        check_key,
        check_ports,
        check_protocol,
        check_client_data,
        check_default_policy,
        check_tls,
        check_raft_protocol,
        check_services,
        check_checks,
        check_recursors,
        check_watches,
};

enum err config_check_start(
        const struct agent_config *c, const struct config_disk *disk, struct arena *a, struct config_report *report)
{
	struct start s = {.c = c, .disk = disk, .arena = a};
	for (size_t i = 0; !s.error.n && i < ARRAY_LEN(steps); i++)
		steps[i](&s);
	report->error = s.error;
	return s.error.n ? ERR_INVALID : OK;
}
