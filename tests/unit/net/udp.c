#include "net/udp.h"

#include "core/base/slice.h"
#include "tests/test.h"

struct echo {
	struct udp udp;
	unsigned got, batches, cut;
	bool answer, close;
	size_t bytes;
};

static void packets(struct udp *u, const struct udp_packet *p, unsigned n)
{
	struct echo *e = u->owner;
	e->batches++;
	for (unsigned i = 0; i < n; i++) {
		e->got++;
		e->cut += p[i].cut;
		e->bytes += p[i].data.n;
		if (e->answer)
			udp_send(u, &p[i].peer, p[i].data);
	}
	if (e->close)
		udp_close(u);
}

static struct loop l;

static void open_echo(struct echo *e, size_t packet_max)
{
	struct address a;
	struct fail f;
	CHECK(address_parse(S("127.66.7.22:0"), &a));
	e->udp.owner = e;
	e->udp.packets = packets;
	int fd = socket_udp(&a, false, &f);
	CHECK(fd >= 0 && udp_open(&e->udp, &l, fd, packet_max));
}

TEST(udp, batches_both_ways)
{
	struct echo server = {.answer = true}, client = {0};
	ASSERT(loop_init(&l));
	open_echo(&server, 512);
	open_echo(&client, 512);
	struct address to = socket_local(server.udp.watch.fd);
	char data[512];
	memset(data, 'x', sizeof data);
	for (size_t i = 1; i <= 100; i++)
		udp_send(&client.udp, &to, slice_at(data, i));
	udp_flush(&client.udp);
	while (client.got < 100)
		loop_turn(&l, INT64_MAX);
	CHECK_EQ(server.got, 100);
	CHECK_EQ(client.bytes, 5050);
	CHECK(server.batches < 20); /* many a call */
	CHECK_EQ(server.udp.dropped, 0);
	udp_close(&client.udp);
	udp_close(&client.udp);
	udp_close(&server.udp);
	loop_free(&l);
}

TEST(udp, what_is_too_long_is_marked_and_may_be_the_last)
{
	struct echo server = {.close = true}, client = {0};
	ASSERT(loop_init(&l));
	open_echo(&server, 16);
	open_echo(&client, 512);
	struct address to = socket_local(server.udp.watch.fd);
	udp_send(&client.udp, &to, S("0123456789abcdef0"));
	udp_flush(&client.udp);
	while (!server.got)
		loop_turn(&l, INT64_MAX);
	CHECK_EQ(server.cut, 1);
	CHECK_EQ(server.bytes, 16);
	udp_close(&client.udp);
	loop_free(&l);
}

TEST(udp, a_packet_that_cannot_go_does_not_hold_the_others)
{
	struct echo server = {0}, client = {0};
	ASSERT(loop_init(&l));
	open_echo(&server, 512);
	open_echo(&client, 512);
	struct address to = socket_local(server.udp.watch.fd), six;
	ASSERT(address_parse(S("[2001:db8::1]:9"), &six));
	udp_send(&client.udp, &to, S("a"));
	udp_send(&client.udp, &six, S("b")); /* an IPv4 socket cannot */
	udp_send(&client.udp, &to, S("c"));
	udp_flush(&client.udp);
	while (server.got < 2)
		loop_turn(&l, INT64_MAX);
	CHECK_EQ(client.udp.sent, 2);
	CHECK_EQ(client.udp.dropped, 1);
	udp_close(&client.udp);
	udp_close(&server.udp);
	loop_free(&l);
}
