/* The server's side byte by byte, as real callers were heard, cut and broken. */
#include <errno.h>
#include <unistd.h>

#include "core/base/enc.h"
#include "tests/unit/net/both.h"

static int dial_raw(void)
{
	struct address to;
	union address_sock sock = {0};
	ASSERT(address_parse(slice_of(both.at), &to));
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
	both_turns(8);
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
	both_begin();
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
	CHECK_EQ(both.troubles, 1 << RPC_TROUBLE_REQUEST);
	say_hex(fd, "000100040000000100000000");
	HEARS(fd, "000100040000000100000000");
	say_hex(fd, "000000010000000500000001c1"); /* no msgpack: this stream ends */
	HEARS(fd, "000100020000000500000000000100040000000500000000");
	say_hex(fd, "010000000000000000000000");
	HEARS(fd, "closed");
	CHECK(both.troubles & 1 << RPC_TROUBLE_SESSION);
	close(fd);
	both_end();
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
	both_begin();
	for (size_t cut = 0; cut < sizeof(two); cut += 3) {
		int fd = dial_raw();
		say(fd, slice_at(two, cut));
		both_turns(3);
		say(fd, slice_at(two + cut, sizeof(two) - 1 - cut));
		both_turns(3);
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
	both_end();
}

TEST(net_rpc, a_plain_caller_who_half_closed_gets_his_answer)
{
	both_begin();
	int fd = dial_raw();
	say(fd, slice_at("\0", 1));
	say(fd, S("\x82\xa3Seq\x07\xadServiceMethod\xa9Test.Park\x80"));
	say(fd, S("\x82\xa3Seq\x08\xadServiceMethod\xa9Test.Echo\x01"));
	shutdown(fd, SHUT_WR);
	HEARS(fd, "nothing");
	ASSERT(both.parked_n == 1);
	rpc_answer(both.parked[0], S_NONE, S("\x02"));
	HEARS(fd, "83a54572726f72a0a353657107ad536572766963654d6574686f64a9546573742e5061726b02"
	          "83a54572726f72a0a353657108ad536572766963654d6574686f64a9546573742e4563686f01");
	HEARS(fd, "closed");
	close(fd);
	fd = dial_raw();
	say(fd, slice_at("\0", 1));
	say(fd, S("\x82\xa3Seq\x07\xadServiceMethod\xa9Test.Park\x80"));
	both_turns(8);
	struct linger hard = {1, 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
	both_turns(8);
	CHECK_EQ(both.gone_n, 1);
	both_end();
}

TEST(net_rpc, one_call_at_a_time_on_a_stream)
{
	both_begin();
	int fd = dial_raw();
	say_hex(fd, "04");
	say_hex(fd, "00000001000000010000001f82a353657107ad536572766963654d6574686f64a9546573742e5061726b80");
	say_hex(fd, "00000000000000010000001f82a353657108ad536572766963654d6574686f64a9546573742e4563686f01");
	HEARS(fd, "000100020000000100000000");
	rpc_answer(both.parked[0], S_NONE, S("\x02"));
	HEARS(fd,
	        "00000000000000010000002683a54572726f72a0a353657107ad536572766963654d6574686f64a9546573742e5061726b02"
	        "00000000000000010000002683a54572726f72a0a353657108ad536572766963654d6574686f64a9546573742e4563686f01");
	close(fd);
	both_end();
}

TEST(net_rpc, other_first_bytes_are_the_hosts)
{
	both_begin();
	int fd = dial_raw();
	say(fd, S("\x01more"));
	both_turns(6);
	CHECK_EQ(both.taken_byte, 1);
	say(fd, S(" and more"));
	both_turns(6);
	CHECK_STR(buf_view(&both.taken_got), "more and more");
	CHECK_EQ(rpc_server_counts(both.server)->connections, 0);
	close(fd);
	fd = dial_raw();
	say(fd, S("\x02"));
	HEARS(fd, "closed");
	CHECK_EQ(both.taken_byte, 2);
	close(fd);
	fd = dial_raw();
	say(fd, S("\x03"));
	HEARS(fd, "closed");
	CHECK_EQ(both.troubles, 1 << RPC_TROUBLE_NO_TLS);
	close(fd);
	fd = dial_raw();
	both_turns(60);
	HEARS(fd, "closed");
	CHECK(both.troubles & 1 << RPC_TROUBLE_BYTE);
	close(fd);
	both_end();
}

TEST(net_rpc, a_call_that_nobody_serves_ends_a_plain_connection)
{
	both_begin();
	int fd = dial_raw();
	say(fd, slice_at("\0", 1));
	say(fd, S("\x82\xa3Seq\x07\xadServiceMethod\xa1X\x80"));
	say(fd, S("\x82\xa3Seq\x08\xadServiceMethod\xa9Test.Echo\x01"));
	HEARS(fd, "83a54572726f72da00297270633a20736572766963652f6d6574686f64207265717565737420696c6c2d666f726d65643a20"
	          "58a353657107ad536572766963654d6574686f64a15880");
	HEARS(fd, "closed");
	close(fd);
	both_end();
}
