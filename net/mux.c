#include "net/mux.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"

enum { DATA, WINDOW, PING, GO_AWAY };
enum { SYN = 1, ACK = 2, FIN = 4, RST = 8 };
enum { AWAY_NORMAL, AWAY_PROTOCOL, AWAY_INTERNAL };

/* What is true of a stream. It is forgotten when both sides have said that they end it, or one has reset it. */
enum {
	ASKED = 1,  /* ours; not accepted yet */
	THEIRS = 2, /* counts against streams_max */
	WE_FIN = 4, /* we have said that we end it */
	THEY_FIN = 8,
	GIVEN_UP = 16, /* not the owner's any more; ends when the queue is empty */
};

/* ---- frames out ---- */

static void put_head(struct mux *m, uint8_t type, uint16_t flags, uint32_t id, uint32_t length)
{
	struct buf *b = &m->out;
	if (!buf_room(b, MUX_HEAD))
		return;
	buf_char(b, 0);
	buf_char(b, (char)type);
	buf_be16(b, flags);
	buf_be32(b, id);
	buf_be32(b, length);
}

static enum mux_kind broken(struct mux *m, const char *why, bool tell)
{
	if (tell && !m->broken)
		put_head(m, GO_AWAY, 0, 0, AWAY_PROTOCOL);
	m->broken = true;
	m->why = why;
	return MUX_BROKEN;
}

/* ---- streams ---- */

static struct slice key_of(const uint32_t *id)
{
	return slice_at(id, sizeof *id);
}

static struct mux_stream *find(const struct mux *m, uint32_t id)
{
	return map_get(&m->by_id, key_of(&id));
}

static struct mux_stream *add(struct mux *m, uint32_t id, uint8_t flags)
{
	struct mux_stream *s = calloc(1, m->stream_size);
	if (!s)
		return NULL;
	*s = (struct mux_stream){.id = id, .may_send = MUX_WINDOW, .may_receive = MUX_WINDOW, .flags = flags};
	if (!map_put(&m->by_id, key_of(&s->id), s, NULL)) {
		free(s);
		return NULL;
	}
	m->unaccepted += flags & ASKED ? 1 : 0;
	m->streams += flags & THEIRS ? 1 : 0;
	return s;
}

static void forget(struct mux *m, struct mux_stream *s)
{
	MUST(map_remove(&m->by_id, key_of(&s->id)) == s);
	m->unaccepted -= s->flags & ASKED ? 1 : 0;
	m->streams -= s->flags & THEIRS ? 1 : 0;
	m->closed -= s->flags & WE_FIN ? 1 : 0;
	if (m->reading == s)
		m->reading = NULL;
	m->queued -= mux_waiting(s);
	buf_free(&s->queue);
}

static void drop(struct mux *m, struct mux_stream *s)
{
	forget(m, s);
	free(s);
}

static void send_fin(struct mux *m, struct mux_stream *s)
{
	put_head(m, WINDOW, FIN, s->id, 0);
	s->flags |= WE_FIN;
	m->closed++;
	if (s->flags & THEY_FIN)
		drop(m, s);
}

/* What the window lets out of the queue. True when that was the last of it. */
static bool pump(struct mux *m, struct mux_stream *s)
{
	size_t n = mux_waiting(s);
	if (!n || !s->may_send)
		return false;
	n = n < s->may_send ? n : s->may_send;
	put_head(m, DATA, 0, s->id, (uint32_t)n);
	buf_bytes(&m->out, s->queue.p + s->queue_at, n);
	s->may_send -= (uint32_t)n;
	s->queue_at += n;
	m->queued -= n;
	if (mux_waiting(s))
		return false;
	buf_free(&s->queue);
	s->queue_at = 0;
	return true;
}

/* ---- frames in ---- */

static enum mux_kind take_syn(struct mux *m, uint32_t id, struct mux_event *ev)
{
	if (find(m, id))
		return broken(m, "duplicate stream initiated", true);
	struct mux_stream *s = m->streams < m->streams_max && !m->closing ? add(m, id, THEIRS) : NULL;
	put_head(m, WINDOW, s ? ACK : RST, id, 0);
	ev->stream = s;
	return s ? MUX_OPENED : MUX_IDLE;
}

static enum mux_kind take_credit(struct mux *m, struct mux_stream *s, uint32_t credit)
{
	if (!s)
		return MUX_IDLE;
	s->may_send = credit > UINT32_MAX - s->may_send ? UINT32_MAX : s->may_send + credit;
	if (!pump(m, s))
		return MUX_IDLE;
	if (!(s->flags & GIVEN_UP))
		return MUX_DRAINED;
	send_fin(m, s);
	return MUX_IDLE;
}

