#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/enc.h"
#include "core/base/msgpack.h"
#include "net/rpc_client.h"
#include "net/rpc_server.h"
#include "net/socket.h"
#include "tests/test.h"
#include "tests/unit/net/tls_keys.h"

/* A server and a client on one loop. Methods: Test.Fail, Test.Park (kept until the test answers), Test.Big (as many
 * bytes as asked for), Status.Ping (nothing); all others answer their argument. */
enum { PARKED_MAX = 2000 };

static struct loop l;
static struct rpc_server *server;
static struct rpc_client *client;
static char at[ADDRESS_TEXT];
static struct rpc_call *parked[PARKED_MAX];
static unsigned parked_n, gone_n, troubles;
static uint8_t taken_byte;
static struct stream taken_stream;
static struct buf taken_got;

static void answer_big(struct rpc_call *c, struct slice args)
{
	struct mp_reader r = mp_read(args);
	size_t n = mp_u64(&r);
	struct buf b = {0};
	char *p = malloc(n);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i % 251);
	mp_put_str(&b, slice_at(p, n));
	rpc_answer(c, S_NONE, buf_view(&b));
	buf_free(&b);
	free(p);
}

static void on_call(void *host, struct rpc_call *c, struct slice method, struct slice args)
{
	CHECK(host == &l && rpc_call_client(c)->kind == ADDRESS_IP4 && !rpc_call_kept(c));
	if (slice_is(method, "Test.Fail")) {
		rpc_answer(c, S("no luck"), S("\xc3"));
	} else if (slice_is(method, "Test.Park")) {
		parked[parked_n] = c;
		rpc_call_keep(c, &parked[parked_n++]);
	} else if (slice_is(method, "Test.Big")) {
		answer_big(c, args);
	} else {
		rpc_answer(c, S_NONE, slice_is(method, "Status.Ping") ? S_NONE : args);
	}
}

static void on_gone(void *host, struct rpc_call *c)
{
	struct rpc_call **place = rpc_call_kept(c);
	CHECK(host == &l && *place == c);
	*place = NULL;
	gone_n++;
}

static void taken_ready(struct watch *w, uint32_t events)
{
	(void)events;
	struct stream *s = (struct stream *)(void *)w;
	switch (stream_read(s, 4096, NULL)) {
	case STREAM_GOT:
		buf_slice(&taken_got, stream_in(s));
		stream_take(s, stream_in(s).n);
		break;
	case STREAM_LATER: break;
	default: stream_close(s);
	}
}

static bool on_taken(void *host, uint8_t byte, struct stream *s, const struct address *peer)
{
	CHECK(host == &l && peer->kind == ADDRESS_IP4);
	taken_byte = byte;
	if (byte != 1)
		return false;
	taken_stream = *s;
	CHECK(stream_join(&taken_stream, &l, taken_ready));
	taken_ready(&taken_stream.watch, EPOLLIN);
	return true;
}

static void on_trouble(void *host, enum rpc_trouble what, const char *why, const struct address *peer)
{
	(void)host;
	(void)why;
	(void)peer;
	troubles |= 1u << what;
}

static const struct tls_settings *no_tls;

static const struct tls_settings *tls_for(void *host, const struct address *to)
{
	CHECK(host == &l && to->kind == ADDRESS_IP4);
	return no_tls;
}

static struct rpc_server_settings server_settings(void)
{
	return (struct rpc_server_settings){.host = &l,
	        .call = on_call,
	        .gone = on_gone,
	        .taken = on_taken,
	        .trouble = on_trouble,
	        .first_timeout = 40 * NS_PER_MS,
	        .argument_max = 16 << 20};
}

