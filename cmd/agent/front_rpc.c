#include "cmd/agent/front_rpc.h"

#include <stdlib.h>

#include "cmd/agent/raft_host.h"
#include "cmd/agent/front_snapshot.h"
#include "cmd/agent/waiting.h"
#include "core/api/rpc.h"
#include "core/base/slice.h"
#include "net/rpc_server.h"

enum { BYTE_RAFT = 1, BYTE_SNAPSHOT = 5 };

struct front_rpc {
	struct rpc_server *server;
	struct rpc_reply reply; /* reused */
};

/* A call that waits, with what is needed to run it again. */
struct rpc_waiting {
	struct waiting waiting; /* first */
	struct rpc_call *call;
	struct slice method, args; /* in `bytes` */
	char bytes[];
};

static void answer(struct front_rpc *r, struct rpc_call *c)
{
	if (r->reply.refused)
		rpc_refuse(c, r->reply.error);
	else
		rpc_answer(c, r->reply.error, buf_view(&r->reply.body));
}

static void refuse(struct rpc_call *c, const char *why)
{
	rpc_answer(c, slice_of(why), S_NONE);
}

static enum api_state run(
        struct front *f, struct slice method, struct slice args, const struct call_again *again, struct api_wait *wait)
{
	*wait = (struct api_wait){0};
	if (again)
		wait->again = *again;
	front_world(f);
	return api_rpc(&f->api, method, args, &f->rpc->reply, wait);
}

/* ---- calls that wait ---- */

static void run_again(struct waiting *w, const struct call_again *again)
{
	struct rpc_waiting *rw = (struct rpc_waiting *)w;
	struct front *f = w->front;
	struct rpc_call *c = rw->call;
	struct api_wait wait;
	enum api_state state = run(f, rw->method, rw->args, again, &wait);
	if (state != API_ANSWERED && waiting_begin(w, state, &wait)) {
		front_over(f);
		return;
	}
	free(rw);
	rpc_call_keep(c, NULL);
	if (state == API_ANSWERED)
		answer(f->rpc, c);
	else
		refuse(c, "out of memory");
	front_over(f);
}

static void replied(struct waiting *w, struct message *m)
{
	struct rpc_waiting *rw = (struct rpc_waiting *)w;
	struct front *f = w->front;
	struct rpc_call *c = rw->call;
	free(rw);
	rpc_call_keep(c, NULL);
	api_rpc_finish(&f->api, m, &f->rpc->reply);
	answer(f->rpc, c);
}

/* The arguments of one that is with the core are not needed again. */
static struct rpc_waiting *waiting_new(
        struct front *f, struct rpc_call *c, struct slice method, struct slice args, enum api_state state)
{
	static const struct waiting_calls calls = {.again = run_again, .reply = replied};
	size_t n = state == API_SENT ? 0 : method.n + args.n;
	struct rpc_waiting *rw = malloc(sizeof *rw + n);
	if (!rw)
		return NULL;
	*rw = (struct rpc_waiting){.waiting = {.calls = &calls, .front = f}, .call = c};
	if (!n)
		return rw;
	memcpy(rw->bytes, method.p, method.n);
	memcpy(rw->bytes + method.n, args.p, args.n);
	rw->method = slice_at(rw->bytes, method.n);
	rw->args = slice_at(rw->bytes + method.n, args.n);
	return rw;
}

/* ---- the server's calls ---- */

static void on_call(void *host, struct rpc_call *c, struct slice method, struct slice args)
{
	struct front *f = host;
	struct api_wait wait;
	enum api_state state = run(f, method, args, NULL, &wait);
	if (state == API_ANSWERED) {
		answer(f->rpc, c);
	} else {
		struct rpc_waiting *rw = waiting_new(f, c, method, args, state);
		rpc_call_keep(c, rw);
		if (!rw && state == API_SENT)
			message_give(&f->api, wait.message);
		if (!rw || !waiting_begin(&rw->waiting, state, &wait)) {
			free(rw);
			rpc_call_keep(c, NULL);
			refuse(c, "out of memory");
		}
	}
	front_over(f);
}

static void on_gone(void *host, struct rpc_call *c)
{
	struct rpc_waiting *rw = rpc_call_kept(c);
	(void)host;
	if (rw)
		waiting_end(&rw->waiting);
	free(rw);
}

static void on_trouble(void *host, enum rpc_trouble what, const char *why, const struct address *client)
{
	struct front *f = host;
	struct logbuf *log = &f->api.log;
	char from[ADDRESS_TEXT];
	int n = (int)address_print(client, from);
	front_world(f); /* sets the log's clock and level */
	switch (what) {
	case RPC_TROUBLE_BYTE: log_err(log, "consul.rpc: failed to read byte: %s from=%.*s", why, n, from); break;
	case RPC_TROUBLE_PLAIN:
		log_warn(log, "consul.rpc: Non-TLS connection attempted with VerifyIncoming set from=%.*s", n, from);
		break;
	case RPC_TROUBLE_NO_TLS:
		log_warn(log, "consul.rpc: TLS connection attempted, server not configured for TLS from=%.*s", n, from);
		break;
	case RPC_TROUBLE_SESSION:
		log_err(log, "consul.rpc: multiplex conn accept failed: %s from=%.*s", why, n, from);
		break;
	case RPC_TROUBLE_REQUEST: log_err(log, "consul.rpc: RPC error: %s from=%.*s", why, n, from); break;
	}
}

static bool on_taken(void *host, uint8_t byte, struct stream *s, const struct address *client)
{
	struct front *f = host;
	char from[ADDRESS_TEXT];
	if (byte == BYTE_RAFT)
		return raft_host_arrived(f->process->raft, s);
	if (byte == BYTE_SNAPSHOT)
		return front_snapshot_take(f, s);
	front_world(f);
	log_err(&f->api.log, "consul.rpc: unrecognized RPC byte: %u from=%.*s", byte, (int)address_print(client, from),
	        from);
	return false;
}

/* ---- birth and death ---- */

bool front_rpc_init(struct front *f, struct fail *why)
{
	const struct rpc_tls *tls = &f->process->rpc_tls;
	const struct rpc_server_settings settings = {
	        .host = f,
	        .call = on_call,
	        .gone = on_gone,
	        .taken = on_taken,
	        .trouble = on_trouble,
	        .identity = tls->identity,
	        .clients = tls->demanded ? tls->authority : NULL,
	        .tls_only = tls->demanded,
	        .seed = process_seed(),
	};
	if (!f->process->rpc_count)
		return true;
	f->rpc = calloc(1, sizeof *f->rpc);
	if (f->rpc)
		f->rpc->server = rpc_server_new(&f->loop, &settings);
	if (!f->rpc || !f->rpc->server)
		fail_set(why, ERR_NO_MEMORY, "no memory for the server RPC");
	return f->rpc && f->rpc->server;
}

bool front_rpc_listen(struct front *f, struct fail *why)
{
	struct process *p = f->process;
	for (unsigned i = 0; i < p->rpc_count; i++)
		if (p->rpc[i].fd[f->id] >= 0 && !rpc_server_listen(f->rpc->server, p->rpc[i].fd[f->id])) {
			fail_set(why, ERR_IO, "the listener of the server RPC can't be watched");
			return false;
		}
	return true;
}

void front_rpc_free(struct front *f)
{
	front_snapshot_free(f);
	if (!f->rpc)
		return;
	if (f->rpc->server)
		rpc_server_free(f->rpc->server);
	buf_free(&f->rpc->reply.body);
	free(f->rpc);
}
