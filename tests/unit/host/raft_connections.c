/* Both ends of Raft's connections on one loop: a link sends to a listener whose connections become incoming ones. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/agent/raft_incoming.h"
#include "cmd/agent/raft_link.h"
#include "core/base/must.h"
#include "core/raft/raft_wire.h"
#include "net/socket.h"
#include "tests/test.h"

enum { SEEN_MAX = 1024 };

struct seen {
	enum event_kind kind;
	uint64_t conn, tag;
	size_t bytes, state;
	unsigned sum; /* of the state's bytes */
};

struct bench {
	struct loop loop;
	struct logbuf log;
	struct watch listener;
	char address[ADDRESS_TEXT];
	struct raft_incoming *in;
	struct raft_incoming_host in_host;
	struct raft_link_host out_host;
	struct raft_link *link;
	struct seen seen[SEEN_MAX];
	unsigned n;
	struct stream first; /* until its first byte is there */
};

static struct bench b; /* one at a time: watches find it here */

static void note(void *owner, struct event *ev)
{
	(void)owner;
	MUST(b.n < SEEN_MAX);
	struct seen *s = &b.seen[b.n++];
	*s = (struct seen){ev->kind, ev->raft.conn, ev->raft.tag, ev->raft.bytes.n, ev->raft.state.n, 0};
	for (size_t i = 0; i < ev->raft.state.n; i++)
		s->sum = s->sum * 31 + (unsigned char)ev->raft.state.p[i];
}

static void plainly(void *owner, struct slice address, struct dial_settings *set)
{
	(void)owner;
	(void)address;
	(void)set;
}

static void first_byte(struct watch *w, uint32_t events)
{
	struct stream *s = (struct stream *)w;
	(void)events;
	stream_read(s, 1, NULL);
	MUST(stream_in(s).n == 1 && stream_in(s).p[0] == 1);
	stream_take(s, 1);
	stream_leave(s);
	raft_incoming_take(b.in, s);
}

static void accepted(struct watch *w, uint32_t events)
{
	(void)events;
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	MUST(fd >= 0 && stream_open(&b.first, &b.loop, fd, first_byte));
}

static void listen_again(uint16_t port)
{
	struct address any = {.kind = ADDRESS_IP4, .ip = {127, 0, 0, 1}, .port = port};
	struct socket_listen how = {0};
	int fd = socket_listen(&any, &how, NULL);
	MUST(fd >= 0);
	struct address here = socket_local(fd);
	address_print(&here, b.address);
	b.listener = (struct watch){.fd = fd, .ready = accepted};
	MUST(loop_add(&b.loop, fd, EPOLLIN, &b.listener));
}

static void set_up(void)
{
	b = (struct bench){0};
	MUST(loop_init(&b.loop));
	loop_read_clocks(&b.loop);
	listen_again(0);
	b.in_host = (struct raft_incoming_host){.loop = &b.loop, .log = &b.log, .spool_dir = -1, .event = note};
	b.in = raft_incoming_new(&b.in_host);
	b.out_host = (struct raft_link_host){.loop = &b.loop, .log = &b.log, .how = plainly, .event = note};
	b.link = raft_link_new(&b.out_host, S("peer"), RAFT_LOG);
	MUST(b.in && b.link);
}

static void tear_down(void)
{
	raft_link_free(b.link);
	raft_incoming_free(b.in);
	loop_del(&b.loop, &b.listener);
	close(b.listener.fd);
	buf_free(&b.log.lines);
	loop_free(&b.loop);
}

/* Turns until so many events were seen. */
static void await(unsigned n)
{
	mono_ns end = b.loop.now + 10 * NS_PER_S;
	while (b.n < n && b.loop.now < end)
		loop_turn(&b.loop, b.loop.now + 10 * NS_PER_MS);
	CHECK_EQ(b.n, n);
	ASSERT(b.n >= n);
}

static struct slice request(struct buf *out, raft_index prev)
{
	struct raft_wire_request q = {.kind = RAFT_WIRE_APPEND};
	q.append = (struct raft_wire_append){.protocol = 3, .term = 2, .leader = S("127.0.0.1:1"), .prev = prev};
	buf_reset(out, 4096);
	raft_wire_put_request(out, &q);
	return buf_view(out);
}

static void answer(uint64_t conn)
{
	struct buf out = {0};
	const struct raft_wire_answer a = {.protocol = 3, .term = 2, .success = true};
	raft_wire_put_answer(&out, RAFT_WIRE_APPEND, &a);
	raft_incoming_answer(b.in, conn, buf_view(&out));
	buf_free(&out);
}

TEST(raft_connections, requests_go_out_in_a_pipeline_and_answers_find_their_tags)
{
	struct buf q = {0};
	set_up();
	for (uint64_t tag = 1; tag <= 100; tag++)
		raft_link_send(b.link, slice_of(b.address), tag, request(&q, tag));
	await(100);
	for (unsigned i = 0; i < 100; i++) {
		CHECK_EQ(b.seen[i].kind, EV_RAFT_REQUEST);
		CHECK_EQ(b.seen[i].conn, b.seen[0].conn);
		answer(b.seen[i].conn);
	}
	await(200);
	for (uint64_t tag = 1; tag <= 100; tag++) {
		CHECK_EQ(b.seen[99 + tag].kind, EV_RAFT_ANSWER);
		CHECK_EQ(b.seen[99 + tag].tag, tag);
	}
	buf_free(&q);
	tear_down();
}

