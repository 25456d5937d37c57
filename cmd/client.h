/* Asking an agent: one interface, two transports.
 *
 * Every command speaks to the agent's RPC port (8400) unless it is told to use HTTP: by -http-addr, by a TLS flag, or
 * by CONSUL_HTTP_ADDR, CONSUL_HTTP_SSL or CONSUL_HTTP_AUTH in the environment; -rpc-addr outweighs the environment. Any
 * request of the HTTP API travels over both; over 8400 in the command `api`, which an agent of 0.7.5 does not have.
 *
 * Calls block. A client and all that it answers belong to one thread and live until client_close; a thread of its own
 * opens a client of its own. Error texts are the reference's: `Get "http://127.0.0.1:1/v1/kv/a": dial tcp …` over HTTP,
 * `dial tcp …` over 8400. */
#ifndef CMD_CLIENT_H
#define CMD_CLIENT_H

#include "cmd/flags.h"
#include "core/base/arena.h"
#include "core/base/value.h"

/* What the shared flags say. */
struct client_settings {
	const char *http_addr, *rpc_addr, *token; /* NULL: not given */
	const char *ca_file, *ca_path, *cert_file, *key_file, *tls_server_name;
	const char *datacenter; /* never NULL */
	bool stale;
};
extern struct client_settings client_settings;
extern const struct flag client_flags[], server_flags[];

struct client;

/* Chooses the transport and, over 8400, connects. NULL with *f. */
struct client *client_open(struct fail *f);
void client_close(struct client *c);
/* client_open for a command: complains "Error connecting to Consul agent: …" and gives NULL. */
struct client *client_for_command(void);
/* True when talking over 8400. */
bool client_is_ipc(const struct client *c);
/* The memory in which answers lie. Whoever asks in a loop resets it now and then. */
struct arena *client_arena(struct client *c);

/* ---- a request of the HTTP API ---- */

enum { CLIENT_PARAMS_MAX = 128 };

struct client_request {
	const char *method;
	struct slice path; /* as it is, not escaped; "/v1/…" */
	struct pair params[CLIENT_PARAMS_MAX];
	size_t param_count;
	struct slice body;
	bool has_body;
};

struct client_answer {
	int status;
	struct slice body;
	raft_index index;      /* X-Consul-Index, 0 if there is none */
	struct slice location; /* of a redirect; those within the agent were followed */
};

/* A request with the parameters that the settings ask for (dc). `path` is formatted into the client's memory. */
struct client_request client_request(struct client *c, const char *method, const char *path, ...)
        __attribute__((format(printf, 3, 4)));
/* The last one of a name wins. */
void request_param(struct client_request *r, const char *name, struct slice value);
void request_param_fmt(struct client *c, struct client_request *r, const char *name, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
void request_param_add(struct client_request *r, const char *name, struct slice value);
void request_body(struct client_request *r, struct slice body);
/* Those that most reads take: -stale. */
void request_stale(struct client_request *r);

/* Any status is an answer. */
enum err client_ask(struct client *c, const struct client_request *r, struct client_answer *a, struct fail *f);
/* Only 200 is: else `Unexpected response code: 500 (text)`. */
enum err client_ask_ok(struct client *c, const struct client_request *r, struct client_answer *a, struct fail *f);
/* … and its body is JSON. */
enum err client_ask_json(
        struct client *c, const struct client_request *r, struct value *out, raft_index *index, struct fail *f);

/* ---- what both ports know in their own way ---- */

#define CLIENT_ALL_SEGMENTS "_all"

struct client_member {
	struct slice name, address, status; /* address: without port; status: "alive" … */
	uint16_t port;
	struct pair *tags; /* sorted by key */
	size_t tag_count;
};

enum err client_members(
        struct client *c, bool wan, const char *segment, struct client_member **out, size_t *n, struct fail *f);

/* section → name → text, as an object of objects. */
enum err client_stats(struct client *c, struct value *out, struct fail *f);

enum err client_join(struct client *c, bool wan, char *const *addresses, size_t n, unsigned *joined, struct fail *f);
enum err client_force_leave(struct client *c, const char *node, bool prune, struct fail *f);
enum err client_leave(struct client *c, struct fail *f);
enum err client_reload(struct client *c, struct fail *f);

/* Hands each line of the agent's log, without its newline, to `line`. Returns OK when the agent ended the stream, an
 * error when it did not begin. */
enum err client_monitor(struct client *c, const char *level, void (*line)(struct slice text), struct fail *f);

/* ---- answers ---- */

struct slice value_text(const struct value *object, const char *key); /* S_NONE if absent or no string */
uint64_t value_number(const struct value *object, const char *key);   /* 0 … */
bool value_flag(const struct value *object, const char *key);         /* false … */

/* The agent's node name, from /v1/agent/self. */
enum err client_node_name(struct client *c, struct slice *out, struct fail *f);

#endif
