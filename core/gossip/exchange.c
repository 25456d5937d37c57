#include "core/gossip/exchange.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/gossip/exchange_state.h"
#include "core/gossip/swim.h"

/* ---- streams ---- */

static struct stream *find(struct gossip *g, uint32_t id)
{
	struct stream *s = g->streams.first;
	while (s && s->id != id)
		s = s->next;
	return s;
}

static struct stream *stream_new(struct gossip *g, enum stream_kind kind, uint32_t id, const struct gossip_addr *peer)
{
	struct stream *s = g->streams.n < STREAMS_MAX ? calloc(1, sizeof *s) : NULL;
	if (!s)
		return NULL;
	s->kind = kind;
	s->id = id;
	s->peer = *peer;
	s->in.limit = GOSSIP_STATE_MAX + (1 << 20);
	s->next = g->streams.first;
	g->streams.first = s;
	g->streams.n++;
	gossip_timer_set(g, &s->timer, TIMER_STREAM, g->now + g->c.timing.tcp_timeout);
	return s;
}

/* Connects; NULL when there are too many streams. */
static struct stream *stream_open_to(struct gossip *g, enum stream_kind kind, const struct gossip_addr *to)
{
	uint32_t id = ++g->streams.number & ~GOSSIP_STREAM_THEIRS;
	struct stream *s = stream_new(g, kind, id ? id : 1, to);
	if (!s)
		return NULL;
	struct gossip_effect *x = gossip_effect_add(g, GX_STREAM_OPEN);
	x->stream.id = s->id;
	x->stream.to = *to;
	return s;
}

static void stream_free(struct gossip *g, struct stream *s)
{
	struct stream **at = &g->streams.first;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	g->streams.n--;
	gossip_timer_stop(g, &s->timer);
	buf_free(&s->in);
	free((void *)(uintptr_t)s->name.p);
	free(s);
}

static void hang_up(struct gossip *g, uint32_t id)
{
	gossip_effect_add(g, GX_STREAM_CLOSE)->stream.id = id;
}

static void stream_write(struct gossip *g, const struct stream *s, struct slice message)
{
	struct slice wrapped = stream_wrap(&g->envelope, message);
	struct gossip_effect *x = gossip_effect_add(g, GX_STREAM_WRITE);
	x->stream.id = s->id;
	x->stream.data = gossip_keep(g, wrapped);
	g->bytes_out += wrapped.n;
}

/* ---- joins ---- */

static void join_next(struct gossip *g, struct join *j);

static void join_free(struct gossip *g, struct join *j)
{
	struct join **at = &g->streams.joins;
	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	g->streams.joins_n--;
	gossip_timer_stop(g, &j->timer);
	for (uint32_t i = 0; i < j->names_n; i++)
		free((void *)(uintptr_t)j->names[i].p);
	free(j->names);
	free(j->addrs);
	buf_free(&j->why);
	free(j);
}

static void join_error(struct join *j, struct slice text)
{
	buf_cstr(&j->why, "* ");
	buf_slice(&j->why, text);
	buf_char(&j->why, '\n');
	j->errors++;
}

static void rejoin_text(const struct join *j, struct buf *out)
{
	char addr[GOSSIP_ADDR_TEXT];
	gossip_addr_print(&j->addrs[j->at], addr);
	buf_fmt(out, "%.*s: %s", PS(j->names[j->at]), addr);
}

/* One address is through. Rejoining is content with the first that works. */
static void join_result(struct gossip *g, struct join *j, const char *why)
{
	char ip[IP_TEXT];
	ip_print(&j->addrs[j->at].ip, ip);
	if (why) {
		struct slice text = arena_str(&g->scratch, "Failed to join %s: %s", ip, why);
		log_debug(g->log, "memberlist: %.*s", PS(text));
		join_error(j, text);
	} else {
		j->joined++;
		if (j->kind == JOIN_REJOIN) {
			struct buf b = {0};
			rejoin_text(j, &b);
			log_info(g->log, "serf: Re-joined to previously known node: %.*s", PS(buf_view(&b)));
			buf_free(&b);
			j->n = j->at + 1 < j->n ? j->at + 1 : j->n;
		}
	}
	j->at++;
	join_next(g, j);
}

