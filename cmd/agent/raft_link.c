#include "cmd/agent/raft_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft_wire.h"
#include "net/socket.h"

enum {
	FIRST_BYTE = 1,
	TAGS_MAX = 512, /* requests under way */
	QUEUED_MAX = 64 << 20,
	ANSWER_MAX = 1 << 20,
	PIECE = 128 << 10,      /* of a spool at a time */
	PIECES_A_TURN = 8,      /* so that one snapshot does not hold the loop */
	SPOOL_RATE = 256 << 10, /* bytes in ANSWER_WITHIN: hashicorp/raft's patience with an InstallSnapshot */
};
#define DIAL_WITHIN (3 * NS_PER_S)
#define ANSWER_WITHIN (10 * NS_PER_S)
#define PAUSE_MIN (10 * NS_PER_MS)
#define PAUSE_MAX (500 * NS_PER_MS)

enum link_state { LINK_IDLE, LINK_WAITING, LINK_DIALING, LINK_UP, LINK_BROKEN };

struct raft_link {
	struct stream stream; /* first: WATCH → link is a cast */
	const struct raft_link_host *host;
	enum link_state state;
	char peer[RAFT_LINK_PEER_MAX + 1];
	uint8_t channel;
	bool answered, complained;
	struct address to;
	struct dial dial;
	struct timer timer; /* WAITING: dial then; UP: an answer is due; BROKEN: say so */
	dur_ns pause;
	mono_ns retry_at;
	struct buf queued; /* until the connection stands */
	uint64_t tags[TAGS_MAX];
	mono_ns sent[TAGS_MAX]; /* when; for a spool the moment up to which we are patient, less ANSWER_WITHIN */
	unsigned first, count;
	struct raft_spool spool; /* behind what was sent */
	struct slice rest;       /* of it */
};

static struct raft_link *link_of(struct timer *t)
{
	return (struct raft_link *)((char *)t - offsetof(struct raft_link, timer));
}

/* ---- the end of a connection ---- */

static void close_all(struct raft_link *l)
{
	dial_stop(&l->dial);
	stream_close(&l->stream);
	raft_spool_close(&l->spool);
	buf_reset(&l->queued, 0);
	loop_timer_stop(l->host->loop, &l->timer);
	l->rest = S_NONE;
	l->first = l->count = 0;
	l->state = LINK_IDLE;
}

static void lost(struct raft_link *l, const char *why)
{
	if (!l->complained && *why)
		log_warn(l->host->log, "raft: lost the connection to %s: %s", l->peer, why);
	l->complained = true;
	if (!l->answered) {
		l->pause = l->pause ? l->pause * 2 : PAUSE_MIN;
		l->pause = l->pause > PAUSE_MAX ? PAUSE_MAX : l->pause;
		l->retry_at = l->host->loop->now + l->pause;
	}
	close_all(l);
	struct event ev = {.kind = EV_RAFT_LOST, .raft = {.peer = slice_of(l->peer), .channel = l->channel}};
	l->host->event(l->host->owner, &ev);
}

/* From inside raft_link_send: what cannot be sent is lost, but that is said later. */
static void broken(struct raft_link *l)
{
	l->state = LINK_BROKEN;
	loop_timer(l->host->loop, &l->timer, l->host->loop->now);
}

/* ---- answers ---- */

static void patience(struct raft_link *l)
{
	if (!l->count)
		loop_timer_stop(l->host->loop, &l->timer);
	else
		loop_timer(l->host->loop, &l->timer, l->sent[l->first] + ANSWER_WITHIN);
}

static void take_answer(struct raft_link *l, struct slice bytes)
{
	struct event ev = {.kind = EV_RAFT_ANSWER,
	        .raft = {.peer = slice_of(l->peer), .channel = l->channel, .tag = l->tags[l->first], .bytes = bytes}};
	l->first = (l->first + 1) % TAGS_MAX;
	l->count--;
	l->answered = true;
	l->complained = false;
	l->pause = 0;
	if (!l->rest.n)
		raft_spool_close(&l->spool);
	l->host->event(l->host->owner, &ev);
}

/* False: the peer does not speak Raft. */
static bool take_answers(struct raft_link *l)
{
	size_t n;
	while ((n = raft_wire_answer_size(stream_in(&l->stream), ANSWER_MAX))) {
		if (n == SIZE_MAX || !l->count)
			return false;
		take_answer(l, slice_cut(stream_in(&l->stream), 0, n));
		stream_take(&l->stream, n);
	}
	patience(l);
	return true;
}

static void read_answers(struct raft_link *l)
{
	for (;;) {
		bool drained;
		switch (stream_read(&l->stream, ANSWER_MAX, &drained)) {
		case STREAM_GOT:
			if (!take_answers(l)) {
				lost(l, "it sent something that is no answer");
				return;
			}
			if (drained)
				return;
			break;
		case STREAM_LATER: return;
		case STREAM_FULL: lost(l, "its answer is too long"); return;
		case STREAM_END: lost(l, "EOF"); return;
		case STREAM_FAIL: lost(l, socket_error_text(errno)); return;
		}
	}
}

/* ---- sending ---- */

static bool send_bytes(struct raft_link *l, struct slice bytes)
{
	struct iovec part = {(void *)(uintptr_t)bytes.p, bytes.n};
	return stream_send(&l->stream, &part, 1);
}

/* Sends on of the spool as long as the peer keeps up. */
static bool feed(struct raft_link *l)
{
	for (int i = 0; i < PIECES_A_TURN && l->rest.n && !stream_waiting(&l->stream); i++) {
		size_t n = l->rest.n < PIECE ? l->rest.n : PIECE;
		if (!send_bytes(l, slice_cut(l->rest, 0, n)))
			return false;
		l->rest = slice_from(l->rest, n);
	}
	if (l->rest.n)
		loop_mod(l->host->loop, &l->stream.watch, l->stream.watch.events | EPOLLOUT);
	return true;
}

