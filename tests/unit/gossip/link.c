/* The link on real sockets of this machine: packets and streams both ways, and how it says that nobody is there. */
#include "core/base/buf.h"
#include "net/gossip_link.h"
#include "tests/test.h"

struct end {
	struct gossip_link link;
	struct buf packets, bytes;
	uint32_t opened, closed, stream;
	char why[256];
};

static struct loop loop;

static void on_packet(struct gossip_link *l, const struct address *from, struct slice data)
{
	struct end *e = l->owner;
	(void)from;
	buf_slice(&e->packets, data);
}

static void on_opened(struct gossip_link *l, uint32_t stream, const struct address *peer)
{
	struct end *e = l->owner;
	(void)peer;
	e->opened++;
	e->stream = stream;
}

static void on_data(struct gossip_link *l, uint32_t stream, struct slice data)
{
	struct end *e = l->owner;
	buf_slice(&e->bytes, data);
	if (slice_ends(buf_view(&e->bytes), S("?"))) { /* a question: answer and hang up from within */
		link_write(l, stream, S("answer"));
		link_close(l, stream);
	}
}

static void on_closed(struct gossip_link *l, uint32_t stream, struct slice why)
{
	struct end *e = l->owner;
	(void)stream;
	e->closed++;
	slice_cstr(why, e->why, sizeof e->why);
}

static const struct link_calls calls = {
        .packet = on_packet, .opened = on_opened, .data = on_data, .closed = on_closed, .idle = link_flush};

static struct address local(uint16_t port)
{
	return (struct address){.kind = ADDRESS_IP4, .port = port, .ip = {127, 0, 0, 1}};
}

static uint16_t begin(struct end *e)
{
	struct fail f;
	for (uint16_t port = 21000; port < 21100; port++) {
		struct address at = local(port);
		*e = (struct end){0};
		if (!link_open(&e->link, &loop, &at, &calls, e, &f))
			return port;
	}
	ASSERT(!"a free port");
	return 0;
}

static void finish(struct end *e)
{
	link_free(&e->link);
	buf_free(&e->packets);
	buf_free(&e->bytes);
}

static void turns(unsigned n)
{
	while (n--) {
		loop_read_clocks(&loop);
		loop_turn(&loop, loop.now + 5 * NS_PER_MS);
	}
}

TEST(gossip_link, packets_and_streams)
{
	struct end a, b;
	ASSERT(loop_init(&loop));
	loop_read_clocks(&loop);
	begin(&a);
	struct address to = local(begin(&b));
	link_send(&a.link, &to, S("one"));
	link_send(&a.link, &to, S("two"));
	link_flush(&a.link);
	turns(5);
	CHECK_STR(buf_view(&b.packets), "onetwo");
	link_connect(&a.link, 7, &to);
	turns(5);
	CHECK_EQ(a.opened, 1);
	CHECK_EQ(a.stream, 7);
	CHECK_EQ(b.opened, 1);
	CHECK(b.stream & LINK_THEIRS);
	struct buf big = {0};
	for (int i = 0; i < 300000; i++)
		buf_cstr(&big, "0123456789");
	buf_char(&big, '?');
	link_write(&a.link, 7, buf_view(&big));
	turns(400);
	CHECK_EQ(b.bytes.n, big.n);
	CHECK_STR(buf_view(&a.bytes), "answer");
	CHECK_EQ(a.closed, 1);
	CHECK_EQ(a.why[0], 0);
	CHECK_EQ(b.closed, 0);
	CHECK_EQ(a.link.streams_n + b.link.streams_n, 0);
	buf_free(&big);
	finish(&a);
	finish(&b);
	loop_free(&loop);
}

TEST(gossip_link, nobody_there)
{
	struct end a;
	ASSERT(loop_init(&loop));
	loop_read_clocks(&loop);
	begin(&a);
	struct address to = local(1);
	link_connect(&a.link, 3, &to);
	CHECK_EQ(a.closed, 0); /* never from within */
	turns(5);
	CHECK_EQ(a.closed, 1);
	CHECK_STR(slice_of(a.why), "dial tcp 127.0.0.1:1: connect: connection refused");
	CHECK_EQ(a.link.streams_n, 0);
	finish(&a);
	loop_free(&loop);
}

TEST(gossip_link, a_port_in_use_is_said)
{
	struct end a;
	struct gossip_link again;
	struct fail f;
	ASSERT(loop_init(&loop));
	uint16_t port = begin(&a);
	struct address at = local(port);
	char want[128];
	CHECK_EQ(link_open(&again, &loop, &at, &calls, NULL, &f), ERR_IO);
	snprintf(want, sizeof want, "listen tcp 127.0.0.1:%u: bind: address already in use", port);
	CHECK_STR(slice_of(f.text), want);
	finish(&a);
	loop_free(&loop);
}
