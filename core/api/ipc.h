/* The 8400 agent RPC (Consul up to 0.7.5: command/agent/rpc.go), and the command `api` of ours: a pure translation of
 * messages to answers.
 *
 * A client sends a header {Command, Seq, Token}, and behind it a body for most commands; whole msgpack values, one
 * after another. Each is given to ipc_take, in order, with the connection's struct ipc_client; what comes back is bytes
 * to send and a state that tells the host what to do. Commands are rows of a table (ipc.c); the bodies lie in ipc_*.c.
 *
 * `api` {Method, Path, Header, Body} carries any request of the HTTP API: the host gives it to api_http as if it had
 * come over HTTP, and writes the answer with ipc_put_http. The Token of the header counts like X-Consul-Token.
 *
 * What was answered is final; nothing of a message is kept but the header's fields, which the next header inherits
 * where it leaves them out. Thread: a front's. Limits: IPC_HEADER_MAX, IPC_BODY_MAX, IPC_HTTP_MAX (`ipc_limit` tells
 * which holds for the next value). */
#ifndef CORE_API_IPC_H
#define CORE_API_IPC_H

#include "core/api/api.h"
#include "core/api/snapshot_call.h"

enum {
	IPC_HEADER_MAX = 16 << 10,
	IPC_BODY_MAX = 1 << 20,
	IPC_HTTP_MAX = SNAPSHOT_CALL_MAX + IPC_HEADER_MAX, /* what is not a snapshot the API itself limits */
	IPC_COMMAND_MAX = 64, /* bytes of a command's name that are kept: enough for a log line */
	IPC_TOKEN_MAX = 4096,
};

struct ipc_command;

/* What a connection remembers. All zero at first; ipc_client_free at the end. */
struct ipc_client {
	bool shaken; /* hands */
	uint8_t command_n;
	char command[IPC_COMMAND_MAX];
	uint64_t seq;
	struct buf token;
	const struct ipc_command *due; /* whose body comes next; NULL: a header */
	bool monitoring;
	uint64_t monitor_seq;
};

enum ipc_state {
	IPC_ANSWERED, /* send the bytes, if any, and go on with the next value */
	IPC_SENT,     /* step.message goes to the core thread; ipc_finish turns its answer into bytes */
	IPC_TOLD,     /* answered, and step.message goes to the core thread; nobody waits for its answer */
	IPC_HTTP,     /* step.http is a request for api_http */
	IPC_MONITOR,  /* answered; then lines of step.level and above, each by ipc_put_line */
	IPC_STOP,     /* answered; no more lines */
	IPC_CLOSE,    /* send the bytes, then close: step.why is for the log */
};

struct ipc_step {
	struct message *message;
	struct http_request http; /* points into the value and the api's arena */
	enum log_level level;
	struct slice why;
};

/* Takes the next value of a client whose address is `remote`. Bytes to send are appended to `out`. */
enum ipc_state ipc_take(struct api *a, struct ipc_client *c, struct slice remote, struct slice value, struct buf *out,
        struct ipc_step *step);

/* The answer to a message that was sent (IPC_SENT). The message goes back to the pool by message_give afterwards. */
void ipc_finish(struct ipc_client *c, const struct message *m, struct buf *out);

/* A body of `api` once more (it waited). False: it can't be read, which it could before. */
bool ipc_http_request(
        struct api *a, const struct ipc_client *c, struct slice remote, struct slice body, struct http_request *out);
/* The answer to it. */
void ipc_put_http(struct buf *out, const struct ipc_client *c, const struct http_answer *ans);
/* A line of the log for a client that monitors. */
void ipc_put_line(struct buf *out, const struct ipc_client *c, struct slice line);

/* The longest value that the client may send next. */
size_t ipc_limit(const struct ipc_client *c);
/* What the log says of bytes that are no message. */
struct slice ipc_spoilt(const struct ipc_client *c);

void ipc_client_free(struct ipc_client *c);

#endif