static void ready(struct watch *w, uint32_t events)
{
	struct raft_link *l = (struct raft_link *)w;
	if ((events & EPOLLOUT) && (!stream_flush(&l->stream) || !feed(l))) {
		lost(l, socket_error_text(errno));
		return;
	}
	if (events & ~(uint32_t)EPOLLOUT)
		read_answers(l);
}

/* ---- connecting ---- */

static void dialled(struct dial *d, const struct fail *f)
{
	struct raft_link *l = d->owner;
	l->answered = false;
	if (f) {
		lost(l, f->text);
		return;
	}
	if (!dial_take(d, &l->stream, ready)) {
		lost(l, "no descriptors");
		return;
	}
	l->state = LINK_UP;
	bool sent = send_bytes(l, buf_view(&l->queued)) && feed(l);
	buf_free(&l->queued);
	patience(l);
	if (!sent)
		lost(l, socket_error_text(errno));
}

static void dial(struct raft_link *l)
{
	struct dial_settings set = {
	        .to = l->to,
	        .says_first = true,
	        .first = FIRST_BYTE,
	        .timeout = DIAL_WITHIN,
	};
	char text[ADDRESS_TEXT];
	size_t n = address_print(&l->to, text);
	l->host->how(l->host->owner, slice_at(text, n), &set);
	l->state = LINK_DIALING;
	l->dial.owner = l;
	l->dial.done = dialled;
	dial_start(&l->dial, l->host->loop, &set);
}

static void connect_soon(struct raft_link *l)
{
	if (l->host->loop->now >= l->retry_at) {
		dial(l);
		return;
	}
	l->state = LINK_WAITING;
	loop_timer(l->host->loop, &l->timer, l->retry_at);
}

static void fire(struct timer *t)
{
	struct raft_link *l = link_of(t);
	switch (l->state) {
	case LINK_WAITING: dial(l); break;
	case LINK_BROKEN: lost(l, "too much waits for it"); break;
	case LINK_UP:
		if (l->sent[l->first] + ANSWER_WITHIN > l->host->loop->now)
			patience(l);
		else
			lost(l, "i/o timeout");
		break;
	default: break;
	}
}

/* ---- the face ---- */

struct raft_link *raft_link_new(const struct raft_link_host *h, struct slice peer, uint8_t channel)
{
	struct raft_link *l = peer.n <= RAFT_LINK_PEER_MAX ? calloc(1, sizeof *l) : NULL;
	if (!l)
		return NULL;
	l->host = h;
	l->channel = channel;
	l->timer.fire = fire;
	l->spool.fd = -1;
	slice_cstr(peer, l->peer, sizeof l->peer);
	return l;
}

void raft_link_free(struct raft_link *l)
{
	close_all(l);
	buf_free(&l->queued);
	free(l);
}

bool raft_link_is(const struct raft_link *l, struct slice peer, uint8_t channel)
{
	return l->channel == channel && slice_is(peer, l->peer);
}

bool raft_link_is_to(const struct raft_link *l, struct slice peer)
{
	return slice_is(peer, l->peer);
}

void raft_link_fail(struct raft_link *l)
{
	broken(l);
}

/* The peer has moved: what is under way to its old place is lost. */
static void look_at_address(struct raft_link *l, struct slice address)
{
	struct address to;
	if (!address_parse(address, &to)) {
		broken(l);
		return;
	}
	if (address_eq(&to, &l->to))
		return;
	if (l->state == LINK_UP || l->state == LINK_DIALING || l->count)
		broken(l);
	l->to = to;
	l->retry_at = 0;
}

static void note(struct raft_link *l, uint64_t tag, mono_ns at)
{
	unsigned i = (l->first + l->count++) % TAGS_MAX;
	l->tags[i] = tag;
	l->sent[i] = at;
	if (l->count == 1 && l->state == LINK_UP)
		patience(l);
}

void raft_link_send(struct raft_link *l, struct slice address, uint64_t tag, struct slice bytes)
{
	look_at_address(l, address);
	size_t waits = l->queued.n + (l->state == LINK_UP ? stream_waiting(&l->stream) : 0);
	if (l->state == LINK_BROKEN)
		return;
	if (l->count == TAGS_MAX || waits > QUEUED_MAX || l->rest.n) {
		broken(l);
		return;
	}
	note(l, tag, l->host->loop->now);
	if (l->state == LINK_UP) {
		if (!send_bytes(l, bytes))
			broken(l);
		return;
	}
	buf_slice(&l->queued, bytes);
	if (l->queued.failed)
		broken(l);
	else if (l->state == LINK_IDLE)
		connect_soon(l);
}

void raft_link_install(
        struct raft_link *l, struct slice address, uint64_t tag, struct slice head, struct raft_spool *spool)
{
	struct slice bytes;
	struct fail f;
	raft_link_send(l, address, tag, head);
	if (l->state == LINK_BROKEN || raft_spool_view(spool, &bytes, &f)) {
		raft_spool_close(spool);
		broken(l);
		return;
	}
	l->spool = *spool;
	*spool = (struct raft_spool){.fd = -1};
	l->rest = bytes;
	l->sent[(l->first + l->count - 1) % TAGS_MAX] += (dur_ns)(bytes.n / SPOOL_RATE) * ANSWER_WITHIN;
	if (l->state == LINK_UP && !feed(l))
		broken(l);
}
