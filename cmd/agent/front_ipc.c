#include "cmd/agent/front_ipc.h"

#include <stdlib.h>

#include "cmd/agent/exchange.h"
#include "cmd/agent/monitors.h"
#include "core/api/ipc.h"
#include "core/base/must.h"
#include "net/ipc_server.h"

enum {
	OUT_KEEP = 128 << 10, /* bytes of answers that a front keeps */
	CONNECTIONS_MAX = 1024,
};

/* One client. */
struct link {
	struct front *front;
	struct ipc_conn *conn;
	struct ipc_client client;
	struct exchange exchange;
	struct monitor monitor; /* while client.monitoring */
	struct slice value;     /* of `api`: the message being served, in the server's hands … */
	char *kept;             /* … or, while it is parked, a copy of it */
	mono_ns began;          /* when it came */
	bool serving;           /* inside on_value: `then` says how the connection goes on */
	enum ipc_conn_then then;
	uint8_t remote_n;
	char remote[ADDRESS_TEXT];
};

static struct slice remote_of(const struct link *l)
{
	return (struct slice){l->remote, l->remote_n};
}

static struct buf *fresh_out(struct front *f)
{
	buf_reset(&f->ipc_out, OUT_KEEP);
	f->ipc_out.failed = false;
	return &f->ipc_out;
}

/* What was written to the front's buffer. */
static void send_out(struct link *l)
{
	struct buf *out = &l->front->ipc_out;
	if (out->failed) {
		log_err(&l->front->api.log, "agent.rpc: Failed to evaluate request: out of memory");
		ipc_conn_end(l->conn);
		return;
	}
	ipc_conn_send(l->conn, buf_view(out));
}

/* What the connection waited for has been answered. */
static void over(struct link *l)
{
	free(l->kept);
	l->kept = NULL;
	if (!l->serving)
		ipc_conn_resume(l->conn);
}

/* ---- `api`, as a carrier of exchanges ---- */

static struct exchange *begin(void *conn)
{
	return &((struct link *)conn)->exchange;
}

static void answer(void *conn, const struct http_answer *a)
{
	struct link *l = conn;
	ipc_put_http(fresh_out(l->front), &l->client, a);
	send_out(l);
	over(l);
}

static void wait(void *conn)
{
	struct link *l = conn;
	l->then = IPC_CONN_HOLD;
}

static bool park(void *conn)
{
	struct link *l = conn;
	l->kept = malloc(l->value.n);
	if (!l->kept)
		return false;
	memcpy(l->kept, l->value.p, l->value.n);
	l->value.p = l->kept;
	l->then = IPC_CONN_PARK;
	return true;
}

static void request(void *conn, struct http_request *r)
{
	struct link *l = conn;
	front_world(l->front);
	MUST(ipc_http_request(&l->front->api, &l->client, remote_of(l), l->value, r));
	r->began = l->began;
}

/* The log has a command of its own here. */
static void stream(struct front *f, void *conn, struct http_answer *a, enum log_level level)
{
	(void)f;
	(void)level;
	a->status = 501;
	a->content_type = S("text/plain; charset=utf-8");
	buf_reset(&a->body, SIZE_MAX);
	BUF_LIT(&a->body, "An answer without an end does not travel over this port; there is the command \"monitor\"");
	answer(conn, a);
}

static void reply(void *conn, struct message *m)
{
	struct link *l = conn;
	ipc_finish(&l->client, m, fresh_out(l->front));
	send_out(l);
	over(l);
}

static const struct carrier carrier = {
        .begin = begin,
        .answer = answer,
        .wait = wait,
        .park = park,
        .request = request,
        .stream = stream,
        .reply = reply,
};

/* ---- lines of the log ---- */

static void put_line(void *conn, struct buf *out, struct slice line)
{
	struct link *l = conn;
	ipc_put_line(out, &l->client, line);
}

static size_t send_lines(void *conn, struct slice bytes)
{
	return ipc_conn_send(((struct link *)conn)->conn, bytes);
}

static void lost_lines(void *conn, uint64_t lines)
{
	struct link *l = conn;
	(void)lines;
	log_warn(&l->front->api.log, "agent.rpc: Dropping logs to %.*s", PS(remote_of(l)));
}

