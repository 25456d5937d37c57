#include "cmd/agent/front_snapshot.h"

#include <errno.h>
#include <stdlib.h>

#include "cmd/agent/waiting.h"
#include "core/api/snapshot_call.h"
#include "core/base/slice.h"
#include "net/socket.h"

#define SILENCE_MAX (120 * NS_PER_S)

/*  RECEIVING --- all of it is there ---> WORKING --- answered ---> SENDING --- sent ---> closed */
enum phase { RECEIVING, WORKING, SENDING };

struct front_snapshot {
	struct waiting waiting; /* first */
	struct stream stream;
	struct timer silence;
	struct front_snapshot *next, **prev;
	enum phase phase;
	bool whole; /* the client said all it has to say */
};

static struct front_snapshot *of_watch(struct watch *w)
{
	return (struct front_snapshot *)((char *)w - offsetof(struct front_snapshot, stream));
}

static void end(struct front_snapshot *s)
{
	waiting_end(&s->waiting);
	stream_close(&s->stream);
	loop_timer_stop(&s->waiting.front->loop, &s->silence);
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	free(s);
}

static void broken(struct front_snapshot *s, const char *why)
{
	struct front *f = s->waiting.front;
	front_world(f);
	log_err(&f->api.log, "consul: failed to handle a snapshot request: %s", why);
	end(s);
}

static void silent(struct timer *t)
{
	broken((struct front_snapshot *)((char *)t - offsetof(struct front_snapshot, silence)), "i/o timeout");
}

static void moving(struct front_snapshot *s)
{
	loop_timer(&s->waiting.front->loop, &s->silence, s->waiting.front->loop.now + SILENCE_MAX);
}

/* ---- answering ---- */

static void sent(struct front_snapshot *s)
{
	moving(s);
	if (stream_waiting(&s->stream))
		return;
	stream_shut(&s->stream);
	end(s);
}

static void answer(struct front_snapshot *s, struct slice bytes)
{
	struct iovec part = {(void *)(uintptr_t)bytes.p, bytes.n};
	s->phase = SENDING;
	stream_take(&s->stream, stream_in(&s->stream).n);
	if (stream_send(&s->stream, &part, 1))
		sent(s);
	else
		broken(s, socket_error_text(errno));
}

static void run(struct front_snapshot *s, const struct call_again *again)
{
	struct front *f = s->waiting.front;
	struct api_wait wait = {0};
	struct buf out = {0};
	if (again)
		wait.again = *again;
	s->phase = WORKING;
	loop_mod(&f->loop, &s->stream.watch, 0); /* nothing more is read; what it says now does not matter */
	loop_timer_stop(&f->loop, &s->silence);
	front_world(f);
	enum api_state state = again && again->answer && again->answer->kind == ANSWER_REPLY
	                               ? API_ANSWERED
	                               : snapshot_serve(&f->api, stream_in(&s->stream), &out, &wait);
	if (state != API_ANSWERED && !waiting_begin(&s->waiting, state, &wait))
		broken(s, "out of memory");
	else if (state == API_ANSWERED && out.failed)
		broken(s, "out of memory");
	else if (state == API_ANSWERED) /* another server's goes on as it came */
		answer(s, out.n ? buf_view(&out) : again->answer->body);
	buf_free(&out);
	front_over(f);
}

static void run_again(struct waiting *w, const struct call_again *again)
{
	run((struct front_snapshot *)w, again);
}

static void replied(struct waiting *w, struct message *m)
{
	struct buf out = {0};
	snapshot_served(m, &out);
	answer((struct front_snapshot *)w, buf_view(&out));
	buf_free(&out);
}

/* ---- receiving ---- */

/* Whoever asks for a snapshot need not have finished sending; one that brings one has no other way to say how long it
 * is. */
static void look(struct front_snapshot *s)
{
	bool brings;
	size_t n = snapshot_request_size(stream_in(&s->stream), &brings);
	if (n == SIZE_MAX)
		broken(s, "failed to decode request");
	else if (n && (s->whole || !brings))
		run(s, NULL);
	else if (s->whole)
		broken(s, "failed to decode request: EOF");
}

static void receive(struct front_snapshot *s)
{
	bool drained = false;
	moving(s);
	while (!drained && !s->whole)
		switch (stream_read(&s->stream, SNAPSHOT_CALL_MAX, &drained)) {
		case STREAM_GOT: break;
		case STREAM_LATER: drained = true; break;
		case STREAM_END: s->whole = true; break;
		case STREAM_FULL: broken(s, "the snapshot is too large"); return;
		case STREAM_FAIL: broken(s, socket_error_text(errno)); return;
		}
	look(s);
}

static void ready(struct watch *w, uint32_t events)
{
	struct front_snapshot *s = of_watch(w);
	if (s->phase == RECEIVING)
		receive(s);
	else if (events & (EPOLLERR | EPOLLHUP))
		end(s);
	else if (s->phase == SENDING && !stream_flush(&s->stream))
		broken(s, socket_error_text(errno));
	else if (s->phase == SENDING)
		sent(s);
}

bool front_snapshot_take(struct front *f, struct stream *from)
{
	static const struct waiting_calls calls = {.again = run_again, .reply = replied};
	unsigned n = 0;
	for (const struct front_snapshot *o = f->snapshots; o; o = o->next)
		n++;
	struct front_snapshot *s = n < SNAPSHOT_STREAMS_MAX ? calloc(1, sizeof *s) : NULL;
	if (!s)
		return false;
	s->waiting = (struct waiting){.calls = &calls, .front = f};
	s->stream = *from;
	s->silence.fire = silent;
	if (!stream_join(&s->stream, &f->loop, ready)) {
		free(s);
		return false;
	}
	s->next = f->snapshots;
	s->prev = &f->snapshots;
	if (s->next)
		s->next->prev = &s->next;
	f->snapshots = s;
	receive(s);
	return true;
}

void front_snapshot_free(struct front *f)
{
	while (f->snapshots)
		end(f->snapshots);
}