static void begin_with(const struct rpc_server_settings *set, dur_ns idle)
{
	struct address a;
	struct fail f;
	ASSERT(loop_init(&l));
	loop_read_clocks(&l);
	ASSERT(address_parse(S("127.66.84.41:0"), &a));
	int fd = socket_listen(&a, &(struct socket_listen){0}, &f);
	server = rpc_server_new(&l, set);
	ASSERT(fd >= 0 && server && rpc_server_listen(server, fd));
	a = socket_local(fd);
	address_print(&a, at);
	struct rpc_client_settings how = {.host = &l, .tls = tls_for, .idle_timeout = idle};
	client = rpc_client_new(&l, &how);
	ASSERT(client != NULL);
	parked_n = gone_n = troubles = 0;
	taken_byte = 255;
	no_tls = NULL;
}

static void begin(void)
{
	struct rpc_server_settings set = server_settings();
	begin_with(&set, 0);
}

static void end(void)
{
	rpc_client_free(client);
	rpc_server_free(server);
	stream_close(&taken_stream);
	buf_free(&taken_got);
	CHECK_EQ(l.pool.lent, 0);
	loop_free(&l);
}

static void turns(int n)
{
	while (n--)
		loop_turn(&l, l.now + NS_PER_MS);
}

/* ---- calls ---- */

struct asked {
	struct rpc_sent *sent;
	struct buf error, body;
	enum rpc_outcome outcome;
	unsigned done;
};

static void on_done(void *owner, const struct rpc_result *r)
{
	struct asked *a = owner;
	buf_slice(&a->error, r->error);
	buf_slice(&a->body, r->body);
	a->outcome = r->outcome;
	a->done++;
}

static void ask(struct asked *a, struct slice method, struct slice args)
{
	*a = (struct asked){0};
	a->sent = rpc_client_call(client, slice_of(at), method, args, INT64_MAX, on_done, a);
	CHECK(a->sent && !a->done);
}

static void answered(struct asked *a)
{
	for (int i = 0; i < 4000 && !a->done; i++)
		turns(1);
	CHECK_EQ(a->done, 1);
}

static void forget(struct asked *a)
{
	buf_free(&a->error);
	buf_free(&a->body);
}

#define GIVES(method, args, outcome_, error_, body_)                                                                   \
	do {                                                                                                           \
		struct asked a_;                                                                                       \
		ask(&a_, S(method), args);                                                                             \
		answered(&a_);                                                                                         \
		CHECK_EQ(a_.outcome, outcome_);                                                                        \
		CHECK_STR(buf_view(&a_.error), error_);                                                                \
		CHECK_STR(buf_view(&a_.body), body_);                                                                  \
		forget(&a_);                                                                                           \
	} while (0)

TEST(net_rpc, a_call_and_its_answer)
{
	begin();
	GIVES("Test.Echo", S("\xa5hello"), RPC_DONE, "", "\xa5hello");
	GIVES("Status.Ping", S("\x80"), RPC_DONE, "", "\x80");
	GIVES("Test.Fail", S("\x80"), RPC_REFUSED, "rpc error making call: no luck", "");
	GIVES("Bogus", S("\x80"), RPC_REFUSED, "rpc error making call: rpc: service/method request ill-formed: Bogus",
	        "");
	GIVES("Test.Echo", S("\x07"), RPC_DONE, "", "\x07");
	CHECK_EQ(rpc_client_sessions(client), 1);
	CHECK_EQ(rpc_server_counts(server)->accepted, 1);
	end();
}

TEST(net_rpc, many_calls_at_a_time_are_answered_in_any_order)
{
	enum { MANY = 1500 };
	static struct asked all[MANY];
	begin();
	for (int i = 0; i < MANY; i++)
		ask(&all[i], S("Test.Park"), S("\x01"));
	for (int i = 0; i < 400 && parked_n < MANY; i++)
		turns(1);
	CHECK_EQ(parked_n, MANY);
	CHECK_EQ(rpc_server_counts(server)->connections, 1);
	for (int i = MANY - 1; i >= 0; i--) {
		struct buf b = {0};
		mp_put_u64(&b, (uint64_t)i);
		rpc_answer(parked[i], S_NONE, buf_view(&b));
		buf_free(&b);
	}
	for (int i = 0; i < MANY; i++) {
		answered(&all[i]);
		struct mp_reader r = mp_read(buf_view(&all[i].body));
		CHECK_EQ(mp_u64(&r), i);
		forget(&all[i]);
	}
	GIVES("Test.Echo", S("\x07"), RPC_DONE, "", "\x07");
	end();
}