static void join_end(struct gossip *g, struct join *j)
{
	if (j->kind == JOIN_REJOIN && !j->joined)
		log_warn(g->log, "serf: Failed to re-join any previously known node");
	if (j->kind == JOIN_COMMAND) {
		struct slice text = S_NONE;
		if (j->joined)
			serf_broadcast_join(g, g->serf.clock.at);
		else if (j->errors) /* go-multierror's list */
			text = arena_str(&g->scratch, "%u error(s) occurred:\n\n%.*s", j->errors,
			        (int)(j->why.n ? j->why.n - 1 : 0), j->why.p);
		gossip_done(g, j->tag, text.n ? ERR_FAILED : OK, text, j->joined);
	}
	join_free(g, j);
}

static void join_next(struct gossip *g, struct join *j)
{
	if (j->at >= j->n) {
		join_end(g, j);
		return;
	}
	if (j->kind == JOIN_REJOIN) {
		struct buf b = {0};
		rejoin_text(j, &b);
		log_info(g->log, "serf: Attempting re-join to previously known node: %.*s", PS(buf_view(&b)));
		buf_free(&b);
	}
	struct stream *s = stream_open_to(g, STREAM_JOIN, &j->addrs[j->at]);
	if (s)
		s->join = j;
	else
		join_result(g, j, "too many streams");
}

static struct join *join_new(struct gossip *g, enum join_kind kind, const struct gossip_addr *addrs, uint32_t n)
{
	struct join *j = g->streams.joins_n < JOINS_MAX ? calloc(1, sizeof *j) : NULL;
	if (j && n && !(j->addrs = malloc(n * sizeof *addrs))) {
		free(j);
		j = NULL;
	}
	if (!j)
		return NULL;
	if (n)
		memcpy(j->addrs, addrs, n * sizeof *addrs);
	j->kind = kind;
	j->n = n;
	j->next = g->streams.joins;
	g->streams.joins = j;
	g->streams.joins_n++;
	return j;
}

void exchange_join(struct gossip *g, const struct gossip_event *ev)
{
	if (g->leaving) {
		gossip_done(g, ev->tag, ERR_CLOSED, S("Serf can't Join after Leave or Shutdown"), 0);
		return;
	}
	struct join *j = join_new(g, JOIN_COMMAND, ev->join.addrs, ev->join.n);
	if (!j) {
		gossip_done(g, ev->tag, ERR_FULL, S("too many joins at once"), 0);
		return;
	}
	const struct slice *errors = ev->join.errors.items;
	j->tag = ev->tag;
	j->ignore_old = !ev->join.keep_old_events;
	for (uint32_t i = 0; i < ev->join.errors.n; i++) {
		log_warn(g->log, "memberlist: %.*s", PS(errors[i]));
		join_error(j, errors[i]);
	}
	join_next(g, j);
}

void exchange_join_own(
        struct gossip *g, enum join_kind kind, const struct gossip_addr *addrs, const struct slice *names, uint32_t n)
{
	struct join *j = join_new(g, kind, addrs, n);
	if (!j)
		return;
	if (names && (j->names = calloc(n, sizeof *names)))
		for (; j->names_n < n; j->names_n++)
			j->names[j->names_n] = slice_of(strndup(names[j->names_n].p, names[j->names_n].n));
	if (kind == JOIN_REJOIN && !j->names)
		j->kind = JOIN_RECONNECT;
	join_next(g, j);
}

/* ---- ours: asking ---- */

static bool worth_exchanging(const struct gossip *g, const struct peer *p)
{
	return !is_self(g, p) && p->state == PEER_ALIVE;
}

void exchange_tick(struct gossip *g)
{
	struct peer *p;
	if (!peer_random(g, 1, worth_exchanging, &p))
		return;
	struct stream *s = stream_open_to(g, STREAM_PUSH_PULL, &p->card->addr);
	if (s)
		s->name = slice_of(strndup(peer_name(p).p, peer_name(p).n));
}

