#include "cmd/agent/forward.h"

#include <stdlib.h>

#include "cmd/agent/snapshot_job.h"
#include "cmd/agent/snapshot_stream.h"
#include "core/base/slice.h"
#include "net/rpc_client.h"

/* On top of what an answer may take by right: leaders are waited for at the other end, too. */
#define MARGIN (120 * NS_PER_S)

enum { SERVER_STREAMS = 64, CLIENT_STREAMS = 32 };

struct forward {
	struct loop *loop;
	struct rpc_client *client;
	struct forward_call *calls; /* under way */
	const struct rpc_tls *tls;
	const struct call_forward *asking; /* the one that is being sent */
	struct rpc_tls_to tls_to;
};

struct forward_call {
	struct forward_call *next, **prev;
	struct rpc_sent *sent; /* one of these */
	struct snapshot_stream *stream;
	struct snapshot_job *job;
	void (*done)(void *owner, const struct call_answer *a);
	void *owner;
	size_t to_n;
	char to[];
};

/* Asked inside rpc_client_call: for the server of the call that is being sent. */
static const struct tls_settings *tls_for(void *host, const struct address *to)
{
	struct forward *f = host;
	(void)to;
	return rpc_tls_to(f->tls, f->asking->datacenter, f->asking->tls, &f->tls_to);
}

struct forward *forward_new(struct loop *l, const struct agent_config *c, const struct rpc_tls *tls, uint64_t seed)
{
	struct forward *f = calloc(1, sizeof *f);
	const struct rpc_client_settings settings = {
	        .host = f,
	        .tls = tls_for,
	        .from = tls->source,
	        .idle_timeout = c->server_mode ? 120 * NS_PER_S : 127 * NS_PER_S,
	        .idle_streams = c->server_mode ? SERVER_STREAMS : CLIENT_STREAMS,
	        .seed = seed,
	};
	if (!f)
		return NULL;
	f->loop = l;
	f->tls = tls;
	f->client = rpc_client_new(l, &settings);
	if (!f->client) {
		free(f);
		return NULL;
	}
	return f;
}

static void call_free(struct forward_call *c)
{
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	free(c);
}

void forward_free(struct forward *f)
{
	if (!f)
		return;
	rpc_client_free(f->client);
	while (f->calls) {
		if (f->calls->stream)
			snapshot_stream_cancel(f->calls->stream);
		if (f->calls->job)
			snapshot_job_cancel(f->calls->job);
		call_free(f->calls);
	}
	free(f);
}

static void on_done(void *owner, const struct rpc_result *r)
{
	static const enum answer_kind kinds[] = {
	        [RPC_DONE] = ANSWER_REPLY,
	        [RPC_REFUSED] = ANSWER_ERROR,
	        [RPC_NO_CONN] = ANSWER_UNREACHABLE,
	        [RPC_LOST] = ANSWER_LOST,
	        [RPC_LATE] = ANSWER_LOST,
	};
	struct forward_call *c = owner;
	const struct call_answer a = {
	        .kind = kinds[r->outcome],
	        .from = slice_at(c->to, c->to_n),
	        .body = r->body,
	        .text = r->error,
	};
	c->done(c->owner, &a);
	call_free(c);
}

static void on_streamed(void *owner, const struct call_answer *a)
{
	struct forward_call *c = owner;
	c->done(c->owner, a);
	call_free(c);
}

struct forward_call *forward_begin(struct forward *f, const struct call_forward *what,
        void (*done)(void *owner, const struct call_answer *a), void *owner)
{
	struct forward_call *c = malloc(sizeof *c + what->to.n);
	if (!c)
		return NULL;
	*c = (struct forward_call){.done = done, .owner = owner, .to_n = what->to.n};
	if (what->to.n)
		memcpy(c->to, what->to.p, what->to.n);
	mono_ns deadline = f->loop->now + what->patience + MARGIN;
	f->asking = what;
	if (what->method.n)
		c->sent = rpc_client_call(f->client, what->to, what->method, what->args, deadline, on_done, c);
	else if (what->to.n)
		c->stream = snapshot_stream_begin(f->loop, f->tls, what, on_streamed, c);
	else
		c->job = snapshot_job_begin(f->loop, what->args, on_streamed, c);
	if (!c->sent && !c->stream && !c->job) {
		free(c);
		return NULL;
	}
	c->next = f->calls;
	c->prev = &f->calls;
	if (c->next)
		c->next->prev = &c->next;
	f->calls = c;
	return c;
}

void forward_cancel(struct forward_call *c)
{
	if (c->stream)
		snapshot_stream_cancel(c->stream);
	else if (c->job)
		snapshot_job_cancel(c->job);
	else
		rpc_client_cancel(c->sent);
	call_free(c);
}
