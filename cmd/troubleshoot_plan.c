#include "cmd/troubleshoot_plan.h"

#include "core/base/num.h"
#include "core/base/slice.h"

/* ---- what to ask ---- */

static struct slice tag(const struct client_member *m, const char *key)
{
	for (size_t i = 0; i < m->tag_count; i++)
		if (slice_is(m->tags[i].key, key))
			return m->tags[i].val;
	return S_NONE;
}

static void plan_add(struct probes *p, struct probe what, enum probe_kind kind, uint16_t port)
{
	what.kind = kind;
	what.at.port = port;
	p->items[p->n++] = what;
}

/* The agent itself is at a loopback address: a pool within one machine, where others may be, too. */
static bool within_machine(const struct client_member *m, size_t n, struct slice self)
{
	struct address a;
	for (size_t i = 0; i < n; i++)
		if (slice_eq(m[i].name, self) && address_parse_ip(m[i].address, &a))
			return address_is_loopback(&a);
	return false;
}

static void plan_member(struct probes *p, const struct client_member *m, bool wan, struct slice self, bool within)
{
	struct probe what = {
	        .wan = wan,
	        .self = slice_eq(m->name, self),
	        .tls = tag(m, "use_tls").n > 0,
	        .name = m->name,
	        .status = m->status,
	};
	uint64_t server = 0;
	if (slice_is(m->status, "left") || !address_parse_ip(m->address, &what.at))
		return;
	what.unshared = !within && address_is_loopback(&what.at);
	plan_add(p, what, PROBE_GOSSIP_UDP, m->port);
	plan_add(p, what, PROBE_GOSSIP_TCP, m->port);
	if (slice_is(tag(m, "role"), "consul") && !num_u64(tag(m, "port"), &server, NULL) && server <= UINT16_MAX)
		plan_add(p, what, PROBE_SERVER, (uint16_t)server);
}

bool plan_pool(struct probes *p, const struct client_member *m, size_t n, bool wan, struct slice self, struct arena *a)
{
	struct probe *items = ARENA_ARRAY(a, struct probe, p->n + 3 * n + 1);
	if (!items)
		return false;
	if (p->n)
		memcpy(items, p->items, p->n * sizeof *items);
	p->items = items;
	bool within = within_machine(m, n, self);
	for (size_t i = 0; i < n; i++)
		plan_member(p, &m[i], wan, self, within);
	return true;
}

/* ---- what came of it ---- */

const char *probe_serves(const struct probe *p)
{
	return p->kind == PROBE_SERVER ? "server" : "gossip";
}

const char *probe_protocol(const struct probe *p)
{
	return p->kind == PROBE_GOSSIP_UDP ? "udp" : "tcp";
}

const char *probe_said(const struct probe *p)
{
	static const char *const texts[] = {
	        [PROBE_SILENT] = "no answer",
	        [PROBE_OK] = "ok",
	        [PROBE_STRANGER] = "another node",
	        [PROBE_REFUSED] = "refused",
	        [PROBE_HUNG_UP] = "hung up",
	        [PROBE_OTHER_KEY] = "other key",
	        [PROBE_UNROUTED] = "no route",
	        [PROBE_NOT_ASKED] = "not asked",
	};
	return texts[p->result];
}

size_t plan_together(const struct probes *p, size_t at)
{
	size_t n = 1;
	while (at + n < p->n && p->items[at + n].wan == p->items[at].wan &&
	        slice_eq(p->items[at + n].name, p->items[at].name))
		n++;
	return n;
}

/* ---- what would mend it ---- */

/* One member's results by kind; what was not asked for counts as well. */
struct findings {
	enum probe_result udp, tcp, server;
	const struct probe *of; /* any */
	uint16_t server_port;
	char place[ADDRESS_TEXT];
};

static struct findings findings_of(const struct probe *of, size_t n)
{
	struct findings s = {PROBE_OK, PROBE_OK, PROBE_OK, of, 0, ""};
	address_print(&of->at, s.place);
	for (size_t i = 0; i < n; i++) {
		switch (of[i].kind) {
		case PROBE_GOSSIP_UDP: s.udp = of[i].result; break;
		case PROBE_GOSSIP_TCP: s.tcp = of[i].result; break;
		case PROBE_SERVER: s.server = of[i].result; s.server_port = of[i].at.port;
		}
	}
	if (s.udp == PROBE_NOT_ASKED) /* what is known of the place at all */
		s.udp = s.tcp;
	return s;
}

