#include "cmd/agent/snapshot_stream.h"

#include <errno.h>
#include <stdlib.h>

#include "core/api/snapshot_call.h"
#include "core/base/msgpack.h"
#include "core/base/slice.h"
#include "net/dial.h"
#include "net/socket.h"

enum { FIRST_BYTE = 5 };

/* A server that takes or brings nothing for so long is gone. */
#define SILENCE_MAX (120 * NS_PER_S)

struct snapshot_stream {
	struct stream stream; /* first: WATCH → struct is a cast */
	struct dial dial;
	struct timer silence;
	struct loop *loop;
	void (*done)(void *owner, const struct call_answer *a);
	void *owner;
	struct buf request;
	bool sent; /* all of it */
	char to[128];
};

void snapshot_stream_cancel(struct snapshot_stream *s)
{
	dial_stop(&s->dial);
	stream_close(&s->stream);
	loop_timer_stop(s->loop, &s->silence);
	buf_free(&s->request);
	free(s);
}

static void end(struct snapshot_stream *s, enum answer_kind kind, struct slice body, const char *text)
{
	struct call_answer a = {.kind = kind, .from = slice_of(s->to), .body = body, .text = slice_of(text)};
	s->done(s->owner, &a);
	snapshot_stream_cancel(s);
}

static void silent(struct timer *t)
{
	struct snapshot_stream *s = (struct snapshot_stream *)((char *)t - offsetof(struct snapshot_stream, silence));
	end(s, ANSWER_LOST, S_NONE, "failed to decode response: i/o timeout");
}

static void moving(struct snapshot_stream *s)
{
	loop_timer(s->loop, &s->silence, s->loop->now + SILENCE_MAX);
}

/* Whoever refuses what we bring answers and closes, without reading all of it: that breaks the connection. */
static void broken(struct snapshot_stream *s)
{
	const char *why = tls_error(&s->stream);
	why = why ? why : socket_error_text(errno);
	size_t n = mp_whole(stream_in(&s->stream));
	if (n && n != SIZE_MAX)
		end(s, ANSWER_REPLY, slice_cut(stream_in(&s->stream), 0, n), "");
	else
		end(s, ANSWER_LOST, S_NONE, why);
}

/* False: it has ended. */
static bool receive(struct snapshot_stream *s)
{
	bool drained = false;
	moving(s);
	while (!drained)
		switch (stream_read(&s->stream, SNAPSHOT_CALL_MAX, &drained)) {
		case STREAM_GOT: break;
		case STREAM_LATER: return true;
		case STREAM_END: end(s, ANSWER_REPLY, stream_in(&s->stream), ""); return false;
		case STREAM_FULL: end(s, ANSWER_LOST, S_NONE, "the snapshot is too large"); return false;
		case STREAM_FAIL: broken(s); return false;
		}
	return true;
}

/* What we had to say is said: the other side must see its end. */
static void finish_sending(struct snapshot_stream *s)
{
	if (s->sent || stream_waiting(&s->stream))
		return;
	s->sent = true;
	stream_shut_under(&s->stream);
}

static void ready(struct watch *w, uint32_t events)
{
	struct snapshot_stream *s = (struct snapshot_stream *)w;
	moving(s);
	if (events & EPOLLOUT && !stream_flush(&s->stream)) {
		broken(s);
		return;
	}
	if (!(events & ~(uint32_t)EPOLLOUT) || receive(s))
		finish_sending(s); /* a handshake that is over lets out what waited */
}

static void dialled(struct dial *d, const struct fail *f)
{
	struct snapshot_stream *s = d->owner;
	struct iovec part = {s->request.p, s->request.n};
	if (f) {
		end(s, ANSWER_UNREACHABLE, S_NONE, f->text);
		return;
	}
	if (!dial_take(d, &s->stream, ready)) {
		end(s, ANSWER_UNREACHABLE, S_NONE, "no descriptors");
		return;
	}
	bool good = stream_send(&s->stream, &part, 1);
	buf_free(&s->request);
	if (!good) {
		end(s, ANSWER_LOST, S_NONE, socket_error_text(errno));
		return;
	}
	moving(s);
	finish_sending(s);
}

struct snapshot_stream *snapshot_stream_begin(struct loop *l, const struct rpc_tls *tls,
        const struct call_forward *what, void (*done)(void *owner, const struct call_answer *a), void *owner)
{
	struct snapshot_stream *s = calloc(1, sizeof *s);
	struct rpc_tls_to to;
	struct dial_settings set = {
	        .from = tls->source,
	        .tls = rpc_tls_to(tls, what->datacenter, what->tls, &to),
	        .tls_byte = RPC_TLS_BYTE,
	        .says_first = true,
	        .first = FIRST_BYTE,
	};
	if (!s)
		return NULL;
	s->loop = l;
	s->done = done;
	s->owner = owner;
	s->silence.fire = silent;
	s->dial.owner = s;
	s->dial.done = dialled;
	slice_cstr(what->to, s->to, sizeof s->to);
	buf_slice(&s->request, what->args);
	buf_slice(&s->request, what->tail);
	if (s->request.failed || !address_parse(what->to, &set.to)) {
		buf_free(&s->request);
		free(s);
		return NULL;
	}
	dial_start(&s->dial, l, &set);
	return s;
}
