#include "core/agent/config_reload.h"

#include "core/agent/config_keys.h"
#include "core/base/schema.h"
#include "core/base/slice.h"

static bool texts_equal(const struct list *x, const struct list *y)
{
	const struct slice *a = x->items, *b = y->items;
	bool equal = x->n == y->n;
	for (uint32_t i = 0; equal && i < x->n; i++)
		equal = slice_eq(a[i], b[i]);
	return equal;
}

static bool pairs_equal(const struct list *x, const struct list *y)
{
	const struct pair *a = x->items, *b = y->items;
	bool equal = x->n == y->n;
	for (uint32_t i = 0; equal && i < x->n; i++)
		equal = slice_eq(a[i].key, b[i].key) && slice_eq(a[i].val, b[i].val);
	return equal;
}

static bool ttls_equal(const struct list *x, const struct list *y)
{
	const struct config_ttl *a = x->items, *b = y->items;
	bool equal = x->n == y->n;
	for (uint32_t i = 0; equal && i < x->n; i++)
		equal = slice_eq(a[i].service, b[i].service) && a[i].ttl == b[i].ttl;
	return equal;
}

static bool addr_equal(const struct config_addr *a, const struct config_addr *b)
{
	return a->kind == b->kind && a->port == b->port && slice_eq(a->host, b->host);
}

static bool addrs_equal(const struct list *x, const struct list *y)
{
	const struct config_addr *a = x->items, *b = y->items;
	bool equal = x->n == y->n;
	for (uint32_t i = 0; equal && i < x->n; i++)
		equal = addr_equal(&a[i], &b[i]);
	return equal;
}

static bool definitions_equal(const struct list *x, const struct list *y, const struct schema *s)
{
	bool equal = x->n == y->n;
	for (uint32_t i = 0; equal && i < x->n; i++)
		equal = schema_equal(
		        s, (const char *)x->items + i * s->size, (const char *)y->items + i * s->size, false);
	return equal;
}

static bool objects_equal(const struct list *x, const struct list *y)
{
	const struct value *a = x->items, *b = y->items;
	bool equal = x->n == y->n;
	for (uint32_t i = 0; equal && i < x->n; i++)
		equal = value_equal(&a[i], &b[i]);
	return equal;
}

static bool ints_equal(const struct list *x, const struct list *y)
{
	return x->n == y->n && (!x->n || !memcmp(x->items, y->items, x->n * sizeof(int64_t)));
}

static bool field_equal(enum config_type type, const void *a, const void *b)
{
	switch (type) {
	case CT_BOOL: return *(const bool *)a == *(const bool *)b;
	case CT_INT:
	case CT_DUR: return *(const int64_t *)a == *(const int64_t *)b;
	case CT_FLOAT: return *(const double *)a == *(const double *)b;
	case CT_STR: return slice_eq(*(const struct slice *)a, *(const struct slice *)b);
	case CT_STRS: return texts_equal(a, b);
	case CT_MAP: return pairs_equal(a, b);
	case CT_TTLS: return ttls_equal(a, b);
	case CT_ADDR: return addr_equal(a, b);
	case CT_ADDRS: return addrs_equal(a, b);
	case CT_INTS: return ints_equal(a, b);
	case CT_OBJECTS: return objects_equal(a, b);
	case CT_CHECKS: return definitions_equal(a, b, &check_definition_schema);
	case CT_SERVICES: return definitions_equal(a, b, &service_definition_schema);
	default: return true; /* no field of a configuration has another type */
	}
}

/* How derived fields are called in a file. */
static const struct {
	const char *name, *key;
} derived[] = {
        {"AdvertiseAddrLAN", "advertise_addr"},
        {"AdvertiseAddrWAN", "advertise_addr_wan"},
        {"BindAddr", "bind_addr"},
        {"Checks", "checks"},
        {"ClientAddrs", "client_addr"},
        {"DNSAddrs", "addresses.dns"},
        {"DNSPort", "ports.dns"},
        {"DNSRecursors", "recursors"},
        {"DNSServiceTTL", "dns_config.service_ttl"},
        {"EnableLocalScriptChecks", "enable_local_script_checks"},
        {"HTTPAddrs", "addresses.http"},
        {"HTTPPort", "ports.http"},
        {"HTTPSAddrs", "addresses.https"},
        {"HTTPSPort", "ports.https"},
        {"LeaveOnTerm", "leave_on_terminate"},
        {"SerfBindAddrLAN", "serf_lan"},
        {"SerfBindAddrWAN", "serf_wan"},
        {"SerfPortLAN", "ports.serf_lan"},
        {"SerfPortWAN", "ports.serf_wan"},
        {"ServerPort", "ports.server"},
        {"Services", "services"},
        {"SkipLeaveOnInt", "skip_leave_on_interrupt"},
        {"TLSCipherSuites", "tls_cipher_suites"},
        {"TelemetryAllowedPrefixes", "telemetry.prefix_filter"},
};

/* The key that a person would change; NULL: the row only follows from others that are listed themselves. */
static const char *row_key(const struct config_key *row)
{
	if (row->key)
		return row->name || !(row->flags & CF_RAW) ? row->key : NULL;
	for (size_t i = 0; i < ARRAY_LEN(derived); i++)
		if (!strcmp(row->name, derived[i].name))
			return derived[i].key;
	return NULL;
}

struct list config_changes(const struct agent_config *before, const struct agent_config *after, struct arena *a)
{
	struct config_change *all = ARENA_ARRAY(a, struct config_change, config_keys.n);
	uint32_t n = 0;
	for (size_t i = 0; all && i < config_keys.n; i++) {
		const struct config_key *row = &config_keys.rows[i];
		const char *key = row_key(row);
		if (key &&
		        !field_equal(row->type, (const char *)before + row->offset, (const char *)after + row->offset))
			all[n++] = (struct config_change){key, (row->flags & CF_RELOAD) != 0};
	}
	return (struct list){all, n};
}
