#include "cmd/agent/flags_agent.h"

#include "core/base/slice.h"

/* A flag that stands for a key of a config file. */
struct key_flag {
	const char *name;
	const char *key; /* "ports.dns": one section deep at most */
	enum flag_kind kind;
	const char *usage; /* NULL: a flag of 0.7 */
};

static const struct key_flag key_flags[] = {
        {"advertise", "advertise_addr", FLAG_OWN_STRING, "Sets the advertise address to use."},
        {"advertise-wan", "advertise_addr_wan", FLAG_OWN_STRING,
                "Sets address to advertise on WAN instead of -advertise address."},
        {"bind", "bind_addr", FLAG_OWN_STRING, "Sets the bind address for cluster communication."},
        {"bootstrap", "bootstrap", FLAG_OWN_BOOL, "Sets server to bootstrap mode."},
        {"bootstrap-expect", "bootstrap_expect", FLAG_OWN_INT, "Sets server to expect bootstrap mode."},
        {"client", "client_addr", FLAG_OWN_STRING,
                "Sets the address to bind for client access. This includes RPC, DNS, HTTP and HTTPS (if configured)."},
        {"data-dir", "data_dir", FLAG_OWN_STRING, "Path to a data directory to store agent state."},
        {"datacenter", "datacenter", FLAG_OWN_STRING, "Datacenter of the agent."},
        {"disable-host-node-id", "disable_host_node_id", FLAG_OWN_BOOL,
                "Setting this to true will prevent Consul from using information from the host to generate a node ID, "
                "and will "
                "cause Consul to generate a random node ID instead."},
        {"disable-keyring-file", "disable_keyring_file", FLAG_OWN_BOOL,
                "Disables the backing up of the keyring to a file."},
        {"dns-port", "ports.dns", FLAG_OWN_INT, "DNS port to use."},
        {"domain", "domain", FLAG_OWN_STRING, "Domain to use for DNS interface."},
        {"enable-local-script-checks", "enable_local_script_checks", FLAG_OWN_BOOL,
                "Enables health check scripts from configuration file."},
        {"enable-script-checks", "enable_script_checks", FLAG_OWN_BOOL, "Enables health check scripts."},
        {"encrypt", "encrypt", FLAG_OWN_STRING, "Provides the gossip encryption key."},
        {"http-port", "ports.http", FLAG_OWN_INT, "Sets the HTTP API port to listen on."},
        {"join", "start_join", FLAG_LIST,
                "Address of an agent to join at start time. Can be specified multiple times."},
        {"join-wan", "start_join_wan", FLAG_LIST,
                "Address of an agent to join -wan at start time. Can be specified multiple times."},
        {"log-level", "log_level", FLAG_OWN_STRING, "Log level of the agent."},
        {"node", "node_name", FLAG_OWN_STRING, "Name of this node. Must be unique in the cluster."},
        {"node-id", "node_id", FLAG_OWN_STRING,
                "A unique ID for this node across space and time. Defaults to a randomly-generated ID that persists in "
                "the "
                "data-dir."},
        {"node-meta", "node_meta", FLAG_LIST,
                "An arbitrary metadata key/value pair for this node, of the format `key:value`. Can be specified "
                "multiple times."},
        {"non-voting-server", "non_voting_server", FLAG_OWN_BOOL,
                "(Enterprise-only) This flag is used to make the server not participate in the Raft quorum, and have "
                "it only "
                "receive the data replication stream. This can be used to add read scalability to a cluster in cases "
                "where a high "
                "volume of reads to servers are needed."},
        {"pid-file", "pid_file", FLAG_OWN_STRING, "Path to file to store agent PID."},
        {"protocol", "protocol", FLAG_OWN_INT, "Sets the protocol version. Defaults to latest."},
        {"raft-protocol", "raft_protocol", FLAG_OWN_INT, "Sets the Raft protocol version. Defaults to latest."},
        {"recursor", "recursors", FLAG_LIST, "Address of an upstream DNS server. Can be specified multiple times."},
        {"rejoin", "rejoin_after_leave", FLAG_OWN_BOOL, "Ignores a previous leave and attempts to rejoin the cluster."},
        {"retry-interval", "retry_interval", FLAG_OWN_STRING, "Time to wait between join attempts."},
        {"retry-interval-wan", "retry_interval_wan", FLAG_OWN_STRING, "Time to wait between join -wan attempts."},
        {"retry-join", "retry_join", FLAG_LIST,
                "Address of an agent to join at start time with retries enabled. Can be specified multiple times."},
        {"retry-join-wan", "retry_join_wan", FLAG_LIST,
                "Address of an agent to join -wan at start time with retries enabled. Can be specified multiple "
                "times."},
        {"retry-max", "retry_max", FLAG_OWN_INT,
                "Maximum number of join attempts. Defaults to 0, which will retry indefinitely."},
        {"retry-max-wan", "retry_max_wan", FLAG_OWN_INT,
                "Maximum number of join -wan attempts. Defaults to 0, which will retry indefinitely."},
        {"segment", "segment", FLAG_OWN_STRING, "(Enterprise-only) Sets the network segment to join."},
        {"serf-lan-bind", "serf_lan", FLAG_OWN_STRING, "Address to bind Serf LAN listeners to."},
        {"serf-wan-bind", "serf_wan", FLAG_OWN_STRING, "Address to bind Serf WAN listeners to."},
        {"server", "server", FLAG_OWN_BOOL, "Switches agent to server mode."},
        {"syslog", "enable_syslog", FLAG_OWN_BOOL, "Enables logging to syslog."},
        {"ui", "ui", FLAG_OWN_BOOL, "Enables the built-in static web UI server."},
        {"ui-dir", "ui_dir", FLAG_OWN_STRING, "Path to directory containing the web UI resources."},

        {"atlas", "atlas_infrastructure", FLAG_OWN_STRING, NULL},
        {"atlas-endpoint", "atlas_endpoint", FLAG_OWN_STRING, NULL},
        {"atlas-join", "atlas_join", FLAG_OWN_BOOL, NULL},
        {"atlas-token", "atlas_token", FLAG_OWN_STRING, NULL},
        {"dc", "datacenter", FLAG_OWN_STRING, NULL},
        {"retry-join-ec2-region", "retry_join_ec2.region", FLAG_OWN_STRING, NULL},
        {"retry-join-ec2-tag-key", "retry_join_ec2.tag_key", FLAG_OWN_STRING, NULL},
        {"retry-join-ec2-tag-value", "retry_join_ec2.tag_value", FLAG_OWN_STRING, NULL},
        {"retry-join-gce-credentials-file", "retry_join_gce.credentials_file", FLAG_OWN_STRING, NULL},
        {"retry-join-gce-project-name", "retry_join_gce.project_name", FLAG_OWN_STRING, NULL},
        {"retry-join-gce-tag-value", "retry_join_gce.tag_value", FLAG_OWN_STRING, NULL},
        {"retry-join-gce-zone-pattern", "retry_join_gce.zone_pattern", FLAG_OWN_STRING, NULL},
};

