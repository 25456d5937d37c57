/* Calls from end to end, plain and under TLS. */
#include <stdlib.h>

#include "core/base/msgpack.h"
#include "tests/unit/net/both.h"
#include "tests/unit/net/tls_keys.h"

TEST(net_rpc, a_call_and_its_answer)
{
	both_begin();
	GIVES("Test.Echo", S("\xa5hello"), RPC_DONE, "", "\xa5hello");
	GIVES("Status.Ping", S("\x80"), RPC_DONE, "", "\x80");
	GIVES("Test.Fail", S("\x80"), RPC_REFUSED, "rpc error making call: no luck", "");
	GIVES("Bogus", S("\x80"), RPC_REFUSED, "rpc error making call: rpc: service/method request ill-formed: Bogus",
	        "");
	GIVES("Test.Echo", S("\x07"), RPC_DONE, "", "\x07");
	CHECK_EQ(rpc_client_sessions(both.client), 1);
	CHECK_EQ(rpc_server_counts(both.server)->accepted, 1);
	both_end();
}

TEST(net_rpc, many_calls_at_a_time_are_answered_in_any_order)
{
	enum { MANY = 1500 };
	static struct asked all[MANY];
	both_begin();
	for (int i = 0; i < MANY; i++)
		both_ask(&all[i], S("Test.Park"), S("\x01"));
	for (int i = 0; i < 400 && both.parked_n < MANY; i++)
		both_turns(1);
	CHECK_EQ(both.parked_n, MANY);
	CHECK_EQ(rpc_server_counts(both.server)->connections, 1);
	for (int i = MANY - 1; i >= 0; i--) {
		struct buf b = {0};
		mp_put_u64(&b, (uint64_t)i);
		rpc_answer(both.parked[i], S_NONE, buf_view(&b));
		buf_free(&b);
	}
	for (int i = 0; i < MANY; i++) {
		both_answered(&all[i]);
		struct mp_reader r = mp_read(buf_view(&all[i].body));
		CHECK_EQ(mp_u64(&r), i);
		both_forget(&all[i]);
	}
	GIVES("Test.Echo", S("\x07"), RPC_DONE, "", "\x07");
	both_end();
}

TEST(net_rpc, bodies_of_megabytes_both_ways)
{
	enum { BIG = 8 << 20 };
	struct buf b = {0}, n = {0};
	char *p = calloc(1, BIG);
	both_begin();
	struct asked a, other;
	mp_put_str(&b, slice_at(p, BIG));
	mp_put_u64(&n, BIG);
	both_ask(&a, S("Test.Echo"), buf_view(&b));
	both_ask(&other, S("Test.Big"), buf_view(&n));
	both_answered(&a);
	both_answered(&other);
	CHECK(slice_eq(buf_view(&a.body), buf_view(&b)));
	struct mp_reader r = mp_read(buf_view(&other.body));
	struct slice got = mp_str(&r);
	CHECK_EQ(got.n, BIG);
	for (size_t i = 0; i < got.n; i += 4093)
		CHECK_EQ(got.p[i], (char)(i % 251));
	both_forget(&a);
	both_forget(&other);
	/* above the server's limit: the stream ends, the session does not */
	free(p);
	p = calloc(1, 17 << 20);
	buf_reset(&b, 0);
	mp_put_str(&b, slice_at(p, 17 << 20));
	GIVES("Test.Echo", buf_view(&b), RPC_LOST, "rpc error making call: EOF", "");
	GIVES("Test.Echo", S("\x07"), RPC_DONE, "", "\x07");
	CHECK_EQ(rpc_server_counts(both.server)->accepted, 1);
	free(p);
	buf_free(&b);
	buf_free(&n);
	both_end();
}

TEST(net_rpc, nobody_listens)
{
	char want[256];
	struct asked first, second;
	both_begin();
	rpc_server_free(both.server);
	both.server = NULL;
	both_ask(&first, S("Test.Echo"), S("\x01"));
	both_ask(&second, S("Test.Echo"), S("\x01"));
	both_answered(&first);
	both_answered(&second);
	snprintf(want, sizeof want,
	        "rpc error getting client: failed to get conn: dial tcp <nil>->%s: connect: connection refused",
	        both.at);
	CHECK_EQ(first.outcome, RPC_NO_CONN);
	CHECK_STR(buf_view(&first.error), want);
	CHECK_STR(buf_view(&second.error),
	        "rpc error getting client: failed to get conn: rpc error: lead thread didn't get connection");
	both_forget(&first);
	both_forget(&second);
	CHECK_EQ(rpc_client_sessions(both.client), 0);
	both_end();
}

TEST(net_rpc, an_address_that_is_none)
{
	struct asked a = {0};
	both_begin();
	CHECK(rpc_client_call(both.client, S("nowhere"), S("Test.Echo"), S("\x01"), INT64_MAX, both_on_done, &a));
	both_answered(&a);
	CHECK_EQ(a.outcome, RPC_NO_CONN);
	both_forget(&a);
	both_end();
}

