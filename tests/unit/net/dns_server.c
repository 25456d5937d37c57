#include "net/dns_server.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/slice.h"
#include "net/socket.h"
#include "tests/test.h"

/* A host that answers with the question in capitals; "later" waits, "silent" is not answered. */
static struct loop l;
static struct dns_server *server;
static uint64_t tickets[8];
static unsigned ticket_n;

static size_t on_question(void *host, const struct dns_server_question *q, uint8_t *out, size_t cap)
{
	CHECK(host == &l && cap == DNS_SERVER_ANSWER_MAX);
	CHECK_EQ(q->client.kind, ADDRESS_IP4);
	if (slice_is(q->packet, "silent"))
		return DNS_SERVER_SILENT;
	if (slice_is(q->packet, "later") && q->ticket) {
		tickets[ticket_n++ % ARRAY_LEN(tickets)] = q->ticket;
		return DNS_SERVER_LATER;
	}
	for (size_t i = 0; i < q->packet.n; i++)
		out[i] = (uint8_t)(q->packet.p[i] & ~0x20);
	return q->packet.n;
}

static int udp_fd, tcp_fd;

static void begin(unsigned later_max, unsigned connections_max)
{
	struct address a;
	struct fail f;
	ASSERT(loop_init(&l));
	loop_read_clocks(&l);
	ASSERT(address_parse(S("127.66.7.31:0"), &a));
	const struct dns_server_settings set = {
	        .host = &l, .answer = on_question, .later_max = later_max, .connections_max = connections_max};
	server = dns_server_new(&l, &set);
	udp_fd = socket_udp(&a, false, &f);
	tcp_fd = socket_listen(&a, &(struct socket_listen){0}, &f);
	ASSERT(server && udp_fd >= 0 && tcp_fd >= 0);
	ASSERT(dns_server_udp(server, udp_fd) && dns_server_tcp(server, tcp_fd));
	ticket_n = 0;
}

static void end(void)
{
	dns_server_free(server);
	loop_free(&l);
}

static int dial(int type, int listener)
{
	union address_sock sock = {0};
	struct address to = socket_local(listener);
	socklen_t n = address_to_sock(&to, &sock);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	CHECK(!connect(fd, &sock.any, n));
	return fd;
}

static void say(int fd, const void *p, size_t n)
{
	CHECK_EQ(send(fd, p, n, MSG_NOSIGNAL), n);
}

/* Turns the loop until something is there (or nothing comes any more); what was read. */
static const char *hear(int fd)
{
	static char got[256];
	for (int i = 0; i < 20; i++) {
		loop_turn(&l, l.now + 2 * NS_PER_MS);
		ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
		if (n == 0)
			return "closed";
		if (n < 0 && errno != EAGAIN)
			return "broken";
		if (n < 0)
			continue;
		got[n] = 0;
		for (ssize_t j = 0; j < n; j++)
			if (got[j] < ' ')
				got[j] = (char)('0' + got[j]);
		return got;
	}
	return "nothing";
}

#define HEARS(fd, want) CHECK_STR(slice_of(hear(fd)), want)

TEST(dns_server, packets_are_answered)
{
	begin(0, 0);
	int fd = dial(SOCK_DGRAM, udp_fd);
	say(fd, "abc", 3);
	HEARS(fd, "ABC");
	say(fd, "silent", 6);
	HEARS(fd, "nothing");
	say(fd, "", 0);
	HEARS(fd, "nothing");
	CHECK_EQ(dns_server_counts(server)->udp, 3);
	CHECK_EQ(dns_server_counts(server)->silent, 2);
	close(fd);
	end();
}

/* Bound to all addresses, it answers from the one that was asked: the socket here hears nobody else. */
TEST(dns_server, answers_come_from_where_was_asked)
{
	static const char *const all[] = {"0.0.0.0:0", "[::]:0"};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct address a;
		struct fail f;
		union address_sock sock = {0};
		begin(0, 0);
		ASSERT(address_parse(slice_of(all[i]), &a));
		int any = socket_udp(&a, false, &f);
		if (any < 0) { /* no IPv6 here */
			end();
			continue;
		}
		ASSERT(dns_server_udp(server, any));
		uint16_t port = socket_local(any).port;
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		ASSERT(address_parse(S("127.66.7.77:1"), &a));
		a.port = port;
		socklen_t n = address_to_sock(&a, &sock);
		CHECK(!connect(fd, &sock.any, n));
		say(fd, "abc", 3);
		HEARS(fd, "ABC");
		say(fd, "later", 5);
		HEARS(fd, "nothing");
		dns_server_reply(server, tickets[0], S("late"));
		HEARS(fd, "late");
		close(fd);
		end();
	}
}

