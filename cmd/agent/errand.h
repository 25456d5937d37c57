/* One HTTP request to somebody else's server: name looked up, each of its addresses tried, redirects followed; for HTTP
 * checks and for watch handlers. Texts of errors are those of Go's client: `Get "http://a/": dial tcp …`.
 *
 * The caller fills in the upper part and keeps it until `done`, which is called once, also from inside errand_start;
 * errand_drop gives up before. Either frees all that the errand held. Thread: the loop's. */
#ifndef CMD_AGENT_ERRAND_H
#define CMD_AGENT_ERRAND_H

#include "cmd/agent/resolve.h"
#include "core/base/arena.h"
#include "net/http_client.h"

/* In place of the system's authorities and the host's name. */
struct errand_tls {
	const struct tls_trust *trust;
	const struct tls_identity *identity; /* NULL: none is shown */
	const char *server_name;             /* NULL: that of the address */
};

struct errand {
	struct loop *loop;
	void *owner;
	struct slice method, url;
	struct slice host;    /* value of Host; empty: that of the address */
	struct slice headers; /* whole lines */
	struct slice body;
	bool has_body, tls_skip_verify;
	const struct errand_tls *own; /* NULL: as usual */
	mono_ns deadline;             /* INT64_MAX: none */
	/* A piece of the answer's body. `first`: whatever came before was another answer's. */
	void (*data)(struct errand *e, struct slice piece, bool first);
	/* The answer's status and reason, or 0 and why there is none. The errand may be used again from here on. */
	void (*done)(struct errand *e, int status, struct slice text);

	/* Private. */
	struct arena mem;
	struct http_call call;
	struct resolve resolve;
	struct timer timer;
	struct tls_settings tls;
	struct address to[RESOLVE_ADDRESSES];
	unsigned to_n, to_at, redirects;
	struct slice at, referer, verb, authority, target, name;
	bool secure, some;
};

void errand_start(struct errand *e);
void errand_drop(struct errand *e);

/* Go refuses other methods. */
bool errand_method(struct slice method);

#endif