enum { KEY_FLAGS = ARRAY_LEN(key_flags), OTHER_FLAGS = 5 };

/* What one flag was given. */
struct holder {
	bool given;
	bool on;
	int64_t number;
	const char *text;
	struct flag_list *list; /* of flags that may be given often */
};

struct tables {
	struct flag own[KEY_FLAGS + OTHER_FLAGS + 1]; /* sorted by name, as Go lists them */
	struct flag shared[2];  /* -datacenter: a flag that the clients of an agent have, too, and so in their group of
	                           the help */
	struct holder *holders; /* one a row of key_flags */
	struct flag_set set;
};

static struct holder *holders_new(struct arena *a)
{
	struct holder *all = ARENA_ARRAY(a, struct holder, KEY_FLAGS);
	for (size_t i = 0; all && i < KEY_FLAGS; i++)
		if (key_flags[i].kind == FLAG_LIST && !(all[i].list = ARENA_NEW(a, struct flag_list)))
			return NULL;
	return all;
}

static void *holder_field(struct holder *h, enum flag_kind kind)
{
	switch (kind) {
	case FLAG_OWN_BOOL: return &h->on;
	case FLAG_OWN_INT: return &h->number;
	case FLAG_LIST: return h->list;
	default: return &h->text;
	}
}

static void row_insert(struct flag *rows, size_t *n, struct flag row)
{
	size_t at = (*n)++;
	for (; at > 0 && strcmp(rows[at - 1].name, row.name) > 0; at--)
		rows[at] = rows[at - 1];
	rows[at] = row;
}

static void tables_make(struct tables *t, struct agent_flags *f, const char **format)
{
	size_t n = 0;
	for (size_t i = 0; i < KEY_FLAGS; i++) {
		const struct key_flag *k = &key_flags[i];
		struct holder *h = &t->holders[i];
		struct flag row = {k->name, k->kind, holder_field(h, k->kind), k->usage, &h->given, !k->usage};
		if (!strcmp(k->name, "datacenter"))
			t->shared[0] = row;
		else
			row_insert(t->own, &n, row);
	}
	const struct flag others[OTHER_FLAGS] = {
	        {"config-dir", FLAG_LIST, &f->paths,
	                "Path to a directory to read configuration files from. This will read every file ending in "
	                "'.json' as "
	                "configuration in this directory in alphabetical order. Can be specified multiple times.",
	                NULL, false},
	        {"config-file", FLAG_LIST, &f->paths,
	                "Path to a JSON file to read configuration from. Can be specified multiple times.", NULL,
	                false},
	        {"config-format", FLAG_OWN_STRING, format,
	                "Config files are in this format irrespective of their extension. Must be 'hcl' or 'json'",
	                NULL, false},
	        {"dev", FLAG_OWN_BOOL, &f->dev, "Starts the agent in development mode.", NULL, false},
	        {"hcl", FLAG_LIST, &f->hcl, "hcl config fragment. Can be specified multiple times.", NULL, false},
	};
	for (size_t i = 0; i < OTHER_FLAGS; i++)
		row_insert(t->own, &n, others[i]);
	t->set = (struct flag_set){.own = t->own, .shared = {t->shared}};
}