void exchange_ping(struct gossip *g, const struct peer *p, uint32_t seq, mono_ns deadline, uint32_t *stream)
{
	struct stream *s = stream_open_to(g, STREAM_PING, &p->card->addr);
	if (!s)
		return;
	s->seq = seq;
	s->name = slice_of(strndup(peer_name(p).p, peer_name(p).n));
	*stream = s->id;
	gossip_timer_set(g, &s->timer, TIMER_STREAM, deadline);
}

/* The end of a stream of ours: `why` NULL is success. Frees it. */
static void asked(struct gossip *g, struct stream *s, const char *why)
{
	struct join *j = s->join;
	if (s->kind == STREAM_PUSH_PULL && why)
		log_err(g->log, "memberlist: Push/Pull with %.*s failed: %s", PS(s->name), why);
	if (s->kind == STREAM_PING && why && s->open)
		log_err(g->log, "memberlist: Failed fallback ping: %s", why);
	hang_up(g, s->id);
	stream_free(g, s);
	if (j)
		join_result(g, j, why);
}

/* The same address once more, when the holder of an id has had its time to answer. */
static void ask_later(struct gossip *g, struct stream *s)
{
	struct join *j = s->join;
	hang_up(g, s->id);
	stream_free(g, s);
	gossip_timer_set(g, &j->timer, TIMER_JOIN, g->now + id_claim_wait(g));
}

void exchange_join_again(struct gossip *g, struct join *j)
{
	join_next(g, j);
}

static void send_question(struct gossip *g, struct stream *s)
{
	struct buf b = {0};
	if (s->kind == STREAM_PING) {
		struct msg_ping m = {s->seq, s->name};
		message_put(&b, SWIM_PING, &msg_ping_schema, &m);
	} else {
		char addr[GOSSIP_ADDR_TEXT];
		gossip_addr_print(&s->peer, addr);
		log_debug(g->log, "memberlist: Initiating push/pull sync with: %s", addr);
		exchange_put_state(g, &b, s->kind == STREAM_JOIN);
	}
	MUST(!b.failed);
	stream_write(g, s, buf_view(&b));
	buf_free(&b);
}

void exchange_opened(struct gossip *g, const struct gossip_event *ev)
{
	if (ev->stream.id & GOSSIP_STREAM_THEIRS) {
		struct stream *s = stream_new(g, STREAM_SERVE, ev->stream.id, &ev->stream.peer);
		char addr[GOSSIP_ADDR_TEXT];
		gossip_addr_print(&ev->stream.peer, addr);
		log_debug(g->log, "memberlist: Stream connection from=%s", addr);
		if (!s)
			hang_up(g, ev->stream.id);
		return;
	}
	struct stream *s = find(g, ev->stream.id);
	if (!s)
		return;
	s->open = true;
	send_question(g, s);
}

static void take_ack(struct gossip *g, struct stream *s, uint8_t type, struct slice body)
{
	struct msg_ack m;
	if (type != SWIM_ACK) {
		asked(g, s, (const char *)arena_str(&g->scratch, "Unexpected msgType (%u) from ping", type).p);
	} else if (!message_get(body, &msg_ack_schema, &m, &g->scratch, NULL)) {
		asked(g, s, "msgpack decode error");
	} else if (m.seq != s->seq) {
		asked(g, s,
		        arena_str(&g->scratch, "Sequence number from ack (%llu) doesn't match ping (%u)",
		                (unsigned long long)m.seq, s->seq)
		                .p);
	} else {
		probe_stream_ack(g, s->id, s->seq);
		asked(g, s, NULL);
	}
}

