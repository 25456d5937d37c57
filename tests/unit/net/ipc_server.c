#include "net/ipc_server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/slice.h"
#include "net/socket.h"
#include "tests/test.h"

/* A host that answers each value with the same value; some mean something: "hold" and "park" wait, "end" ends, "many"
 * is answered with a mebibyte. */
static struct loop l;
static struct ipc_server *server;
static struct ipc_conn *held;
static unsigned opened, closed, spoilt;
static int listener;

static void *on_opened(void *host, struct ipc_conn *c)
{
	CHECK(host == &l && ipc_conn_client(c)->kind == ADDRESS_IP4);
	opened++;
	return c;
}

static void on_closed(void *host, struct ipc_conn *c)
{
	CHECK(host == &l && ipc_conn_user(c) == c);
	closed++;
	if (held == c)
		held = NULL;
}

static void on_spoilt(void *host, struct ipc_conn *c)
{
	(void)host;
	(void)c;
	spoilt++;
}

static void send_much(struct ipc_conn *c)
{
	enum { PIECE = 4096 };
	char *p = calloc(1, PIECE);
	for (int i = 0; i < 256; i++)
		ipc_conn_send(c, slice_at(p, PIECE));
	free(p);
}

static enum ipc_conn_then on_value(void *host, struct ipc_conn *c, struct slice value)
{
	(void)host;
	if (slice_is(value, "\xa4hold") || slice_is(value, "\xa4park")) {
		held = c;
		return value.p[1] == 'h' ? IPC_CONN_HOLD : IPC_CONN_PARK;
	}
	if (slice_is(value, "\xa4many"))
		send_much(c);
	else
		ipc_conn_send(c, value);
	return slice_is(value, "\xa3"
	                       "end")
	               ? IPC_CONN_END
	               : IPC_CONN_NEXT;
}

static void begin_with(unsigned connections_max, dur_ns stall)
{
	struct address a;
	struct fail f;
	ASSERT(loop_init(&l));
	loop_read_clocks(&l);
	ASSERT(address_parse(S("127.66.84.31:0"), &a));
	const struct ipc_settings set = {.host = &l,
	        .opened = on_opened,
	        .value = on_value,
	        .spoilt = on_spoilt,
	        .closed = on_closed,
	        .value_max = 64,
	        .connections_max = connections_max,
	        .stall_timeout = stall};
	server = ipc_server_new(&l, &set);
	listener = socket_listen(&a, &(struct socket_listen){0}, &f);
	ASSERT(server && listener >= 0 && ipc_server_listen(server, listener));
	opened = closed = spoilt = 0;
	held = NULL;
}

static void begin(unsigned connections_max)
{
	begin_with(connections_max, 0);
}

/* For tests of what a client may not keep waiting: longer than a busy machine keeps one waiting, by and large. */
static void begin_impatient(void)
{
	begin_with(0, 250 * NS_PER_MS);
}

static void end(void)
{
	ipc_server_free(server);
	CHECK_EQ(opened, closed);
	loop_free(&l);
}

static int dial(void)
{
	union address_sock sock = {0};
	struct address to = socket_local(listener);
	socklen_t n = address_to_sock(&to, &sock);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(!connect(fd, &sock.any, n));
	return fd;
}

