#include "core/agent/config_json.h"

#include "core/agent/config_keys.h"
#include "core/base/json.h"
#include "core/base/num.h"
#include "core/base/slice.h"

/* Where a value is written and how. */
struct writer {
	struct buf *out;
	unsigned indent, depth;
};

/* An object or a list under way; items count commas. */
struct scope {
	struct writer *w;
	unsigned items;
	char close;
};

static struct scope scope_open(struct writer *w, char open)
{
	buf_char(w->out, open);
	w->depth++;
	return (struct scope){w, 0, open == '{' ? '}' : ']'};
}

static void scope_next(struct scope *s)
{
	if (s->items++)
		buf_char(s->w->out, ',');
	json_newline(s->w->out, s->w->indent, s->w->depth);
}

static void scope_key(struct scope *s, struct slice key)
{
	scope_next(s);
	json_string(s->w->out, key);
	BUF_LIT(s->w->out, ":");
	if (s->w->indent)
		buf_char(s->w->out, ' ');
}

static void scope_close(struct scope *s)
{
	s->w->depth--;
	if (s->items)
		json_newline(s->w->out, s->w->indent, s->w->depth);
	buf_char(s->w->out, s->close);
}

/* ---- what must not be told; Consul 1.0.8: agent/config/runtime.go (Sanitized) ---- */

static bool contains_fold(struct slice s, struct slice word)
{
	for (size_t i = 0; i + word.n <= s.n; i++)
		if (slice_eq_fold(slice_cut(s, i, i + word.n), word))
			return true;
	return false;
}

static bool is_secret(struct slice name)
{
	return contains_fold(name, S("key")) || contains_fold(name, S("token")) || contains_fold(name, S("secret"));
}

/* An address to retry may be "provider=aws secret_access_key=…". */
static void write_join_address(struct writer *w, struct slice s)
{
	struct buf clean = {0};
	while (s.n) {
		struct slice word = slice_next(&s, ' ');
		if (!word.n)
			continue;
		ptrdiff_t equals = slice_find(word, '=');
		if (clean.n)
			buf_char(&clean, ' ');
		if (is_secret(word)) {
			buf_slice(&clean, slice_cut(word, 0, equals < 0 ? word.n : (size_t)equals));
			BUF_LIT(&clean, "=hidden");
		} else {
			buf_slice(&clean, word);
		}
	}
	json_string(w->out, buf_view(&clean));
	buf_free(&clean);
}

static void write_text(struct writer *w, struct slice name, struct slice s)
{
	json_string(w->out, is_secret(name) ? S("hidden") : s);
}

static void write_duration(struct writer *w, dur_ns d)
{
	buf_char(w->out, '"');
	dur_print(w->out, d);
	buf_char(w->out, '"');
}

static void write_addr(struct writer *w, const struct config_addr *a)
{
	static const char *const schemes[] = {"", "tcp://", "udp://", "unix://"};
	struct buf text = {0};
	buf_cstr(&text, schemes[a->kind]);
	if (a->kind == CONFIG_ADDR_UNIX)
		buf_slice(&text, a->host);
	else if (a->kind != CONFIG_ADDR_NONE)
		buf_fmt(&text, slice_find(a->host, ':') >= 0 ? "[%.*s]:%d" : "%.*s:%d", PS(a->host), a->port);
	json_string(w->out, buf_view(&text));
	buf_free(&text);
}

/* ---- rows ---- */

static void write_table(struct writer *w, const struct config_table *t, const void *obj);

static void write_check(struct writer *w, const void *item)
{
	write_table(w, &config_check_keys, item);
}

static void write_list(struct writer *w, struct list l, size_t size, void (*item)(struct writer *, const void *))
{
	struct scope s = scope_open(w, '[');
	for (uint32_t i = 0; i < l.n; i++) {
		scope_next(&s);
		item(w, (const char *)l.items + i * size);
	}
	scope_close(&s);
}

static void write_texts(struct writer *w, struct slice name, struct list l)
{
	bool join = slice_is(name, "RetryJoinLAN") || slice_is(name, "RetryJoinWAN");
	const struct slice *at = l.items;
	struct scope s = scope_open(w, '[');
	for (uint32_t i = 0; i < l.n; i++) {
		scope_next(&s);
		if (join)
			write_join_address(w, at[i]);
		else
			write_text(w, name, at[i]);
	}
	scope_close(&s);
}

static void write_map(struct writer *w, struct list l)
{
	const struct pair *at = l.items;
	struct scope s = scope_open(w, '{');
	for (uint32_t i = 0; i < l.n; i++) {
		scope_key(&s, at[i].key);
		write_text(w, at[i].key, at[i].val);
	}
	scope_close(&s);
}

