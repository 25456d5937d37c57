/* What `consul troubleshoot` looks at, and what it makes of the answers. Pure: no socket, no clock.
 *
 * A plan is a list of probes: each member of a pool, at the address it tells others, on each port that it should serve.
 *
 *	gossip	UDP: a memberlist ping that names the member, and one that names nobody; TCP: the same on a stream
 *	server	TCP: the question Status.Ping to the port in a server's tags
 *
 * Members that have left are not asked. Texts belong to the caller's arena. */
#ifndef CMD_TROUBLESHOOT_PLAN_H
#define CMD_TROUBLESHOOT_PLAN_H

#include "cmd/client.h"
#include "net/address.h"

enum probe_kind { PROBE_GOSSIP_UDP, PROBE_GOSSIP_TCP, PROBE_SERVER };

enum probe_result {
	PROBE_SILENT,    /* nothing came back in time */
	PROBE_OK,        /* the right one has answered */
	PROBE_STRANGER,  /* a member has answered, but not the one of that name */
	PROBE_REFUSED,   /* the machine is there, the port is not */
	PROBE_HUNG_UP,   /* accepted, then closed without an answer */
	PROBE_OTHER_KEY, /* answered that it does not understand our key, or our having none */
	PROBE_UNROUTED,  /* the system knows no way there */
	PROBE_NOT_ASKED, /* gossip is encrypted and we have no key */
};

struct probe {
	enum probe_kind kind;
	bool wan, self; /* self: the agent that was asked for the members */
	bool tls;       /* PROBE_SERVER: it may answer only to TLS */
	bool unshared;  /* a loopback address, though the agent's own is none */
	struct slice name, status;
	struct address at;
	/* filled in by probing */
	enum probe_result result;
	dur_ns rtt; /* PROBE_OK */
};

struct probes {
	struct probe *items;
	size_t n;
};

/* Appends a pool's probes. False: out of memory. `self`: the agent's node name (WAN: node.dc). */
bool plan_pool(struct probes *p, const struct client_member *m, size_t n, bool wan, struct slice self, struct arena *a);

const char *probe_serves(const struct probe *p); /* "gossip", "server" */
const char *probe_protocol(const struct probe *p);
/* "ok", "no answer" …, for the table. */
const char *probe_said(const struct probe *p);

/* What would mend one member's failures: the probes of one member of one pool, which stand together. S_NONE when all
 * is well. `keyed`: gossip is encrypted and we had a key to ask with. */
struct slice plan_advice(const struct probe *of, size_t n, bool keyed, struct arena *a);
/* How many probes from `at` on belong to the same member. */
size_t plan_together(const struct probes *p, size_t at);

#endif