static void take_answer(struct gossip *g, struct stream *s, uint8_t type, struct slice body)
{
	struct fail f;
	struct msg_err err;
	struct remote_state remote;
	enum err e;
	if (s->kind == STREAM_PING) {
		take_ack(g, s, type, body);
		return;
	}
	bool joining = s->kind == STREAM_JOIN;
	if (type == SWIM_ERR && message_get(body, &msg_err_schema, &err, &g->scratch, NULL))
		asked(g, s, arena_str(&g->scratch, "remote error: %.*s", PS(err.text)).p);
	else if (type != SWIM_PUSH_PULL)
		asked(g, s,
		        arena_str(&g->scratch, "received invalid msgType (%u), expected pushPullMsg (%d)", type,
		                SWIM_PUSH_PULL)
		                .p);
	else if (remote_state_read(g, body, &remote, &f))
		asked(g, s, f.text);
	else if ((e = remote_state_merge(g, &remote, &s->peer, joining, false, s->join && s->join->ignore_old, &f)) ==
	                 ERR_TIMEOUT &&
	         s->join)
		ask_later(g, s);
	else if (e)
		asked(g, s, f.text);
	else
		asked(g, s, NULL);
}

/* ---- theirs: answering ---- */

static void served(struct gossip *g, struct stream *s)
{
	hang_up(g, s->id);
	stream_free(g, s);
}

static void complain(struct gossip *g, const struct stream *s, const char *what, const char *why)
{
	char addr[GOSSIP_ADDR_TEXT];
	gossip_addr_print(&s->peer, addr);
	log_err(g->log, "memberlist: %s: %s from=%s", what, why, addr);
}

static void serve_state(struct gossip *g, struct stream *s, struct slice body)
{
	struct fail f;
	struct remote_state remote;
	if (remote_state_read(g, body, &remote, &f)) {
		complain(g, s, "Failed to read remote state", f.text);
		return;
	}
	struct buf b = {0};
	exchange_put_state(g, &b, remote.join);
	MUST(!b.failed);
	stream_write(g, s, buf_view(&b));
	buf_free(&b);
	if (remote_state_merge(g, &remote, &s->peer, remote.join, true, false, &f))
		complain(g, s, "Failed push/pull merge", f.text);
}

static void serve_ping(struct gossip *g, struct stream *s, struct slice body)
{
	struct msg_ping m;
	if (!message_get(body, &msg_ping_schema, &m, &g->scratch, NULL)) {
		complain(g, s, "Failed to decode ping", "msgpack decode error");
		return;
	}
	if (m.node.n && !slice_eq(m.node, g->c.name)) {
		char addr[GOSSIP_ADDR_TEXT];
		gossip_addr_print(&s->peer, addr);
		log_warn(g->log, "memberlist: Got ping for unexpected node %.*s from=%s", PS(m.node), addr);
		return;
	}
	struct msg_ack ack = {m.seq, S_NONE};
	stream_write(g, s, message_make(g, SWIM_ACK, &msg_ack_schema, &ack));
}

static void serve_user(struct gossip *g, struct stream *s, struct slice body)
{
	struct msg_user_header h;
	struct slice rest;
	if (!message_get(body, &msg_user_header_schema, &h, &g->scratch, &rest) || h.length < 0 ||
	        rest.n < (uint64_t)h.length)
		complain(g, s, "Failed to receive user message", "msgpack decode error");
	else if (h.length)
		serf_message(g, slice_cut(rest, 0, (size_t)h.length));
}

static void serve(struct gossip *g, struct stream *s, uint8_t type, struct slice body)
{
	switch (type) {
	case SWIM_PUSH_PULL: serve_state(g, s, body); break;
	case SWIM_PING: serve_ping(g, s, body); break;
	case SWIM_USER: serve_user(g, s, body); break;
	default: {
		char addr[GOSSIP_ADDR_TEXT];
		gossip_addr_print(&s->peer, addr);
		log_err(g->log, "memberlist: Received invalid msgType (%u) from=%s", type, addr);
	}
	}
	served(g, s);
}

/* ---- opening what came ---- */

