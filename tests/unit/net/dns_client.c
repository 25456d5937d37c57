#include "net/dns_client.h"

#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/slice.h"
#include "net/socket.h"
#include "tests/test.h"

static struct loop l;
static struct dns_client *client;
static char said[1024];
static int recursors[2]; /* UDP sockets of two recursors */

static void on_event(void *host, uint64_t owner, enum dns_client_event e, struct slice bytes, dur_ns rtt)
{
	size_t n = strlen(said);
	CHECK(host == &l);
	CHECK(rtt >= 0);
	if (e == DNS_CLIENT_FAILED)
		snprintf(said + n, sizeof(said) - n, "failed %d: %.*s;", (int)owner, PS(bytes));
	else if (e == DNS_CLIENT_GAVE_UP)
		snprintf(said + n, sizeof(said) - n, "gave up %d;", (int)owner);
	else
		snprintf(said + n, sizeof(said) - n, "answered %d id %d%d;", (int)owner, bytes.p[0], bytes.p[1]);
}

static void begin(void)
{
	struct address all[2];
	struct fail f;
	ASSERT(loop_init(&l));
	loop_read_clocks(&l);
	for (int i = 0; i < 2; i++) {
		ASSERT(address_parse(S("127.66.7.32:0"), &all[i]));
		recursors[i] = socket_udp(&all[i], false, &f);
		all[i] = socket_local(recursors[i]);
	}
	const struct dns_client_settings set = {
	        .host = &l, .event = on_event, .recursors = all, .recursor_n = 2, .timeout = 2 * NS_PER_S};
	client = dns_client_new(&l, &set);
	ASSERT(client);
	said[0] = 0;
}

static void end(void)
{
	dns_client_free(client);
	for (int i = 0; i < 2; i++)
		close(recursors[i]);
	loop_free(&l);
}

static const char question[] = "\7\2\1\0\0\1\0\0\0\0\0\0\1a\7example\0\0\1\0\1";

static void ask(uint64_t owner, bool tcp, enum dns_client_want want)
{
	CHECK(dns_client_ask(client, owner, slice_at(question, sizeof(question) - 1), tcp, want));
}

/* What a recursor has got, with the asker's address; its length. */
static ssize_t take(int recursor, uint8_t *p, union address_sock *from)
{
	socklen_t n = sizeof(*from);
	for (int i = 0; i < 20; i++) {
		loop_turn(&l, l.now + NS_PER_MS);
		ssize_t got = recvfrom(recursors[recursor], p, 512, MSG_DONTWAIT, &from->any, &n);
		if (got >= 0)
			return got;
	}
	return -1;
}

static void turn(void)
{
	for (int i = 0; i < 5; i++)
		loop_turn(&l, l.now + NS_PER_MS);
}

static void send_to(int recursor, const uint8_t *p, ssize_t n, const union address_sock *to)
{
	CHECK_EQ(sendto(recursors[recursor], p, (size_t)n, 0, &to->any, sizeof(struct sockaddr_in)), n);
	turn();
}

#define SAID(want)                                                                                                     \
	do {                                                                                                           \
		CHECK_STR(slice_of(said), want);                                                                       \
		said[0] = 0;                                                                                           \
	} while (0)

TEST(dns_client, an_answer_comes_back_with_the_askers_id)
{
	uint8_t p[512];
	union address_sock from = {0};
	begin();
	ask(5, false, DNS_WANT_ANY);
	ssize_t n = take(0, p, &from);
	CHECK_EQ(n, sizeof(question) - 1);
	CHECK(!memcmp(p + 2, question + 2, (size_t)n - 2));
	p[2] |= 0x80;
	p[13] = 'A'; /* case does not matter */
	send_to(0, p, n, &from);
	SAID("answered 5 id 72;");
	send_to(0, p, n, &from); /* nobody is there any more */
	SAID("");
	end();
}

