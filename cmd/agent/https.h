/* What the HTTPS listeners need: our certificate, and whose clients we serve. Read once at birth, as in Consul 1.0.8
 * (tlsutil/config.go, IncomingTLSConfig); the errors are its texts. */
#ifndef CMD_AGENT_HTTPS_H
#define CMD_AGENT_HTTPS_H

#include "core/agent/config.h"
#include "net/tls.h"

struct https {
	struct tls_identity *identity; /* NULL: none configured, every handshake fails */
	struct tls_trust *clients;     /* NULL: anybody is served */
};

/* Nothing to do when no address listens with HTTPS. */
enum err https_load(struct https *h, const struct agent_config *c, struct fail *f);
void https_free(struct https *h);

/* Our certificate and key, and the authority's certificates, as configured; NULL when they are not. */
enum err https_identity(struct tls_identity **out, const struct agent_config *c, struct fail *f);
enum err https_authority(struct tls_trust **out, const struct agent_config *c, struct fail *f);

#endif