/* Takes the seal off. Where one side has a key and the other none, both are told. */
static enum err unseal(struct gossip *g, struct buf *bytes, struct slice *message, struct fail *f)
{
	bool sealed = bytes->p[0] == SWIM_ENCRYPT;
	*message = buf_view(bytes);
	if (sealed && !keyring_on(&g->keys))
		return fail_set(f, ERR_DENIED, "Remote state is encrypted and encryption is not configured");
	if (!sealed && keyring_on(&g->keys) && !g->c.accept_plain)
		return fail_set(f, ERR_DENIED, "Encryption is configured but remote state is not encrypted");
	if (!sealed)
		return OK;
	return seal_open(
	        &g->keys, bytes->p + SEAL_FRAME, bytes->n - SEAL_FRAME, slice_at(bytes->p, SEAL_FRAME), message, f);
}

static enum err open_message(
        struct gossip *g, struct buf *bytes, struct buf *unpacked, struct slice *message, struct fail *f)
{
	enum err e = unseal(g, bytes, message, f);
	if (!e && !message->n)
		e = fail_set(f, ERR_INVALID, "EOF");
	if (e || message->p[0] != SWIM_COMPRESS)
		return e;
	e = packet_unpack(unpacked, slice_from(*message, 1), GOSSIP_STATE_MAX, &g->scratch, f);
	*message = buf_view(unpacked);
	return e || message->n ? e : fail_set(f, ERR_INVALID, "EOF");
}

static void refuse(struct gossip *g, struct stream *s, const struct fail *f)
{
	if (s->kind != STREAM_SERVE) {
		asked(g, s, f->text);
		return;
	}
	struct msg_err m = {slice_of(f->text)};
	if (f->code == ERR_DENIED)
		swim_refused(g, &s->peer, "failed to receive", f->text);
	else
		complain(g, s, "failed to receive", f->text);
	stream_write(g, s, message_make(g, SWIM_ERR, &msg_err_schema, &m));
	served(g, s);
}

void exchange_data(struct gossip *g, const struct gossip_event *ev)
{
	struct stream *s = find(g, ev->stream.id);
	if (!s)
		return;
	g->bytes_in += ev->stream.data.n;
	buf_slice(&s->in, ev->stream.data);
	size_t whole = s->in.failed ? SIZE_MAX : stream_whole(&s->scan, buf_view(&s->in));
	struct fail f = {ERR_INVALID, "Remote node state is larger than limit or malformed"};
	if (whole == SIZE_MAX)
		refuse(g, s, &f);
	if (whole == 0 || whole == SIZE_MAX)
		return;
	struct buf in = s->in, unpacked = {0};
	struct slice message;
	s->in = (struct buf){0};
	in.n = whole;
	if (open_message(g, &in, &unpacked, &message, &f))
		refuse(g, s, &f);
	else if (s->kind == STREAM_SERVE)
		serve(g, s, (uint8_t)message.p[0], slice_from(message, 1));
	else
		take_answer(g, s, (uint8_t)message.p[0], slice_from(message, 1));
	buf_free(&in);
	buf_free(&unpacked);
}

void exchange_closed(struct gossip *g, const struct gossip_event *ev)
{
	struct stream *s = find(g, ev->stream.id);
	if (!s)
		return;
	char why[256];
	slice_cstr(ev->stream.why.n ? ev->stream.why : S("EOF"), why, sizeof why);
	if (s->kind != STREAM_SERVE) {
		asked(g, s, why);
		return;
	}
	if (s->in.n)
		complain(g, s, "failed to receive", why);
	served(g, s);
}

void exchange_timeout(struct gossip *g, struct stream *s)
{
	char addr[GOSSIP_ADDR_TEXT];
	gossip_addr_print(&s->peer, addr);
	if (s->kind != STREAM_SERVE) {
		asked(g, s,
		        arena_str(&g->scratch, s->open ? "read tcp %s: i/o timeout" : "dial tcp %s: i/o timeout", addr)
		                .p);
		return;
	}
	complain(g, s, "failed to receive", "i/o timeout");
	served(g, s);
}

void exchange_free(struct gossip *g)
{
	while (g->streams.first)
		stream_free(g, g->streams.first);
	while (g->streams.joins)
		join_free(g, g->streams.joins);
}