static void write_map_texts(struct writer *w, struct list l)
{
	const struct named_strs *at = l.items;
	struct scope s = scope_open(w, '{');
	for (uint32_t i = 0; i < l.n; i++) {
		scope_key(&s, at[i].key);
		write_texts(w, at[i].key, at[i].strs);
	}
	scope_close(&s);
}

static void write_ttls(struct writer *w, struct list l)
{
	const struct config_ttl *at = l.items;
	struct scope s = scope_open(w, '{');
	for (uint32_t i = 0; i < l.n; i++) {
		scope_key(&s, at[i].service);
		write_duration(w, at[i].ttl);
	}
	scope_close(&s);
}

static void write_one_addr(struct writer *w, const void *item)
{
	write_addr(w, item);
}
static void write_int(struct writer *w, const void *item)
{
	buf_i64(w->out, *(const int64_t *)item);
}

/* Go's agent takes a watch's parameters out of the map while it reads them: an empty one is left to show. Their tokens
 * are nobody's business anyway. */
static void write_watch(struct writer *w, const void *item)
{
	(void)item;
	BUF_LIT(w->out, "{}");
}

static void write_check_type(struct writer *w, const void *item)
{
	write_table(w, &config_check_type_keys, item);
}
static void write_service(struct writer *w, const void *item)
{
	write_table(w, &config_service_keys, item);
}

static void write_field(struct writer *w, const struct config_key *key, const void *at)
{
	struct slice name = slice_of(key->name);
	switch (key->type) {
	case CT_BOOL: buf_cstr(w->out, *(const bool *)at ? "true" : "false"); break;
	case CT_INT: write_int(w, at); break;
	case CT_FLOAT: json_float(w->out, *(const double *)at); break;
	case CT_STR: write_text(w, name, *(const struct slice *)at); break;
	case CT_DUR: write_duration(w, *(const dur_ns *)at); break;
	case CT_STRS: write_texts(w, name, *(const struct list *)at); break;
	case CT_MAP: write_map(w, *(const struct list *)at); break;
	case CT_MAP_STRS: write_map_texts(w, *(const struct list *)at); break;
	case CT_OBJECTS: write_list(w, *(const struct list *)at, sizeof(struct value), write_watch); break;
	case CT_ADDR: write_addr(w, at); break;
	case CT_ADDRS: write_list(w, *(const struct list *)at, sizeof(struct config_addr), write_one_addr); break;
	case CT_TTLS: write_ttls(w, *(const struct list *)at); break;
	case CT_INTS: write_list(w, *(const struct list *)at, sizeof(int64_t), write_int); break;
	case CT_CHECKS: write_list(w, *(const struct list *)at, sizeof(struct check_definition), write_check); break;
	case CT_CHECK_TYPE: write_check_type(w, at); break;
	case CT_CHECK_TYPES:
		write_list(w, *(const struct list *)at, sizeof(struct check_definition), write_check_type);
		break;
	case CT_SERVICES:
		write_list(w, *(const struct list *)at, sizeof(struct service_definition), write_service);
		break;
	case CT_ANY:
	case CT_TABLE:
	case CT_TABLES: break; /* never has a name */
	}
}

enum { ROWS_MAX = 256 };

/* All named rows of a table as an object, sorted by name. */
static void write_table(struct writer *w, const struct config_table *t, const void *obj)
{
	const struct config_key *named[ROWS_MAX];
	size_t n = 0;
	for (size_t i = 0; i < t->n && n < ROWS_MAX; i++) {
		if (!t->rows[i].name)
			continue;
		size_t at = n++;
		for (; at > 0 && strcmp(named[at - 1]->name, t->rows[i].name) > 0; at--)
			named[at] = named[at - 1];
		named[at] = &t->rows[i];
	}
	struct scope s = scope_open(w, '{');
	for (size_t i = 0; i < n; i++) {
		scope_key(&s, slice_of(named[i]->name));
		write_field(w, named[i], (const char *)obj + named[i]->offset);
	}
	scope_close(&s);
}

void config_json_debug(struct buf *out, const struct agent_config *c, unsigned indent, unsigned depth)
{
	struct writer w = {out, indent, depth};
	write_table(&w, &config_keys, c);
}

/* ---- Config ---- */

static void put_text(struct scope *s, const char *name, struct slice text)
{
	scope_key(s, slice_of(name));
	json_string(s->w->out, text);
}

static void put_bool(struct scope *s, const char *name, bool b)
{
	scope_key(s, slice_of(name));
	buf_cstr(s->w->out, b ? "true" : "false");
}