TEST(dns_server, late_answers_find_their_client)
{
	begin(2, 0);
	int a = dial(SOCK_DGRAM, udp_fd), b = dial(SOCK_DGRAM, udp_fd), c = dial(SOCK_DGRAM, udp_fd);
	say(a, "later", 5);
	HEARS(a, "nothing");
	say(b, "later", 5);
	HEARS(b, "nothing");
	CHECK_EQ(dns_server_counts(server)->later, 2);
	say(c, "later", 5); /* no room: answered at once */
	HEARS(c, "LATER");
	dns_server_reply(server, tickets[1], S("two"));
	dns_server_reply(server, tickets[0], S("one"));
	HEARS(a, "one");
	HEARS(b, "two");
	dns_server_reply(server, tickets[0], S("again"));
	dns_server_reply(server, 0, S("never"));
	dns_server_reply(server, UINT64_MAX, S("never"));
	HEARS(a, "nothing");
	CHECK_EQ(dns_server_counts(server)->later, 0);
	close(a);
	close(b);
	close(c);
	end();
}

TEST(dns_server, a_stream_is_answered_in_order)
{
	begin(0, 0);
	int fd = dial(SOCK_STREAM, tcp_fd);
	say(fd, "\0\3ab", 4);
	HEARS(fd, "nothing");
	say(fd, "c\0\1x\0\6silent\0\2yz\0", 17);
	CHECK_STR(slice_of(hear(fd)), "03ABC01X02YZ");
	say(fd, "\5later\0\1q", 9);
	HEARS(fd, "nothing");
	CHECK_EQ(dns_server_counts(server)->later, 1);
	dns_server_reply(server, tickets[0], S("now"));
	HEARS(fd, "03now01Q");
	say(fd, "\0\0", 2); /* announces nothing */
	HEARS(fd, "closed");
	close(fd);
	end();
}

TEST(dns_server, a_client_that_goes_away_is_forgotten)
{
	begin(0, 0);
	int fd = dial(SOCK_STREAM, tcp_fd), half = dial(SOCK_STREAM, tcp_fd);
	say(fd, "\0\5later", 7);
	HEARS(fd, "nothing");
	struct linger hard = {1, 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
	loop_turn(&l, l.now + 5 * NS_PER_MS);
	loop_turn(&l, l.now + 5 * NS_PER_MS);
	dns_server_reply(server, tickets[0], S("too late"));
	CHECK_EQ(dns_server_counts(server)->later, 0);
	/* one that only finished sending still gets its answers */
	say(half, "\0\1a\0\5later", 10);
	shutdown(half, SHUT_WR);
	HEARS(half, "01A");
	HEARS(half, "nothing");
	dns_server_reply(server, tickets[1], S("late"));
	HEARS(half, "04late");
	HEARS(half, "closed");
	CHECK_EQ(dns_server_counts(server)->connections, 0);
	close(half);
	end();
}

TEST(dns_server, connections_are_limited)
{
	begin(0, 1);
	int a = dial(SOCK_STREAM, tcp_fd), b = dial(SOCK_STREAM, tcp_fd);
	HEARS(b, "closed");
	say(a, "\0\1a", 3);
	HEARS(a, "01A");
	CHECK_EQ(dns_server_counts(server)->refused, 1);
	close(a);
	close(b);
	end();
}

/* The clock of the loop is moved on by hand. */
TEST(dns_server, a_silent_stream_is_closed)
{
	begin(0, 0);
	int fd = dial(SOCK_STREAM, tcp_fd);
	loop_turn(&l, l.now + 5 * NS_PER_MS);
	CHECK_EQ(dns_server_counts(server)->connections, 1);
	timers_run(&l.timers, l.now + 1900 * NS_PER_MS);
	CHECK_EQ(dns_server_counts(server)->connections, 1);
	say(fd, "\0\1a", 3);
	HEARS(fd, "01A");
	timers_run(&l.timers, l.now + 7900 * NS_PER_MS);
	CHECK_EQ(dns_server_counts(server)->connections, 1);
	timers_run(&l.timers, l.now + 8100 * NS_PER_MS);
	CHECK_EQ(dns_server_counts(server)->connections, 0);
	CHECK_EQ(dns_server_counts(server)->timed_out, 1);
	HEARS(fd, "closed");
	close(fd);
	end();
}
