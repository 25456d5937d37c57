/* The address of an HTTP check, cut as net/url cuts it, and where a redirect leads. Pure. */
#ifndef CMD_AGENT_CHECK_URL_H
#define CMD_AGENT_CHECK_URL_H

#include "core/base/arena.h"
#include "core/base/err.h"

struct check_url {
	struct slice scheme, authority; /* "http", "127.0.0.1:80" */
	struct slice host;              /* without port and brackets */
	uint16_t port;
	bool bad_port;       /* beyond 65535; only inside */
	struct slice target; /* path and query, at least "/" */
};

/* Texts of errors are those of net/http: `parse "…": …`, `Get "…": unsupported protocol scheme ""`. */
enum err check_url_read(struct slice text, struct slice method, struct arena *a, struct check_url *out, struct fail *f);

/* The whole address that a Location header means. */
struct slice check_url_follow(const struct check_url *from, struct slice location, struct arena *a);

/* "GET" → "Get": how errors begin. */
struct slice check_url_verb(struct slice method, struct arena *a);

#endif