static void put_int(struct scope *s, const char *name, int64_t i)
{
	scope_key(s, slice_of(name));
	buf_i64(s->w->out, i);
}

static void put_texts(struct scope *s, const char *name, struct list l)
{
	scope_key(s, slice_of(name));
	write_texts(s->w, slice_of(name), l);
}

static void put_ports(struct scope *s, const struct agent_config *c)
{
	scope_key(s, S("Ports"));
	struct scope ports = scope_open(s->w, '{');
	put_int(&ports, "DNS", c->dns_port);
	put_int(&ports, "HTTP", c->http_port);
	put_int(&ports, "HTTPS", c->https_port);
	put_int(&ports, "RPC", c->ipc_port);
	put_int(&ports, "SerfLan", c->serf_lan_port);
	put_int(&ports, "SerfWan", c->serf_wan_port);
	put_int(&ports, "Server", c->server_port);
	scope_close(&ports);
}

static void put_dns_config(struct scope *s, const struct agent_config *c)
{
	scope_key(s, S("DNSConfig"));
	struct scope dns = scope_open(s->w, '{');
	put_int(&dns, "NodeTTL", c->dns_node_ttl);
	scope_key(&dns, S("ServiceTTL"));
	const struct config_ttl *ttls = c->dns_service_ttl.items;
	struct scope by_service = scope_open(s->w, '{');
	for (uint32_t i = 0; i < c->dns_service_ttl.n; i++) {
		scope_key(&by_service, ttls[i].service);
		buf_i64(s->w->out, ttls[i].ttl);
	}
	scope_close(&by_service);
	put_bool(&dns, "AllowStale", c->dns_allow_stale);
	put_bool(&dns, "EnableTruncate", c->dns_enable_truncate);
	put_int(&dns, "UDPAnswerLimit", c->dns_udp_answer_limit);
	put_int(&dns, "MaxStale", c->dns_max_stale);
	put_bool(&dns, "OnlyPassing", c->dns_only_passing);
	put_bool(&dns, "DisableCompression", c->dns_disable_compression);
	put_int(&dns, "RecursorTimeout", c->dns_recursor_timeout);
	scope_close(&dns);
}

/* What clients written for 0.4 to 0.9 read from this place. Nothing secret was ever among it. */
static void put_old_fields(struct scope *s, const struct agent_config *c)
{
	const struct slice *clients = c->client_addrs.items;
	put_bool(s, "Bootstrap", c->bootstrap);
	put_int(s, "BootstrapExpect", c->bootstrap_expect);
	put_text(s, "DataDir", c->data_dir);
	put_texts(s, "DNSRecursors", c->recursors);
	put_dns_config(s, c);
	put_text(s, "Domain", c->domain);
	put_text(s, "LogLevel", c->log_level);
	put_text(s, "ClientAddr", c->client_addrs.n ? clients[0] : S(""));
	put_text(s, "BindAddr", c->bind_addr);
	put_text(s, "AdvertiseAddr", c->advertise_addr);
	put_text(s, "AdvertiseAddrWan", c->advertise_addr_wan);
	put_ports(s, c);
	scope_key(s, S("TaggedAddresses"));
	write_map(s->w, c->tagged_addresses);
	put_bool(s, "LeaveOnTerm", c->leave_on_terminate);
	put_bool(s, "SkipLeaveOnInt", c->skip_leave_on_interrupt);
	put_int(s, "Protocol", c->protocol);
	put_bool(s, "EnableDebug", c->enable_debug);
	put_bool(s, "VerifyIncoming", c->verify_incoming);
	put_bool(s, "VerifyOutgoing", c->verify_outgoing);
	put_text(s, "CAFile", c->ca_file);
	put_text(s, "CertFile", c->cert_file);
	put_texts(s, "StartJoin", c->start_join);
	put_text(s, "UiDir", c->ui_dir);
	put_text(s, "PidFile", c->pid_file);
	put_bool(s, "EnableSyslog", c->enable_syslog);
	put_bool(s, "RejoinAfterLeave", c->rejoin_after_leave);
	put_text(s, "VersionPrerelease", c->version_prerelease);
}

void config_json_self(struct buf *out, const struct agent_config *c, unsigned indent, unsigned depth)
{
	struct writer w = {out, indent, depth};
	struct scope s = scope_open(&w, '{');
	put_text(&s, "Datacenter", c->datacenter);
	put_text(&s, "NodeName", c->node_name);
	put_text(&s, "NodeID", c->node_id);
	put_text(&s, "Revision", c->revision);
	put_bool(&s, "Server", c->server_mode);
	put_text(&s, "Version", c->version);
	put_old_fields(&s, c);
	scope_close(&s);
}