static enum mux_kind stream_frame(
        struct mux *m, uint8_t type, uint16_t flags, uint32_t id, uint32_t length, struct mux_event *ev)
{
	enum mux_kind kind = flags & SYN ? take_syn(m, id, ev) : MUX_IDLE;
	if (kind == MUX_BROKEN)
		return kind;
	struct mux_stream *s = find(m, id);
	m->reading = s;
	m->todo = flags & (ACK | FIN | RST);
	m->left = type == DATA ? length : 0;
	if (m->left && s && length > s->may_receive)
		return broken(m, "recv window exceeded", true);
	if (m->left && s)
		s->may_receive -= length;
	if (type == WINDOW && kind == MUX_IDLE) {
		kind = take_credit(m, s, length);
		ev->stream = s;
	}
	return kind;
}

static enum mux_kind take_ping(struct mux *m, uint16_t flags, uint32_t number)
{
	if (flags & SYN) {
		put_head(m, PING, ACK, 0, number);
		return MUX_IDLE;
	}
	if (!m->pinging || number != m->ping)
		return MUX_IDLE;
	m->pinging = false;
	m->ping++;
	return MUX_PONG;
}

static enum mux_kind take_go_away(struct mux *m, uint32_t why)
{
	switch (why) {
	case AWAY_NORMAL: m->away = true; return MUX_AWAY;
	case AWAY_PROTOCOL: return broken(m, "yamux protocol error", false);
	case AWAY_INTERNAL: return broken(m, "remote yamux internal error", false);
	default: return broken(m, "unexpected go away received", false);
	}
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum mux_kind take_head(struct mux *m, struct slice *in, struct mux_event *ev)
{
	uint8_t head[MUX_HEAD];
	memcpy(head, in->p, sizeof head);
	*in = slice_from(*in, MUX_HEAD);
	uint16_t flags = (uint16_t)(head[2] << 8 | head[3]);
	uint32_t id = be32(head + 4), length = be32(head + 8);
	if (head[0])
		return broken(m, "invalid protocol version", false);
	switch (head[1]) {
	case DATA:
	case WINDOW: return stream_frame(m, head[1], flags, id, length, ev);
	case PING: return take_ping(m, flags, length);
	case GO_AWAY: return take_go_away(m, length);
	default: return broken(m, "invalid msg type", false);
	}
}

static enum mux_kind take_ack(struct mux *m, struct mux_stream *s)
{
	m->todo &= (uint16_t)~ACK;
	if (!s || !(s->flags & ASKED))
		return MUX_IDLE;
	s->flags &= (uint8_t)~ASKED;
	m->unaccepted--;
	return s->flags & GIVEN_UP ? MUX_IDLE : MUX_ACCEPTED;
}

static void give_credit(struct mux *m, struct mux_stream *s)
{
	put_head(m, WINDOW, 0, s->id, s->owed);
	s->may_receive += s->owed;
	s->owed = 0;
}

/* Who writes it would wait for window for ever; but one who is done with it would wonder about a late one. */
static void discard(struct mux *m, struct mux_stream *s, uint32_t n)
{
	s->owed += n;
	if (!s->may_receive)
		give_credit(m, s);
}

static enum mux_kind take_body(struct mux *m, struct slice *in, struct mux_event *ev)
{
	struct slice piece = slice_cut(*in, 0, m->left);
	*in = slice_from(*in, piece.n);
	m->left -= (uint32_t)piece.n;
	if (!m->reading || m->reading->flags & THEY_FIN)
		return MUX_IDLE;
	if (m->reading->flags & GIVEN_UP) {
		discard(m, m->reading, (uint32_t)piece.n);
		return MUX_IDLE;
	}
	ev->data = piece;
	return MUX_DATA;
}

static enum mux_kind take_fin(struct mux *m, struct mux_stream *s)
{
	m->todo &= (uint16_t)~FIN;
	if (!s)
		return MUX_IDLE;
	if (s->flags & THEY_FIN)
		return broken(m, "unexpected flag", true);
	s->flags |= THEY_FIN;
	if (s->flags & WE_FIN)
		drop(m, s);
	else if (!(s->flags & GIVEN_UP))
		return MUX_ENDED;
	return MUX_IDLE;
}

static enum mux_kind take_rst(struct mux *m, struct mux_stream *s)
{
	m->todo = 0;
	if (!s)
		return MUX_IDLE;
	bool tell = !(s->flags & GIVEN_UP);
	forget(m, s);
	m->doomed = s;
	return tell ? MUX_RESET : MUX_IDLE;
}

static void free_doomed(struct mux *m)
{
	free(m->doomed);
	m->doomed = NULL;
}

enum mux_kind mux_step(struct mux *m, struct slice *in, struct mux_event *ev)
{
	enum mux_kind kind = m->broken ? MUX_BROKEN : MUX_IDLE;
	while (kind == MUX_IDLE) {
		free_doomed(m);
		*ev = (struct mux_event){.stream = m->reading};
		if (m->todo & ACK)
			kind = take_ack(m, m->reading);
		else if (m->left && in->n)
			kind = take_body(m, in, ev);
		else if (m->left)
			break;
		else if (m->todo & FIN)
			kind = take_fin(m, m->reading);
		else if (m->todo & RST)
			kind = take_rst(m, m->reading);
		else if (in->n >= MUX_HEAD)
			kind = take_head(m, in, ev);
		else
			break;
	}
	ev->kind = kind;
	return kind;
}

/* ---- for the owner ---- */

void mux_init(struct mux *m, enum mux_side side, size_t stream_size, unsigned streams_max, uint64_t seed)
{
	MUST(stream_size >= sizeof(struct mux_stream));
	*m = (struct mux){
	        .stream_size = stream_size, .streams_max = streams_max, .next_id = side == MUX_CLIENT ? 1 : 2};
	map_init(&m->by_id, seed);
}

void mux_free(struct mux *m)
{
	struct mux_stream *s;
	free_doomed(m);
	for (size_t at = 0; (s = map_next(&m->by_id, &at)) != NULL;)
		drop(m, s);
	map_free(&m->by_id);
	buf_free(&m->out);
}

struct mux_stream *mux_open(struct mux *m)
{
	struct mux_stream *s = mux_may_open(m) ? add(m, m->next_id, ASKED) : NULL;
	if (!s)
		return NULL;
	m->next_id += 2;
	put_head(m, WINDOW, SYN, s->id, 0);
	return s;
}

/* As much of the parts as `take` says goes out, the rest into the queue. */
static void split(struct mux *m, struct mux_stream *s, const struct slice *parts, unsigned n, size_t take)
{
	for (unsigned i = 0; i < n; i++) {
		buf_slice(&m->out, slice_cut(parts[i], 0, take));
		buf_slice(&s->queue, slice_from(parts[i], take));
		take -= take < parts[i].n ? take : parts[i].n;
	}
}

bool mux_write(struct mux *m, struct mux_stream *s, const struct slice *parts, unsigned n)
{
	MUST(!(s->flags & GIVEN_UP));
	size_t all = 0, take = 0;
	for (unsigned i = 0; i < n; i++)
		all += parts[i].n;
	if (!mux_waiting(s))
		take = all < s->may_send ? all : s->may_send;
	if (take)
		put_head(m, DATA, 0, s->id, (uint32_t)take);
	s->may_send -= (uint32_t)take;
	size_t waited = mux_waiting(s);
	if (all > take)
		buf_room(&s->queue, all - take);
	split(m, s, parts, n, take);
	m->queued += mux_waiting(s) - waited;
	return !s->queue.failed;
}

void mux_taken(struct mux *m, struct mux_stream *s, size_t n)
{
	MUST(n <= MUX_WINDOW - s->may_receive - s->owed);
	s->owed += (uint32_t)n;
	if (s->owed < MUX_WINDOW / 2 || s->flags & THEY_FIN)
		return;
	give_credit(m, s);
}

void mux_close(struct mux *m, struct mux_stream *s)
{
	MUST(!(s->flags & GIVEN_UP));
	s->flags |= GIVEN_UP;
	if (!mux_waiting(s))
		send_fin(m, s);
}

void mux_reset(struct mux *m, struct mux_stream *s)
{
	MUST(!(s->flags & GIVEN_UP));
	put_head(m, WINDOW, RST, s->id, 0);
	drop(m, s);
}

void mux_ping(struct mux *m)
{
	put_head(m, PING, SYN, 0, m->ping);
	m->pinging = true;
}

void mux_go_away(struct mux *m)
{
	m->closing = true;
	put_head(m, GO_AWAY, 0, 0, AWAY_NORMAL);
}

struct mux_stream *mux_next(const struct mux *m, size_t *at)
{
	struct mux_stream *s;
	while ((s = map_next(&m->by_id, at)) != NULL && s->flags & GIVEN_UP)
		;
	return s;
}

static bool stream_invariants(const struct mux_stream *s)
{
	if (mux_waiting(s) && s->may_send)
		return false;
	if (s->queue_at > s->queue.n || (uint64_t)s->may_receive + s->owed > MUX_WINDOW)
		return false;
	return (s->flags & (WE_FIN | THEY_FIN)) != (WE_FIN | THEY_FIN);
}

bool mux_invariants(const struct mux *m)
{
	unsigned asked = 0, theirs = 0;
	size_t queued = 0;
	const struct mux_stream *s;
	for (size_t at = 0; (s = map_next(&m->by_id, &at)) != NULL;) {
		if (!stream_invariants(s) && !m->broken)
			return false;
		asked += s->flags & ASKED ? 1 : 0;
		theirs += s->flags & THEIRS ? 1 : 0;
		queued += mux_waiting(s);
	}
	return queued == m->queued && asked == m->unaccepted && theirs == m->streams && asked <= MUX_BACKLOG;
}