TEST(net_rpc, bodies_of_megabytes_both_ways)
{
	enum { BIG = 8 << 20 };
	struct buf b = {0}, n = {0};
	char *p = calloc(1, BIG);
	begin();
	struct asked a, other;
	mp_put_str(&b, slice_at(p, BIG));
	mp_put_u64(&n, BIG);
	ask(&a, S("Test.Echo"), buf_view(&b));
	ask(&other, S("Test.Big"), buf_view(&n));
	answered(&a);
	answered(&other);
	CHECK(slice_eq(buf_view(&a.body), buf_view(&b)));
	struct mp_reader r = mp_read(buf_view(&other.body));
	struct slice got = mp_str(&r);
	CHECK_EQ(got.n, BIG);
	for (size_t i = 0; i < got.n; i += 4093)
		CHECK_EQ(got.p[i], (char)(i % 251));
	forget(&a);
	forget(&other);
	/* above the server's limit: the stream ends, the session does not */
	free(p);
	p = calloc(1, 17 << 20);
	buf_reset(&b, 0);
	mp_put_str(&b, slice_at(p, 17 << 20));
	GIVES("Test.Echo", buf_view(&b), RPC_LOST, "rpc error making call: EOF", "");
	GIVES("Test.Echo", S("\x07"), RPC_DONE, "", "\x07");
	CHECK_EQ(rpc_server_counts(server)->accepted, 1);
	free(p);
	buf_free(&b);
	buf_free(&n);
	end();
}

TEST(net_rpc, nobody_listens)
{
	char want[256];
	struct asked first, second;
	begin();
	rpc_server_free(server);
	server = NULL;
	ask(&first, S("Test.Echo"), S("\x01"));
	ask(&second, S("Test.Echo"), S("\x01"));
	answered(&first);
	answered(&second);
	snprintf(want, sizeof want,
	        "rpc error getting client: failed to get conn: dial tcp <nil>->%s: connect: connection refused", at);
	CHECK_EQ(first.outcome, RPC_NO_CONN);
	CHECK_STR(buf_view(&first.error), want);
	CHECK_STR(buf_view(&second.error),
	        "rpc error getting client: failed to get conn: rpc error: lead thread didn't get connection");
	forget(&first);
	forget(&second);
	CHECK_EQ(rpc_client_sessions(client), 0);
	end();
}

TEST(net_rpc, an_address_that_is_none)
{
	struct asked a = {0};
	begin();
	CHECK(rpc_client_call(client, S("nowhere"), S("Test.Echo"), S("\x01"), INT64_MAX, on_done, &a));
	answered(&a);
	CHECK_EQ(a.outcome, RPC_NO_CONN);
	forget(&a);
	end();
}

TEST(net_rpc, calls_under_way_end_with_the_server)
{
	struct asked a, b;
	begin();
	ask(&a, S("Test.Park"), S("\x01"));
	ask(&b, S("Test.Park"), S("\x01"));
	while (parked_n < 2)
		turns(1);
	rpc_server_free(server);
	server = NULL;
	CHECK_EQ(gone_n, 2);
	answered(&a);
	answered(&b);
	CHECK_EQ(a.outcome, RPC_LOST);
	CHECK_STR(buf_view(&a.error), "rpc error making call: EOF");
	forget(&a);
	forget(&b);
	CHECK_EQ(rpc_client_calls(client), 0);
	end();
}