TEST(raft_connections, a_closed_connection_is_told_on_both_sides_and_made_again)
{
	struct buf q = {0};
	set_up();
	raft_link_send(b.link, slice_of(b.address), 1, request(&q, 1));
	await(1);
	raft_incoming_answer(b.in, b.seen[0].conn, S_NONE); /* closes, without an event on this side */
	await(2);
	CHECK_EQ(b.seen[1].kind, EV_RAFT_LOST);
	raft_link_send(b.link, slice_of(b.address), 2, request(&q, 2));
	await(3);
	CHECK_EQ(b.seen[2].kind, EV_RAFT_REQUEST);
	CHECK(b.seen[2].conn != b.seen[0].conn);
	answer(b.seen[0].conn); /* of the one that is gone: nothing */
	raft_link_free(b.link);
	await(4);
	CHECK_EQ(b.seen[3].kind, EV_RAFT_CLOSED);
	CHECK_EQ(b.seen[3].conn, b.seen[2].conn);
	b.link = raft_link_new(&b.out_host, S("peer"), RAFT_LOG);
	buf_free(&q);
	tear_down();
}

TEST(raft_connections, nobody_there_is_told_once_and_tried_again)
{
	struct buf q = {0};
	struct address here;
	set_up();
	MUST(address_parse(slice_of(b.address), &here));
	loop_del(&b.loop, &b.listener);
	close(b.listener.fd);
	raft_link_send(b.link, slice_of(b.address), 1, request(&q, 1));
	raft_link_send(b.link, slice_of(b.address), 2, request(&q, 2));
	await(1);
	CHECK_EQ(b.seen[0].kind, EV_RAFT_LOST);
	raft_link_send(b.link, slice_of(b.address), 3, request(&q, 3)); /* after a pause */
	listen_again(here.port);
	await(2);
	CHECK_EQ(b.seen[1].kind, EV_RAFT_REQUEST);
	buf_free(&q);
	tear_down();
}

TEST(raft_connections, a_snapshot_comes_whole_and_the_next_request_behind_it)
{
	enum { SIZE = 3 << 20 };
	struct raft_wire_request q = {.kind = RAFT_WIRE_INSTALL};
	q.install = (struct raft_wire_install){
	        .protocol = 3, .version = 1, .term = 2, .leader = S("127.0.0.1:1"), .size = SIZE};
	struct buf head = {0};
	struct raft_spool spool;
	char piece[4096];
	unsigned sum = 0;
	struct fail f;
	set_up();
	raft_wire_put_request(&head, &q);
	CHECK_EQ(raft_spool_open(&spool, -1, &f), OK);
	for (size_t at = 0; at < SIZE; at += sizeof piece) {
		for (size_t i = 0; i < sizeof piece; i++) {
			piece[i] = (char)((at + i) * 7 >> 3);
			sum = sum * 31 + (unsigned char)piece[i];
		}
		CHECK_EQ(raft_spool_write(&spool, (struct slice){piece, sizeof piece}, &f), OK);
	}
	raft_link_install(b.link, slice_of(b.address), 7, buf_view(&head), &spool);
	CHECK_EQ(spool.fd, -1);
	await(1);
	CHECK_EQ(b.seen[0].kind, EV_RAFT_REQUEST);
	CHECK_EQ(b.seen[0].state, SIZE);
	CHECK_EQ(b.seen[0].sum, sum);
	answer(b.seen[0].conn);
	await(2);
	CHECK_EQ(b.seen[1].kind, EV_RAFT_ANSWER);
	CHECK_EQ(b.seen[1].tag, 7);
	struct buf next = {0};
	raft_link_send(b.link, slice_of(b.address), 8, request(&next, 1));
	await(3);
	CHECK_EQ(b.seen[2].conn, b.seen[0].conn);
	buf_free(&next);
	buf_free(&head);
	tear_down();
}

/* A plain client of the listener. */
static int client(void)
{
	struct address to;
	bool done;
	MUST(address_parse(slice_of(b.address), &to));
	int fd = socket_connect(&to, &done, NULL);
	MUST(fd >= 0);
	loop_turn(&b.loop, b.loop.now + 10 * NS_PER_MS);
	MUST(send(fd, "\x01", 1, MSG_NOSIGNAL) == 1);
	return fd;
}

TEST(raft_connections, requests_cut_anywhere_are_whole_and_nonsense_ends_it)
{
	struct buf q = {0};
	set_up();
	struct slice bytes = request(&q, 5);
	int fd = client();
	for (size_t i = 0; i < bytes.n; i++) {
		MUST(send(fd, bytes.p + i, 1, MSG_NOSIGNAL) == 1);
		loop_turn(&b.loop, b.loop.now + NS_PER_MS / 10);
	}
	await(1);
	CHECK_EQ(b.seen[0].bytes, bytes.n);
	MUST(send(fd, "\x00\xc1", 2, MSG_NOSIGNAL) == 2);
	await(2);
	CHECK_EQ(b.seen[1].kind, EV_RAFT_CLOSED);
	close(fd);
	buf_free(&q);
	tear_down();
}

TEST(raft_connections, a_lent_snapshot_outlives_its_connection)
{
	struct raft_wire_request q = {.kind = RAFT_WIRE_INSTALL};
	q.install = (struct raft_wire_install){
	        .protocol = 3, .version = 1, .term = 2, .leader = S("127.0.0.1:1"), .size = 5};
	struct buf head = {0};
	set_up();
	raft_wire_put_request(&head, &q);
	buf_cstr(&head, "state");
	int fd = client();
	MUST(send(fd, head.p, head.n, MSG_NOSIGNAL) == (ssize_t)head.n);
	await(1);
	CHECK_EQ(b.seen[0].state, 5);
	close(fd);
	await(2);
	CHECK_EQ(b.seen[1].kind, EV_RAFT_CLOSED);
	answer(b.seen[0].conn); /* frees it */
	answer(b.seen[0].conn); /* nothing */
	buf_free(&head);
	tear_down();
}