TEST(dns_client, what_is_not_the_answer_is_dropped)
{
	uint8_t p[512];
	union address_sock from = {0};
	begin();
	ask(5, false, DNS_WANT_ANY);
	ssize_t n = take(0, p, &from);
	send_to(0, p, n, &from); /* no answer */
	p[2] |= 0x80;
	send_to(1, p, n, &from); /* from somebody else */
	p[0] ^= 1;
	send_to(0, p, n, &from); /* another id */
	p[0] ^= 1;
	p[13] = 'b';
	send_to(0, p, n, &from); /* another question */
	SAID("");
	p[13] = 'a';
	send_to(0, p, n, &from);
	SAID("answered 5 id 72;");
	end();
}

TEST(dns_client, silence_moves_on)
{
	uint8_t p[512];
	union address_sock from = {0};
	begin();
	ask(5, false, DNS_WANT_ANY);
	CHECK(take(0, p, &from) > 0);
	CHECK(take(1, p, &from) < 0);
	timers_run(&l.timers, l.now + 2 * NS_PER_S);
	CHECK(slice_search(slice_of(said), S(": i/o timeout;")) > 0);
	CHECK(slice_starts(slice_of(said), S("failed 5: read udp 127.0.0.1:")));
	said[0] = 0;
	CHECK(take(1, p, &from) > 0);
	timers_run(&l.timers, l.now + 5 * NS_PER_S);
	CHECK(slice_ends(slice_of(said), S("gave up 5;")));
	end();
}

TEST(dns_client, nonsense_and_refusals_move_on)
{
	uint8_t p[512];
	union address_sock from = {0};
	begin();
	ask(5, false, DNS_WANT_ANY);
	ssize_t n = take(0, p, &from);
	p[2] |= 0x80;
	p[7] = 1;
	p[n] = 99; /* a record that is no record */
	send_to(0, p, n + 1, &from);
	SAID("failed 5: dns: bad rdata;");
	close(recursors[1]);
	recursors[1] = -1;
	ask(6, false, DNS_WANT_ANY);
	CHECK(take(0, p, &from) > 0);
	timers_run(&l.timers, l.now + 2 * NS_PER_S);
	said[0] = 0;
	turn();
	CHECK(slice_search(slice_of(said), S(": read: connection refused;gave up 6;")) > 0);
	end();
}

TEST(dns_client, a_truncated_answer_will_do_or_not)
{
	uint8_t p[512];
	union address_sock from = {0};
	begin();
	for (int want = DNS_WANT_ANY; want <= DNS_WANT_WHOLE; want++) {
		ask(5, false, (enum dns_client_want)want);
		ssize_t n = take(0, p, &from);
		p[2] |= 0x82;
		send_to(0, p, n, &from);
		SAID(want == DNS_WANT_ANY ? "answered 5 id 72;" : "failed 5: dns: failed to unpack truncated message;");
	}
	end();
}

/* The same over TCP: the answer comes in two pieces. */
TEST(dns_client, streams)
{
	struct address to[2];
	struct fail f;
	uint8_t p[64];
	begin();
	dns_client_free(client);
	address_parse(S("127.66.7.32:0"), &to[0]);
	int listener = socket_listen(&to[0], &(struct socket_listen){0}, &f);
	to[0] = to[1] = socket_local(listener);
	const struct dns_client_settings set = {
	        .host = &l, .event = on_event, .recursors = to, .recursor_n = 2, .timeout = 2 * NS_PER_S};
	client = dns_client_new(&l, &set);
	ask(9, true, DNS_WANT_ANY);
	turn();
	int fd = accept(listener, NULL, NULL);
	turn();
	ssize_t n = recv(fd, p, sizeof(p), 0);
	CHECK_EQ(n, sizeof(question) + 1);
	p[4] |= 0x80;
	send(fd, p, 5, 0);
	turn();
	SAID("");
	send(fd, p + 5, (size_t)n - 5, 0);
	turn();
	SAID("answered 9 id 72;");
	close(fd);

	ask(10, true, DNS_WANT_ANY);
	turn();
	fd = accept(listener, NULL, NULL);
	close(fd);
	close(listener);
	turn();
	turn();
	CHECK(slice_search(slice_of(said), S("dial tcp 127.66.7.32:")) > 0);
	CHECK(slice_ends(slice_of(said), S(": connect: connection refused;gave up 10;")));
	end();
}