TEST(net_rpc, a_deadline_and_a_cancel_reach_the_server)
{
	struct asked a = {0}, b;
	begin();
	a.sent = rpc_client_call(client, slice_of(at), S("Test.Park"), S("\x01"), l.now + 30 * NS_PER_MS, on_done, &a);
	ask(&b, S("Test.Park"), S("\x01"));
	answered(&a);
	CHECK_EQ(a.outcome, RPC_LATE);
	CHECK_STR(buf_view(&a.error), "rpc error making call: i/o deadline reached");
	turns(4);
	CHECK_EQ(gone_n, 1);
	rpc_client_cancel(b.sent);
	turns(4);
	CHECK_EQ(gone_n, 2);
	CHECK(!b.done);
	CHECK_EQ(rpc_client_calls(client), 0);
	GIVES("Test.Echo", S("\x07"), RPC_DONE, "", "\x07");
	forget(&a);
	end();
}

TEST(net_rpc, clients_that_go_are_noticed)
{
	struct asked a;
	begin();
	ask(&a, S("Test.Park"), S("\x01"));
	while (!parked_n)
		turns(1);
	rpc_client_free(client);
	client = NULL;
	turns(4);
	CHECK_EQ(gone_n, 1);
	CHECK_EQ(rpc_server_counts(server)->connections, 0);
	end();
}

TEST(net_rpc, a_session_that_nobody_uses_is_closed)
{
	struct rpc_server_settings set = server_settings();
	begin_with(&set, 30 * NS_PER_MS);
	GIVES("Test.Echo", S("\x07"), RPC_DONE, "", "\x07");
	CHECK_EQ(rpc_client_sessions(client), 1);
	turns(80);
	CHECK_EQ(rpc_client_sessions(client), 0);
	CHECK_EQ(rpc_server_counts(server)->connections, 0);
	GIVES("Test.Echo", S("\x07"), RPC_DONE, "", "\x07");
	end();
}

/* ---- bytes ---- */

static int dial_raw(void)
{
	struct address to;
	union address_sock sock = {0};
	ASSERT(address_parse(slice_of(at), &to));
	socklen_t n = address_to_sock(&to, &sock);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(!connect(fd, &sock.any, n));
	return fd;
}

static void say(int fd, struct slice bytes)
{
	CHECK_EQ(send(fd, bytes.p, bytes.n, MSG_NOSIGNAL), bytes.n);
}

static void say_hex(int fd, const char *hex)
{
	struct arena a = {0};
	struct slice bytes;
	CHECK(hex_get(slice_of(hex), &a, &bytes));
	say(fd, bytes);
	arena_free(&a);
}