static bool reached(enum probe_result r)
{
	return r == PROBE_OK || r == PROBE_OTHER_KEY;
}

static const char *advertise_flag(const struct findings *s)
{
	return s->of->wan ? "-advertise-wan" : "-advertise";
}

/* Nobody is where it says it is: the address is wrong, or the way there is blocked. */
static struct slice advise_place(const struct findings *s, struct arena *a)
{
	const struct probe *p = s->of;
	bool refused = s->udp == PROBE_REFUSED || s->tcp == PROBE_REFUSED || s->tcp == PROBE_HUNG_UP;
	if (s->udp == PROBE_STRANGER || s->tcp == PROBE_STRANGER)
		return arena_str(a,
		        "another node answers at %s. Two nodes tell others the same address: give each its own %s "
		        "address, or its own serf port (ports.%s) mapped to itself.",
		        s->place, advertise_flag(s), p->wan ? "serf_wan" : "serf_lan");
	if (p->unshared)
		return arena_str(a,
		        "it tells others the loopback address %s: start it with %s=<address that others reach>.",
		        s->place, advertise_flag(s));
	if (refused)
		return arena_str(a,
		        "the machine at %s is there but nobody listens on that port: is the agent down? Else publish "
		        "the "
		        "port (docker run -p %u:%u -p %u:%u/udp), or start it with %s=<its real address>.",
		        s->place, p->at.port, p->at.port, p->at.port, p->at.port, advertise_flag(s));
	return arena_str(a,
	        "nobody answers at %s, which it tells others%s: start it with %s=<address that others reach>%s; if the "
	        "address is right, open port %u for tcp and udp in the firewall.",
	        s->place, address_is_private(&p->at) ? " (a private address, as inside a container or behind NAT)" : "",
	        advertise_flag(s), slice_is(p->status, "failed") ? ", or is it down? (failed)" : "", p->at.port);
}

static struct slice advise_gossip(const struct findings *s, bool keyed, struct arena *a)
{
	uint16_t port = s->of->at.port;
	if (s->udp == PROBE_OTHER_KEY || s->tcp == PROBE_OTHER_KEY ||
	        (keyed && s->udp == PROBE_SILENT && s->tcp == PROBE_HUNG_UP))
		return arena_str(a, "it does not understand our gossip: its key differs. Give it the same -encrypt "
		                    "key, or see consul "
		                    "keyring -list.");
	if (!reached(s->udp) && !reached(s->tcp))
		return advise_place(s, a);
	if (!reached(s->udp))
		return arena_str(a,
		        "udp does not come through to %s though tcp does: publish it (docker run -p %u:%u/udp), or "
		        "open udp "
		        "port %u in the firewall, both ways.",
		        s->place, port, port, port);
	if (!reached(s->tcp))
		return arena_str(a,
		        "tcp does not come through to %s though udp does: publish it (docker run -p %u:%u), or open "
		        "tcp port "
		        "%u in the firewall. Without it nobody can join by way of this node.",
		        s->place, port, port, port);
	return S_NONE;
}

static struct slice advise_server(const struct findings *s, struct arena *a)
{
	if (reached(s->server))
		return S_NONE;
	const char *seen = s->server == PROBE_HUNG_UP
	                           ? "somebody accepts and hangs up at its server port (a proxy without "
	                             "the server behind it, or TLS is required)"
	                   : s->server == PROBE_REFUSED ? "nobody listens at its server port"
	                                                : "nobody answers at its server port";
	return arena_str(a,
	        "%s, %u: publish it (docker run -p %u:%u), or open tcp port %u in the firewall; ports.server changes "
	        "it.",
	        seen, s->server_port, s->server_port, s->server_port, s->server_port);
}

struct slice plan_advice(const struct probe *of, size_t n, bool keyed, struct arena *a)
{
	struct findings s = findings_of(of, n);
	struct slice gossip = advise_gossip(&s, keyed, a), server = advise_server(&s, a);
	if (!gossip.n)
		return server;
	/* Where nobody is at the address at all, the server's port says nothing new. */
	if (!server.n || (!reached(s.udp) && !reached(s.tcp)))
		return gossip;
	return arena_str(a, "%.*s Besides, %.*s", PS(gossip), PS(server));
}