/* ---- values ---- */

static struct value text_value(const char *text)
{
	return (struct value){.type = V_STRING, .text = slice_of(text)};
}

static struct value list_value(const struct flag_list *l, struct arena *a)
{
	struct value v = {.type = V_LIST, .items = ARENA_ARRAY(a, struct value, l->n)};
	for (size_t i = 0; v.items && i < l->n; i++)
		v.items[v.n++] = text_value(l->items[i]);
	return v;
}

/* -node-meta key:value; without a colon the value is empty. */
static struct value pairs_value(const struct flag_list *l, struct arena *a)
{
	struct value v = {.type = V_OBJECT, .entries = ARENA_ARRAY(a, struct value_entry, l->n)};
	for (size_t i = 0; v.entries && i < l->n; i++) {
		struct slice rest = slice_of(l->items[i]), key = slice_next(&rest, ':');
		v.entries[v.n++] = (struct value_entry){key, {.type = V_STRING, .text = rest.p ? rest : S("")}};
	}
	return v;
}

static struct value holder_value(const struct key_flag *k, const struct holder *h, struct arena *a)
{
	if (k->kind == FLAG_OWN_BOOL)
		return (struct value){.type = V_BOOL, .boolean = h->on};
	if (k->kind == FLAG_OWN_INT)
		return (struct value){.type = V_NUMBER, .text = arena_str(a, "%lld", (long long)h->number)};
	if (k->kind == FLAG_LIST)
		return !strcmp(k->key, "node_meta") ? pairs_value(h->list, a) : list_value(h->list, a);
	return text_value(h->text);
}

/* Adds to an object with room for one entry a flag. */
static struct value *entry_add(struct value *object, struct slice key, struct arena *a)
{
	for (uint32_t i = 0; i < object->n; i++)
		if (slice_eq(object->entries[i].key, key))
			return &object->entries[i].val;
	if (!object->entries)
		object->entries = ARENA_ARRAY(a, struct value_entry, KEY_FLAGS);
	if (!object->entries)
		return NULL;
	object->entries[object->n].key = key;
	return &object->entries[object->n++].val;
}

static void key_put(struct value *config, const char *path, struct value v, struct arena *a)
{
	struct slice rest = slice_of(path), first = slice_next(&rest, '.');
	struct value *at = entry_add(config, first, a);
	if (at && rest.n) {
		at->type = V_OBJECT;
		at = entry_add(at, rest, a);
	}
	if (at)
		*at = v;
}

enum flags_result agent_flags_read(int argc, char **argv, struct arena *a, struct agent_flags *out, struct fail *f)
{
	struct tables t = {.holders = holders_new(a)};
	const char *format = NULL;
	size_t n = argc > 0 ? (size_t)argc - 1 : 0, rest = 0;
	*out = (struct agent_flags){.config = {.type = V_OBJECT}};
	if (!t.holders)
		return fail_set(f, ERR_NO_MEMORY, "out of memory"), FLAGS_WRONG;
	tables_make(&t, out, &format);
	enum flags_result r = flags_parse(&t.set, n, argv + 1, &rest, f);
	if (r == FLAGS_WRONG) {
		fprintf(stderr, "%s\n", f->text);
		flags_usage(&t.set, stderr);
		fail_wrap(f, "error parsing flags");
	}
	if (r != FLAGS_OK)
		return r;
	if (rest < n) {
		struct buf words = {0};
		for (size_t i = rest; i < n; i++)
			buf_fmt(&words, "%s%s", i > rest ? " " : "", argv[1 + i]);
		fail_set(f, ERR_INVALID, "config: Unknown extra arguments: [%.*s]", PS(buf_view(&words)));
		buf_free(&words);
		return FLAGS_WRONG;
	}
	out->format = slice_of(format);
	for (size_t i = 0; i < KEY_FLAGS; i++)
		if (t.holders[i].given)
			key_put(&out->config, key_flags[i].key, holder_value(&key_flags[i], &t.holders[i], a), a);
	return FLAGS_OK;
}

void agent_flags_help(FILE *out)
{
	struct arena a = {0};
	struct agent_flags ignored = {0};
	const char *format = NULL;
	struct tables t = {.holders = holders_new(&a)};
	struct buf text = {0};
	if (!t.holders)
		return;
	tables_make(&t, &ignored, &format);
	flags_help(&t.set,
	        "Usage: consul agent [options]\n\n"
	        "  Starts the Consul agent and runs until an interrupt is received. The\n"
	        "  agent represents a single node in a cluster.",
	        &text);
	fprintf(out, "%.*s\n", PS(buf_view(&text)));
	buf_free(&text);
	arena_free(&a);
}