TEST(net_rpc, calls_under_way_end_with_the_server)
{
	struct asked a, b;
	both_begin();
	both_ask(&a, S("Test.Park"), S("\x01"));
	both_ask(&b, S("Test.Park"), S("\x01"));
	while (both.parked_n < 2)
		both_turns(1);
	rpc_server_free(both.server);
	both.server = NULL;
	CHECK_EQ(both.gone_n, 2);
	both_answered(&a);
	both_answered(&b);
	CHECK_EQ(a.outcome, RPC_LOST);
	CHECK_STR(buf_view(&a.error), "rpc error making call: EOF");
	both_forget(&a);
	both_forget(&b);
	CHECK_EQ(rpc_client_calls(both.client), 0);
	both_end();
}

TEST(net_rpc, a_deadline_and_a_cancel_reach_the_server)
{
	struct asked a = {0}, b;
	both_begin();
	a.sent = rpc_client_call(both.client, slice_of(both.at), S("Test.Park"), S("\x01"),
	        both.loop.now + 30 * NS_PER_MS, both_on_done, &a);
	both_ask(&b, S("Test.Park"), S("\x01"));
	both_answered(&a);
	CHECK_EQ(a.outcome, RPC_LATE);
	CHECK_STR(buf_view(&a.error), "rpc error making call: i/o deadline reached");
	both_turns(4);
	CHECK_EQ(both.gone_n, 1);
	rpc_client_cancel(b.sent);
	both_turns(4);
	CHECK_EQ(both.gone_n, 2);
	CHECK(!b.done);
	CHECK_EQ(rpc_client_calls(both.client), 0);
	GIVES("Test.Echo", S("\x07"), RPC_DONE, "", "\x07");
	both_forget(&a);
	both_end();
}

TEST(net_rpc, clients_that_go_are_noticed)
{
	struct asked a;
	both_begin();
	both_ask(&a, S("Test.Park"), S("\x01"));
	while (!both.parked_n)
		both_turns(1);
	rpc_client_free(both.client);
	both.client = NULL;
	both_turns(4);
	CHECK_EQ(both.gone_n, 1);
	CHECK_EQ(rpc_server_counts(both.server)->connections, 0);
	both_end();
}

TEST(net_rpc, a_session_that_nobody_uses_is_closed)
{
	struct rpc_server_settings set = both_settings();
	both_begin_with(&set, 30 * NS_PER_MS);
	GIVES("Test.Echo", S("\x07"), RPC_DONE, "", "\x07");
	CHECK_EQ(rpc_client_sessions(both.client), 1);
	both_turns(80);
	CHECK_EQ(rpc_client_sessions(both.client), 0);
	CHECK_EQ(rpc_server_counts(both.server)->connections, 0);
	GIVES("Test.Echo", S("\x07"), RPC_DONE, "", "\x07");
	both_end();
}

TEST(net_rpc, tls_then_the_byte_again)
{
	struct tls_identity *who;
	struct tls_trust *trust;
	struct fail f;
	ASSERT(!tls_identity_new(slice_of(ec_cert), slice_of(ec_key), &who, &f));
	ASSERT(!tls_trust_new(slice_of(ec_cert), &trust, &f));
	struct rpc_server_settings set = both_settings();
	set.identity = who;
	set.tls_only = true;
	set.first_timeout = 10 * NS_PER_S; /* handshakes cost much on a busy machine */
	both_begin_with(&set, 0);
	const struct tls_settings how = {.trust = trust, .server_name = "here.test"};
	both.tls = &how;
	GIVES("Test.Echo", S("\xa5hello"), RPC_DONE, "", "\xa5hello");
	struct asked big;
	both_ask(&big, S("Test.Big"), S("\xce\x00\x20\x00\x00"));
	both_answered(&big);
	CHECK_EQ(big.body.n, (2 << 20) + 5);
	both_forget(&big);
	both_client(0);
	const struct tls_settings wrong = {.trust = trust, .server_name = "there.test"};
	both.tls = &wrong;
	GIVES("Test.Echo", S("\x01"), RPC_NO_CONN,
	        "rpc error getting client: failed to get conn: x509: certificate is not valid for the requested name",
	        "");
	both.tls = NULL;
	GIVES("Test.Echo", S("\x01"), RPC_LOST, "rpc error making call: EOF", "");
	CHECK(both.troubles & 1 << RPC_TROUBLE_PLAIN);
	/* certificates of callers */
	rpc_server_tls(both.server, who, trust, true);
	both_client(0);
	both.tls = &how;
	struct asked a;
	both_ask(&a, S("Test.Echo"), S("\x01"));
	both_answered(&a);
	CHECK(a.outcome != RPC_DONE);
	both_forget(&a);
	const struct tls_settings known = {.trust = trust, .identity = who};
	both.tls = &known;
	GIVES("Test.Echo", S("\xa5hello"), RPC_DONE, "", "\xa5hello");
	both_end();
	tls_identity_free(who);
	tls_trust_free(trust);
}