static void say(int fd, const char *text)
{
	CHECK_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void turns(int n)
{
	while (n--)
		loop_turn(&l, l.now + NS_PER_MS);
}

/* What has come after a few turns: "closed", "nothing", or the bytes. */
static const char *hear(int fd)
{
	static char got[256];
	turns(8);
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN ? "nothing" : "broken";
	got[n] = 0;
	return n ? got : "closed";
}

#define HEARS(fd, want) CHECK_STR(slice_of(hear(fd)), want)

TEST(ipc_server, values_are_cut_wherever_they_come_apart)
{
	static const char text[] = "\x82\xa1"
	                           "a\x01\xa1"
	                           "b\x92\x02\xc0\xa3xyz\x05";
	begin(0);
	for (size_t cut = 0; cut < sizeof(text) - 1; cut++) {
		int fd = dial();
		CHECK_EQ(send(fd, text, cut, MSG_NOSIGNAL), cut);
		turns(4);
		say(fd, text + cut);
		turns(4);
		char got[64];
		CHECK_EQ(recv(fd, got, sizeof got, MSG_DONTWAIT), sizeof(text) - 1);
		CHECK(!memcmp(got, text, sizeof(text) - 1));
		close(fd);
	}
	turns(8);
	CHECK_EQ(closed, sizeof(text) - 1);
	CHECK_EQ(ipc_server_counts(server)->values, 3 * (sizeof(text) - 1));
	end();
}

TEST(ipc_server, a_held_connection_goes_on_when_it_is_resumed)
{
	begin(0);
	int fd = dial();
	say(fd, "\x01\xa4hold\x02\x03");
	HEARS(fd, "\x01");
	ASSERT(held != NULL);
	ipc_conn_send(held, S("late"));
	HEARS(fd, "late");
	ipc_conn_resume(held);
	HEARS(fd, "\x02\x03");
	close(fd);
	end();
}

/* Whoever waits for an answer gets it, though he has finished sending; whoever is parked counts as gone. */
TEST(ipc_server, the_end_of_a_client_that_waits)
{
	begin(0);
	int fd = dial();
	say(fd, "\xa4hold\x02");
	shutdown(fd, SHUT_WR);
	HEARS(fd, "nothing");
	ASSERT(held != NULL);
	ipc_conn_send(held, S("late"));
	ipc_conn_resume(held);
	HEARS(fd, "late\x02");
	HEARS(fd, "closed");
	close(fd);
	fd = dial();
	say(fd, "\xa4park");
	turns(4);
	ASSERT(held != NULL);
	shutdown(fd, SHUT_WR);
	HEARS(fd, "closed");
	CHECK(!held);
	close(fd);
	fd = dial();
	say(fd, "\xa4hold");
	turns(4);
	ASSERT(held != NULL);
	struct linger now = {1, 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd); /* a reset */
	turns(4);
	CHECK(!held);
	end();
}

TEST(ipc_server, the_last_answer_arrives_before_the_end)
{
	begin(0);
	int fd = dial();
	say(fd, "\x01\xa3"
	        "end\x02\x03\x04");
	HEARS(fd, "\x01\xa3"
	          "end");
	HEARS(fd, "closed");
	say(fd, "\x05");
	close(fd);
	turns(8);
	CHECK_EQ(closed, 1);
	end();
}

TEST(ipc_server, what_can_be_no_value_ends_the_connection)
{
	static const char *const bad[] = {"\xc1", "\x92\x01\xc1", "\xd9\x41", "\xdb\x7f\xff\xff\xff",
	        "\xdf\x01\x01\x01\x01", "\xde\x01\x01", "\x9f\x9f\x9f\x9f\x9f"};
	begin(0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int fd = dial();
		say(fd, bad[i]);
		HEARS(fd, "closed");
		CHECK_EQ(spoilt, i + 1);
		close(fd);
	}
	end();
}

TEST(ipc_server, half_a_value_does_not_wait_for_ever)
{
	begin_impatient();
	int fd = dial(), idle = dial();
	say(fd, "\x92\x01");
	HEARS(fd, "nothing");
	for (int i = 0; i < 5000 && !closed; i++)
		turns(1);
	HEARS(fd, "closed");
	HEARS(idle, "nothing");
	CHECK_EQ(ipc_server_counts(server)->timed_out, 1);
	close(fd);
	close(idle);
	end();
}

/* A client that does not read: nothing more is asked of the host, and after a while it is cut off. */
TEST(ipc_server, who_does_not_read_is_not_asked)
{
	begin_impatient();
	int fd = dial();
	for (int i = 0; i < 16; i++)
		say(fd, "\xa4many");
	turns(8);
	uint64_t asked = ipc_server_counts(server)->values;
	CHECK(asked >= 1 && asked < 16);
	for (int i = 0; i < 5000 && !closed; i++)
		turns(1);
	CHECK_EQ(closed, 1);
	CHECK_EQ(ipc_server_counts(server)->values, asked);
	close(fd);
	end();
}

TEST(ipc_server, connections_are_limited)
{
	begin(2);
	int a = dial(), b = dial(), c = dial();
	HEARS(c, "closed");
	close(b);
	turns(8);
	int d = dial();
	say(d, "\x07");
	HEARS(d, "\x07");
	CHECK_EQ(ipc_server_counts(server)->refused, 1);
	close(a);
	close(c);
	close(d);
	end();
}
