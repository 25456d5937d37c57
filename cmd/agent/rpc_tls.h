/* TLS of the server RPC (8300, Raft and snapshots with it): what we show, whom we believe, and when it is spoken. Read
 * once at birth, as in Consul 1.0.8 (tlsutil/config.go); the errors are its texts.
 *
 * Incoming: whoever begins with TLS is served if we have a certificate; with verify_incoming (or verify_incoming_rpc)
 * nobody else is, and callers have to show a certificate of our authority. Outgoing: with verify_outgoing always, else
 * to servers whose tag says that they take it, provided that we have an authority; the server's certificate has to be
 * of that authority, and its name matters only with verify_server_hostname ("server.<dc>.<domain>") or server_name.
 *
 * Never changed after loading, whatever a reload brings: any thread may read it. */
#ifndef CMD_AGENT_RPC_TLS_H
#define CMD_AGENT_RPC_TLS_H

#include "core/agent/config.h"
#include "net/dial.h"

enum { RPC_TLS_BYTE = 3 };

struct rpc_tls {
	struct address source; /* where our calls come from: the address that the RPC is bound to, if it is one */
	struct tls_identity *identity;       /* NULL: none configured */
	struct tls_trust *authority;         /* NULL: none configured */
	bool always;                         /* outgoing: to every server, not only to those that take it */
	bool demanded;                       /* incoming */
	char domain[DIAL_NAME_MAX + 1];      /* of servers' names that are verified; empty: they are not */
	char server_name[DIAL_NAME_MAX + 1]; /* the one name that every server has; or empty */
};

enum err rpc_tls_load(struct rpc_tls *t, const struct agent_config *c, struct fail *f);
void rpc_tls_free(struct rpc_tls *t);

/* How to speak to a server of `dc`: fills in *x and returns its settings, or NULL for plain. */
struct rpc_tls_to {
	struct tls_settings settings;
	char name[2 * DIAL_NAME_MAX + 16];
};
const struct tls_settings *rpc_tls_to(const struct rpc_tls *t, struct slice dc, bool takes_tls, struct rpc_tls_to *x);

#endif