/* What has come after a few turns, as hex digits: "closed", "nothing". */
static const char *hear(int fd)
{
	static char text[2048];
	char got[1000];
	turns(8);
	ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN ? "nothing" : "broken";
	for (ssize_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", (unsigned char)got[i]);
	return n ? text : "closed";
}

#define HEARS(fd, want) CHECK_STR(slice_of(hear(fd)), want)

TEST(net_rpc, the_recorded_bytes_of_a_session)
{
	begin();
	int fd = dial_raw();
	say_hex(fd, "0400010001000000010000000000000000000000010000002182a353657101ad536572766963654d6574686f64ab537461"
	            "74757"
	            "32e50696e6780");
	HEARS(fd, "00010002000000010000000000000000000000010000002883a54572726f72a0a353657101ad536572766963654d6574686f"
	          "64ab5"
	          "374617475732e50696e6780");
	/* the unknown field, the argument's */
	say_hex(fd,
	        "00010001000000030000000000000000000000030000002782a353657149ad536572766963654d6574686f64a5426f6775738"
	        "4a141c0a142c0a143c0a144c0");
	HEARS(fd, "000100020000000300000000"
	          "000000000000000300000051"
	          "83a54572726f72da002d7270633a20736572766963652f6d6574686f64207265717565737420696c6c2d666f726d65643a20"
	          "426f"
	          "677573a353657149ad536572766963654d6574686f64a5426f67757380"
	          "000100040000000300000000"); /* and its stream ends */
	CHECK_EQ(troubles, 1 << RPC_TROUBLE_REQUEST);
	say_hex(fd, "000100040000000100000000");
	HEARS(fd, "000100040000000100000000");
	say_hex(fd, "000000010000000500000001c1"); /* no msgpack: this stream ends */
	HEARS(fd, "000100020000000500000000000100040000000500000000");
	say_hex(fd, "010000000000000000000000");
	HEARS(fd, "closed");
	CHECK(troubles & 1 << RPC_TROUBLE_SESSION);
	close(fd);
	end();
}

TEST(net_rpc, calls_on_the_connection_itself_cut_anywhere)
{
	static const char two[] = "\0"
	                          "\x82\xa3Seq\x07\xadServiceMethod\xa9Test.Echo\xa2hi"
	                          "\x82\xa3Seq\x08\xadServiceMethod\xa9Test.Fail\x80";
	static const char want[] =
	        "83a54572726f72a0a353657107ad536572766963654d6574686f64a9546573742e4563686fa26869"
	        "83a54572726f72a76e6f206c75636ba353657108ad536572766963654d6574686f64a9546573742e4661"
	        "696c80";
	begin();
	for (size_t cut = 0; cut < sizeof(two); cut += 3) {
		int fd = dial_raw();
		say(fd, slice_at(two, cut));
		turns(3);
		say(fd, slice_at(two + cut, sizeof(two) - 1 - cut));
		turns(3);
		char got[4 * sizeof want];
		CHECK_EQ(recv(fd, got, sizeof got, MSG_DONTWAIT), (sizeof(want) - 1) / 2);
		shutdown(fd, SHUT_WR);
		HEARS(fd, "closed");
		close(fd);
	}
	int fd = dial_raw();
	say(fd, slice_at(two, sizeof(two) - 1));
	HEARS(fd, want);
	close(fd);
	end();
}

TEST(net_rpc, a_plain_caller_who_half_closed_gets_his_answer)
{
	begin();
	int fd = dial_raw();
	say(fd, slice_at("\0", 1));
	say(fd, S("\x82\xa3Seq\x07\xadServiceMethod\xa9Test.Park\x80"));
	say(fd, S("\x82\xa3Seq\x08\xadServiceMethod\xa9Test.Echo\x01"));
	shutdown(fd, SHUT_WR);
	HEARS(fd, "nothing");
	ASSERT(parked_n == 1);
	rpc_answer(parked[0], S_NONE, S("\x02"));
	HEARS(fd, "83a54572726f72a0a353657107ad536572766963654d6574686f64a9546573742e5061726b02"
	          "83a54572726f72a0a353657108ad536572766963654d6574686f64a9546573742e4563686f01");
	HEARS(fd, "closed");
	close(fd);
	fd = dial_raw();
	say(fd, slice_at("\0", 1));
	say(fd, S("\x82\xa3Seq\x07\xadServiceMethod\xa9Test.Park\x80"));
	turns(8);
	struct linger hard = {1, 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
	turns(8);
	CHECK_EQ(gone_n, 1);
	end();
}

TEST(net_rpc, one_call_at_a_time_on_a_stream)
{
	begin();
	int fd = dial_raw();
	say_hex(fd, "04");
	say_hex(fd, "00000001000000010000001f82a353657107ad536572766963654d6574686f64a9546573742e5061726b80");
	say_hex(fd, "00000000000000010000001f82a353657108ad536572766963654d6574686f64a9546573742e4563686f01");
	HEARS(fd, "000100020000000100000000");
	rpc_answer(parked[0], S_NONE, S("\x02"));
	HEARS(fd,
	        "00000000000000010000002683a54572726f72a0a353657107ad536572766963654d6574686f64a9546573742e5061726b02"
	        "00000000000000010000002683a54572726f72a0a353657108ad536572766963654d6574686f64a9546573742e4563686f01");
	close(fd);
	end();
}

TEST(net_rpc, other_first_bytes_are_the_hosts)
{
	begin();
	int fd = dial_raw();
	say(fd, S("\x01more"));
	turns(6);
	CHECK_EQ(taken_byte, 1);
	say(fd, S(" and more"));
	turns(6);
	CHECK_STR(buf_view(&taken_got), "more and more");
	CHECK_EQ(rpc_server_counts(server)->connections, 0);
	close(fd);
	fd = dial_raw();
	say(fd, S("\x02"));
	HEARS(fd, "closed");
	CHECK_EQ(taken_byte, 2);
	close(fd);
	fd = dial_raw();
	say(fd, S("\x03"));
	HEARS(fd, "closed");
	CHECK_EQ(troubles, 1 << RPC_TROUBLE_NO_TLS);
	close(fd);
	fd = dial_raw();
	turns(60);
	HEARS(fd, "closed");
	CHECK(troubles & 1 << RPC_TROUBLE_BYTE);
	close(fd);
	end();
}

TEST(net_rpc, a_call_that_nobody_serves_ends_a_plain_connection)
{
	begin();
	int fd = dial_raw();
	say(fd, slice_at("\0", 1));
	say(fd, S("\x82\xa3Seq\x07\xadServiceMethod\xa1X\x80"));
	say(fd, S("\x82\xa3Seq\x08\xadServiceMethod\xa9Test.Echo\x01"));
	HEARS(fd, "83a54572726f72da00297270633a20736572766963652f6d6574686f64207265717565737420696c6c2d666f726d65643a20"
	          "58a353657107ad536572766963654d6574686f64a15880");
	HEARS(fd, "closed");
	close(fd);
	end();
}

/* ---- TLS ---- */

TEST(net_rpc, tls_then_the_byte_again)
{
	struct tls_identity *who;
	struct tls_trust *trust;
	struct fail f;
	ASSERT(!tls_identity_new(slice_of(ec_cert), slice_of(ec_key), &who, &f));
	ASSERT(!tls_trust_new(slice_of(ec_cert), &trust, &f));
	struct rpc_server_settings set = server_settings();
	set.identity = who;
	set.tls_only = true;
	set.first_timeout = 10 * NS_PER_S; /* handshakes cost much on a busy machine */
	begin_with(&set, 0);
	const struct tls_settings how = {.trust = trust, .server_name = "here.test"};
	no_tls = &how;
	GIVES("Test.Echo", S("\xa5hello"), RPC_DONE, "", "\xa5hello");
	struct asked big;
	ask(&big, S("Test.Big"), S("\xce\x00\x20\x00\x00"));
	answered(&big);
	CHECK_EQ(big.body.n, (2 << 20) + 5);
	forget(&big);
	rpc_client_free(client);
	client = rpc_client_new(&l, &(struct rpc_client_settings){.host = &l, .tls = tls_for});
	const struct tls_settings wrong = {.trust = trust, .server_name = "there.test"};
	no_tls = &wrong;
	GIVES("Test.Echo", S("\x01"), RPC_NO_CONN,
	        "rpc error getting client: failed to get conn: x509: certificate is not valid for the requested name",
	        "");
	no_tls = NULL;
	GIVES("Test.Echo", S("\x01"), RPC_LOST, "rpc error making call: EOF", "");
	CHECK(troubles & 1 << RPC_TROUBLE_PLAIN);
	/* certificates of callers */
	rpc_server_tls(server, who, trust, true);
	rpc_client_free(client);
	client = rpc_client_new(&l, &(struct rpc_client_settings){.host = &l, .tls = tls_for});
	no_tls = &how;
	struct asked a;
	ask(&a, S("Test.Echo"), S("\x01"));
	answered(&a);
	CHECK(a.outcome != RPC_DONE);
	forget(&a);
	const struct tls_settings known = {.trust = trust, .identity = who};
	no_tls = &known;
	GIVES("Test.Echo", S("\xa5hello"), RPC_DONE, "", "\xa5hello");
	end();
	tls_identity_free(who);
	tls_trust_free(trust);
}