static void begin_monitor(struct link *l, enum log_level level)
{
	static const struct monitor_calls calls = {.put = put_line, .send = send_lines, .lost = lost_lines};
	l->monitor = (struct monitor){.calls = &calls, .conn = l, .level = level};
	monitor_begin(l->front, &l->monitor);
}

/* ---- the server's calls ---- */

/* At most one reload waits, however many ask for it. */
static void reload(struct front *f, struct message *m)
{
	if (f->reloading) {
		message_give(&f->api, m);
		return;
	}
	f->reloading = true;
	m->owner = NULL;
	front_send(f, m);
}

static void serve_http(struct link *l, const struct ipc_step *step, struct slice value)
{
	l->value = value;
	l->began = step->http.began;
	l->serving = true;
	exchange_serve(l->front, &carrier, l, &step->http, NULL);
	l->serving = false;
}

static void carry_out(struct link *l, enum ipc_state state, const struct ipc_step *step, struct slice value)
{
	struct front *f = l->front;
	l->then = IPC_CONN_NEXT;
	switch (state) {
	case IPC_ANSWERED: break;
	case IPC_HTTP: serve_http(l, step, value); break;
	case IPC_MONITOR: begin_monitor(l, step->level); break;
	case IPC_STOP: monitor_end(f, &l->monitor); break;
	case IPC_TOLD: reload(f, step->message); break;
	case IPC_SENT:
		exchange_send(f, &l->exchange, &carrier, l, step->message);
		l->then = IPC_CONN_HOLD;
		break;
	case IPC_CLOSE:
		log_err(&f->api.log, "agent.rpc: %.*s", PS(step->why));
		l->then = IPC_CONN_END;
		break;
	}
}

static enum ipc_conn_then on_value(void *host, struct ipc_conn *c, struct slice value)
{
	struct front *f = host;
	struct link *l = ipc_conn_user(c);
	struct ipc_step step;
	front_world(f);
	enum ipc_state state = ipc_take(&f->api, &l->client, remote_of(l), value, fresh_out(f), &step);
	send_out(l);
	carry_out(l, state, &step, value);
	ipc_conn_limit(c, ipc_limit(&l->client));
	front_over(f);
	return l->then;
}

static void on_spoilt(void *host, struct ipc_conn *c)
{
	struct front *f = host;
	struct link *l = ipc_conn_user(c);
	front_world(f);
	log_err(&f->api.log, "agent.rpc: %.*s", PS(ipc_spoilt(&l->client)));
}

static void *on_opened(void *host, struct ipc_conn *c)
{
	struct front *f = host;
	struct link *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->front = f;
	l->conn = c;
	l->remote_n = (uint8_t)address_print(ipc_conn_client(c), l->remote);
	front_world(f);
	log_info(&f->api.log, "agent.rpc: Accepted client: %.*s", PS(remote_of(l)));
	return l;
}

static void on_closed(void *host, struct ipc_conn *c)
{
	struct front *f = host;
	struct link *l = ipc_conn_user(c);
	exchange_abandon(&l->exchange);
	if (l->client.monitoring)
		monitor_end(f, &l->monitor);
	ipc_client_free(&l->client);
	free(l->kept);
	free(l);
}

/* ---- birth and death ---- */

bool front_ipc_init(struct front *f, struct fail *why)
{
	const struct ipc_settings settings = {
	        .host = f,
	        .opened = on_opened,
	        .value = on_value,
	        .spoilt = on_spoilt,
	        .closed = on_closed,
	        .value_max = IPC_HEADER_MAX,
	        .connections_max = CONNECTIONS_MAX,
	};
	if (!f->process->ipc_count)
		return true;
	f->ipc = ipc_server_new(&f->loop, &settings);
	if (!f->ipc)
		fail_set(why, ERR_NO_MEMORY, "no memory for the RPC server");
	return f->ipc != NULL;
}

bool front_ipc_listen(struct front *f, struct fail *why)
{
	struct process *p = f->process;
	for (unsigned i = 0; i < p->ipc_count; i++)
		if (p->ipc[i].fd[f->id] >= 0 && !ipc_server_listen(f->ipc, p->ipc[i].fd[f->id])) {
			fail_set(why, ERR_IO, "the RPC listener can't be watched");
			return false;
		}
	return true;
}

void front_ipc_free(struct front *f)
{
	ipc_server_free(f->ipc);
	buf_free(&f->ipc_out);
}
