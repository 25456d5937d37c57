#include "core/agent/config_building.h"
#include "core/agent/config_template.h"
#include "core/base/num.h"
#include "core/base/slice.h"

/* ---- texts into addresses ---- */

static bool text_is_any(struct slice s)
{
	return slice_is(s, "0.0.0.0") || slice_is(s, "::") || slice_is(s, "[::]");
}

static struct slice ip_text(struct config_building *b, const struct ip *ip)
{
	char text[IP_TEXT];
	size_t n = ip_print(ip, text);
	return arena_copy(b->arena, slice_at(text, n));
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next word of *s, as strings.Fields cuts. */
static struct slice next_field(struct slice *s)
{
	size_t from = 0;
	while (from < s->n && is_blank(s->p[from]))
		from++;
	size_t to = from;
	while (to < s->n && !is_blank(s->p[to]))
		to++;
	struct slice field = slice_cut(*s, from, to);
	*s = slice_from(*s, to);
	return field;
}

/* Ours: the name of an interface, or a network that one of its addresses lies in, stands for that address. IPv4 first,
 * for that is what people mean. */
static bool machine_address(const struct config_facts *facts, struct slice word, struct ip *out)
{
	struct ip network = {0};
	unsigned bits = 0;
	bool by_network = config_network_parse(word, &network, &bits), found = false;
	for (size_t i = 0; i < facts->interface_count; i++) {
		const struct config_interface *in = &facts->interfaces[i];
		struct ip ip;
		if (!in->up || !ip_parse(in->ip, &ip))
			continue;
		if (by_network ? !config_network_has(&network, bits, &ip) : !slice_eq(in->name, word))
			continue;
		if (found && !ip_is_v4(&ip))
			continue;
		*out = ip;
		found = true;
		if (ip_is_v4(&ip))
			break;
	}
	return found;
}

static bool address_parse(struct config_building *b, struct slice word, struct config_addr *out)
{
	struct ip ip;
	if (slice_starts(word, S("unix://"))) {
		*out = (struct config_addr){CONFIG_ADDR_UNIX, slice_from(word, 7), 0};
		return true;
	}
	if (slice_is(word, "[::]"))
		word = S("::");
	if (!ip_parse(word, &ip) && !machine_address(b->facts, word, &ip))
		return false;
	*out = (struct config_addr){CONFIG_ADDR_TCP, ip_text(b, &ip), 0};
	return true;
}

enum { ADDRESSES_MAX = 64 };

struct addresses {
	struct config_addr at[ADDRESSES_MAX];
	size_t n;
};

/* All addresses of a text: words after templates were filled in. A bad one leaves none. */
static void addresses_expand(struct config_building *b, const char *key, struct slice text, struct addresses *out)
{
	struct fail f = {0};
	struct slice rest;
	out->n = 0;
	if (!text.n)
		return;
	if (config_template(text, b->facts, b->arena, &rest, &f)) {
		config_texts_add(&b->errors, b->arena, "%s: error parsing %.*s: %s", key,
		        PS(config_quoted(text, b->arena)), f.text);
		return;
	}
	for (struct slice word = next_field(&rest); word.n; word = next_field(&rest)) {
		if (out->n == ADDRESSES_MAX) {
			config_texts_add(&b->errors, b->arena, "%s: more than %d addresses", key, ADDRESSES_MAX);
			out->n = 0;
			return;
		}
		if (!address_parse(b, word, &out->at[out->n++])) {
			config_texts_add(&b->errors, b->arena, "%s: invalid ip address: %.*s", key, PS(word));
			out->n = 0;
			return;
		}
	}
}

/* The single IP address of a text; `fallback` when there is none or it is wrong. */
static struct slice ip_expand(struct config_building *b, const char *key, struct slice text, struct slice fallback)
{
	struct addresses all;
	addresses_expand(b, key, text, &all);
	if (all.n == 0)
		return fallback;
	if (all.n > 1) {
		struct buf names = {0};
		for (size_t i = 0; i < all.n; i++)
			buf_fmt(&names, "%s%.*s", i ? " " : "", PS(all.at[i].host));
		config_texts_add(&b->errors, b->arena, "%s: multiple addresses found: %.*s", key, PS(buf_view(&names)));
		buf_free(&names);
		return fallback;
	}
	if (all.at[0].kind == CONFIG_ADDR_UNIX) {
		config_texts_add(&b->errors, b->arena, "%s cannot be a unix socket", key);
		return fallback;
	}
	return all.at[0].host;
}

/* ---- ports ---- */

static int port_of(struct config_building *b, const char *key)
{
	const struct config_slot *slot = config_said(b, key);
	if (!slot->set || slot->i <= 0)
		return -1;
	if (slot->i > 65535) {
		config_texts_add(&b->errors, b->arena, "%s: invalid port: %lld", key, (long long)slot->i);
		return -1;
	}
	return (int)slot->i;
}

static void ports_read(struct config_building *b)
{
	struct agent_config *c = b->config;
	c->dns_port = port_of(b, "ports.dns");
	c->http_port = port_of(b, "ports.http");
	c->https_port = port_of(b, "ports.https");
	c->server_port = port_of(b, "ports.server");
	c->serf_lan_port = port_of(b, "ports.serf_lan");
	c->serf_wan_port = port_of(b, "ports.serf_wan");
	c->ipc_port = port_of(b, "ports.rpc");
}

/* ---- bind and advertise ---- */

static bool fatal(struct config_building *b, const char *text)
{
	b->fatal = slice_of(text);
	return false;
}

static bool bind_read(struct config_building *b)
{
	struct addresses all;
	addresses_expand(b, "bind_addr", config_said_text(b, "bind_addr"), &all);
	if (all.n == 0)
		return fatal(b, "bind_addr cannot be empty");
	if (all.n > 1)
		return fatal(
		        b, "bind_addr cannot contain multiple addresses. Use 'addresses.{dns,http,https}' instead.");
	if (all.at[0].kind == CONFIG_ADDR_UNIX)
		return fatal(b, "bind_addr cannot be a unix socket");
	b->config->bind_addr = all.at[0].host;
	return true;
}

static const char *const private_networks[] = {
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "::1/128",
        "fe80::/10",
        "fc00::/7",
        "fec0::/10",
        "2001:db8::/32",
};

static bool ip_is_private(const struct ip *ip)
{
	for (size_t i = 0; i < ARRAY_LEN(private_networks); i++) {
		struct ip network;
		unsigned bits;
		if (config_network_parse(slice_of(private_networks[i]), &network, &bits) &&
		        config_network_has(&network, bits, ip))
			return true;
	}
	return false;
}

/* May this address of the machine be advertised by itself? IPv4: a private one of an interface that is up, loopback
 * only if there is nothing else. IPv6: any that is not private, whatever its interface. */
static bool may_advertise(const struct config_interface *in, bool v4, bool loopback_only)
{
	struct ip ip;
	if (!ip_parse(in->ip, &ip) || ip_is_v4(&ip) != v4)
		return false;
	if (!v4)
		return !ip_is_private(&ip);
	return in->up && in->loopback == loopback_only && ip_is_private(&ip);
}

static bool only_loopback_is_up(const struct config_facts *facts)
{
	for (size_t i = 0; i < facts->interface_count; i++)
		if (facts->interfaces[i].up && !facts->interfaces[i].loopback)
			return false;
	return true;
}

/* The address to advertise when we listen on all. With several candidates the reference gives up; we take the one on
 * the default route if there is exactly one, and say so. */
static bool advertise_detect(struct config_building *b, bool v4, struct slice *out)
{
	const char *kind = v4 ? "private IPv4" : "public IPv6";
	bool loopback = only_loopback_is_up(b->facts);
	const struct config_interface *any = NULL, *routed = NULL;
	size_t n = 0, n_routed = 0;
	struct buf list = {0};
	for (size_t i = 0; i < b->facts->interface_count; i++) {
		const struct config_interface *in = &b->facts->interfaces[i];
		if (!may_advertise(in, v4, loopback))
			continue;
		any = in;
		buf_fmt(&list, "%s%.*s on %.*s", n++ ? ", " : "", PS(in->ip), PS(in->name));
		if (in->is_default) {
			routed = in;
			n_routed++;
		}
	}
	if (n == 0)
		b->fatal = arena_str(b->arena, "No %s address found", kind);
	else if (n > 1 && n_routed != 1)
		b->fatal = arena_str(b->arena,
		        "Multiple %s addresses found. Please configure one with 'bind' and/or 'advertise'. (%.*s)",
		        kind, PS(buf_view(&list)));
	else
		*out = n == 1 ? any->ip : routed->ip;
	if (n > 1 && n_routed == 1)
		config_texts_add(&b->notes, b->arena,
		        "Several %s addresses found (%.*s): advertising %.*s, which the default route leads to. Use "
		        "-advertise to choose another.",
		        kind, PS(buf_view(&list)), PS(routed->ip));
	buf_free(&list);
	return !b->fatal.n;
}

static bool advertise_read(struct config_building *b)
{
	struct agent_config *c = b->config;
	struct slice lan = config_said_text(b, "advertise_addr"), wan = config_said_text(b, "advertise_addr_wan");
	if (text_is_any(lan))
		return fatal(b, "Advertise address cannot be 0.0.0.0, :: or [::]");
	if (text_is_any(wan))
		return fatal(b, "Advertise WAN address cannot be 0.0.0.0, :: or [::]");
	struct slice addr = ip_expand(b, "advertise_addr", lan, c->bind_addr);
	if (text_is_any(addr) && !advertise_detect(b, slice_is(addr, "0.0.0.0"), &addr))
		return false;
	struct config_addr none = {0};
	c->server_addr =
	        c->server_port > 0 ? (struct config_addr){CONFIG_ADDR_TCP, c->bind_addr, (int)c->server_port} : none;
	c->serf_lan_addr = c->serf_lan_port > 0
	                           ? (struct config_addr){CONFIG_ADDR_TCP,
	                                     ip_expand(b, "serf_lan", config_said_text(b, "serf_lan"), c->bind_addr),
	                                     (int)c->serf_lan_port}
	                           : none;
	c->serf_wan_addr = c->serf_wan_port > 0
	                           ? (struct config_addr){CONFIG_ADDR_TCP,
	                                     ip_expand(b, "serf_wan", config_said_text(b, "serf_wan"), c->bind_addr),
	                                     (int)c->serf_wan_port}
	                           : none;
	/* Read twice, as the reference does: a bad address is reported twice. */
	c->advertise_addr = ip_expand(b, "advertise_addr", lan, addr);
	c->advertise_addr_wan = ip_expand(b, "advertise_addr_wan", wan, c->advertise_addr);
	c->server_advertise = (struct config_addr){CONFIG_ADDR_TCP, c->advertise_addr, (int)c->server_port};
	c->serf_lan_advertise = (struct config_addr){CONFIG_ADDR_TCP, c->advertise_addr, (int)c->serf_lan_port};
	if (c->serf_wan_port > 0)
		c->serf_wan_advertise =
		        (struct config_addr){CONFIG_ADDR_TCP, c->advertise_addr_wan, (int)c->serf_wan_port};
	return true;
}

/* 0.7's advertise_addrs: "ip:port" for one protocol. */
static void advertise_one(struct config_building *b, const char *key, struct config_addr *to)
{
	struct slice text = config_said_text(b, key);
	ptrdiff_t colon = slice_find_last(text, ':');
	int64_t port;
	if (!text.n || to->kind == CONFIG_ADDR_NONE)
		return;
	if (colon < 0 || num_i64(slice_from(text, (size_t)colon + 1), &port, NULL) || port < 1 || port > 65535) {
		config_texts_add(&b->errors, b->arena, "%s: address %.*s: missing port in address", key, PS(text));
		return;
	}
	struct slice host = slice_cut(text, 0, (size_t)colon);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_cut(host, 1, host.n - 1);
	to->host = ip_expand(b, key, host, to->host);
	to->port = (int)port;
}

static void advertise_old(struct config_building *b)
{
	struct agent_config *c = b->config;
	advertise_one(b, "advertise_addrs.serf_lan", &c->serf_lan_advertise);
	advertise_one(b, "advertise_addrs.serf_wan", &c->serf_wan_advertise);
	advertise_one(b, "advertise_addrs.rpc", &c->server_advertise);
	if (config_said(b, "advertise_addrs.serf_lan")->set && !config_said(b, "advertise_addr")->set)
		c->advertise_addr = c->serf_lan_advertise.host;
	if (config_said(b, "advertise_addrs.serf_wan")->set && !config_said(b, "advertise_addr_wan")->set)
		c->advertise_addr_wan = c->serf_wan_advertise.host;
}

/* ---- what clients talk to ---- */

static void clients_read(struct config_building *b)
{
	struct addresses all;
	addresses_expand(b, "client_addr", config_said_text(b, "client_addr"), &all);
	struct slice *ips = ARENA_ARRAY(b->arena, struct slice, all.n);
	for (size_t i = 0; ips && i < all.n; i++) {
		if (all.at[i].kind == CONFIG_ADDR_UNIX) {
			config_texts_add(&b->errors, b->arena, "client_addr cannot be a unix socket");
			return;
		}
		ips[i] = all.at[i].host;
	}
	if (ips)
		b->config->client_addrs = (struct list){ips, (uint32_t)all.n};
}

/* Own addresses of a service, else those of client_addr. Room for as many again, which DNS needs. */
static struct list listeners(struct config_building *b, const char *key, int64_t port)
{
	struct addresses own;
	addresses_expand(b, key, config_said_text(b, key), &own);
	const struct slice *clients = b->config->client_addrs.items;
	size_t n = own.n ? own.n : b->config->client_addrs.n;
	struct config_addr *at = ARENA_ARRAY(b->arena, struct config_addr, 2 * n);
	if (port <= 0 || !n || !at)
		return (struct list){0};
	for (size_t i = 0; i < n; i++) {
		at[i] = own.n ? own.at[i] : (struct config_addr){CONFIG_ADDR_TCP, clients[i], 0};
		if (at[i].kind == CONFIG_ADDR_TCP)
			at[i].port = (int)port;
	}
	return (struct list){at, (uint32_t)n};
}

static void dns_add_udp(struct list *l)
{
	struct config_addr *at = l->items;
	uint32_t n = l->n;
	for (uint32_t i = 0; i < n; i++)
		if (at[i].kind == CONFIG_ADDR_TCP)
			at[l->n++] = (struct config_addr){CONFIG_ADDR_UDP, at[i].host, at[i].port};
}

static bool listed(const struct list *l, const struct config_addr *a)
{
	const struct config_addr *at = l->items;
	for (uint32_t i = 0; i < l->n; i++)
		if (at[i].kind == a->kind && at[i].port == a->port && slice_eq(at[i].host, a->host))
			return true;
	return false;
}

static bool same_port(const struct config_addr *x, const struct config_addr *y)
{
	return x->kind == y->kind && x->port == y->port && slice_eq(x->host, y->host);
}

/* 1.0 has no port 8400: who gave it to something else there must not be refused here. */
static void ipc_yield(struct config_building *b)
{
	struct agent_config *c = b->config;
	const struct config_addr *at = c->ipc_addrs.items;
	for (uint32_t i = 0; i < c->ipc_addrs.n; i++) {
		const struct config_addr *a = &at[i];
		if (!listed(&c->http_addrs, a) && !listed(&c->https_addrs, a) && !listed(&c->dns_addrs, a) &&
		        !same_port(&c->server_addr, a) && !same_port(&c->serf_lan_addr, a) &&
		        !same_port(&c->serf_wan_addr, a))
			continue;
		config_texts_add(&b->notes, b->arena,
		        "ports.rpc: %.*s:%d is used for something else: no agent RPC there", PS(a->host), a->port);
		c->ipc_addrs = (struct list){0};
		c->ipc_port = -1;
		return;
	}
}

/* ---- recursors ---- */

static bool recursor_add(struct config_building *b, struct slice addr, struct config_texts *all)
{
	if (slice_starts(addr, S("unix://"))) {
		b->fatal = arena_str(b->arena, "DNS Recursors cannot be unix sockets: %.*s", PS(addr));
		return false;
	}
	for (size_t i = 0; i < all->n; i++)
		if (slice_eq(all->items[i], addr))
			return true;
	config_texts_add(all, b->arena, "%.*s", PS(addr));
	return true;
}

static bool recursors_read(struct config_building *b)
{
	struct config_texts all = {0};
	const struct config_slot *slot = config_said(b, "recursors");
	const struct slice *texts = slot->l.items;
	for (uint32_t i = 0; slot->set && i < slot->l.n; i++) {
		struct fail f = {0};
		struct slice rest;
		if (config_template(texts[i], b->facts, b->arena, &rest, &f)) {
			b->fatal = arena_str(b->arena, "Invalid DNS recursor template %.*s: %s",
			        PS(config_quoted(texts[i], b->arena)), f.text);
			return false;
		}
		for (struct slice word = next_field(&rest); word.n; word = next_field(&rest))
			if (!recursor_add(b, word, &all))
				return false;
	}
	b->config->recursors = config_texts_list(&all);
	return true;
}

bool config_addresses(struct config_building *b)
{
	struct agent_config *c = b->config;
	ports_read(b);
	if (!bind_read(b) || !advertise_read(b))
		return false;
	clients_read(b);
	c->dns_addrs = listeners(b, "addresses.dns", c->dns_port);
	c->http_addrs = listeners(b, "addresses.http", c->http_port);
	c->https_addrs = listeners(b, "addresses.https", c->https_port);
	c->ipc_addrs = listeners(b, "addresses.rpc", c->ipc_port);
	dns_add_udp(&c->dns_addrs);
	advertise_old(b);
	ipc_yield(b);
	return recursors_read(b);
}
