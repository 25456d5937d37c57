/* What a client consists of, and what a transport of it offers. For client*.c only. */
#ifndef CMD_CLIENT_TRANSPORT_H
#define CMD_CLIENT_TRANSPORT_H

#include "cmd/client.h"
#include "net/address.h"
#include "net/tls.h"

/* A request ready for the wire. */
struct client_wire {
	const char *method;
	struct slice target; /* escaped path and query */
	struct slice token;  /* empty: none */
	struct slice body;
	bool has_body;
};

/* Takes the body of an answer as it comes; false ends the request. */
typedef bool client_piece(void *owner, struct slice piece);

struct client_http {
	struct address to;
	struct slice host;      /* value of Host, and of the URL in error texts */
	struct slice authority; /* the host as an URL shows it */
	struct slice basic;     /* "user:password" in base64; empty: none */
	bool https;
	struct tls_trust *trust;       /* owned; NULL: nobody's certificate is believed */
	struct tls_identity *identity; /* owned; NULL: we say not who we are */
	struct tls_settings tls;       /* once opened */
};

struct client_ipc {
	int fd;
	uint64_t seq;
	struct buf in; /* bytes of answers not read yet */
};

struct client {
	struct arena arena; /* answers; whoever asks in a loop may reset it */
	struct arena fixed; /* what lives as long as the client */
	bool is_ipc;
	struct slice token;
	struct client_http http;
	struct client_ipc ipc;
};

/* "host:port" as a place to connect to; a name is looked up. Without a port `port` counts, NULL: that is an error. */
enum err client_address(struct client *c, struct slice text, const char *port, struct address *out, struct fail *f);

/* ---- over HTTP ---- */

enum err client_http_open(struct client *c, const char *address, struct fail *f);
/* The body goes to `piece` when there is one and the status is 200, else into the answer. */
enum err client_http_ask(struct client *c, const struct client_wire *w, client_piece *piece, void *owner,
        struct client_answer *a, struct fail *f);

void client_http_close(struct client *c);
/* Certificates and the name to expect, from settings and environment; reads the files. */
enum err client_tls_open(struct client *c, struct fail *f);

/* ---- over 8400 ---- */

enum err client_ipc_open(struct client *c, const char *address, struct fail *f);
void client_ipc_close(struct client *c);
enum err client_ipc_ask(struct client *c, const struct client_wire *w, struct client_answer *a, struct fail *f);

enum err client_ipc_members(struct client *c, bool wan, struct client_member **out, size_t *n, struct fail *f);
enum err client_ipc_stats(struct client *c, struct value *out, struct fail *f);
enum err client_ipc_join(
        struct client *c, bool wan, char *const *addresses, size_t n, unsigned *joined, struct fail *f);
enum err client_ipc_force_leave(struct client *c, const char *node, bool prune, struct fail *f);
enum err client_ipc_leave(struct client *c, struct fail *f);
enum err client_ipc_reload(struct client *c, struct fail *f);
enum err client_ipc_monitor(struct client *c, const char *level, void (*line)(struct slice text), struct fail *f);

#endif
