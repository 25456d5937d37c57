/* Running checks for real: what is kept of an output, how addresses are cut, scripts and connections on a loop. */
#include "cmd/agent/checks_run.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/agent/check_url.h"
#include "cmd/agent/tail.h"
#include "net/socket.h"
#include "tests/test.h"

/* ---- the end of an output ---- */

TEST(agent_tail, keeps_the_last_4096_bytes_however_they_come)
{
	static char all[3 * TAIL_MAX];
	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (char)('a' + i % 23);
	static const size_t totals[] = {0, 1, TAIL_MAX - 1, TAIL_MAX, TAIL_MAX + 1, 2 * TAIL_MAX, sizeof all};
	static const size_t pieces[] = {1, 7, 1000, TAIL_MAX, TAIL_MAX + 3, sizeof all};
	for (size_t t = 0; t < ARRAY_LEN(totals); t++)
		for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
			struct tail tail = {0};
			struct buf out = {0};
			for (size_t at = 0; at < totals[t]; at += pieces[p])
				tail_put(&tail, slice_cut(slice_at(all, totals[t]), at, at + pieces[p]));
			tail_read(&tail, &out);
			size_t kept = totals[t] < TAIL_MAX ? totals[t] : TAIL_MAX;
			CHECK_EQ(tail.total, totals[t]);
			CHECK(slice_eq(buf_view(&out), slice_at(all + totals[t] - kept, kept)));
			buf_free(&out);
		}
}

/* ---- addresses ---- */

TEST(agent_url, is_cut_as_go_cuts_it)
{
	static const struct {
		const char *text, *scheme, *authority, *host, *target;
		int port;
	} good[] = {
	        {"http://h", "http", "h", "h", "/", 80},
	        {"https://h:8443/a?b#c", "https", "h:8443", "h", "/a?b", 8443},
	        {"HTTPS://h?x=1", "HTTPS", "h", "h", "/?x=1", 443},
	        {"http://[::1]:81/", "http", "[::1]:81", "::1", "/", 81},
	        {"http://h/a b%20\xc3\xa9", "http", "h", "h", "/a%20b%20%C3%A9", 80},
	        {"http://u:p@h:1/@", "http", "h:1", "h", "/@", 1},
	};
	static const struct {
		const char *text, *why;
	} bad[] = {
	        {"nonsense", "Get \"nonsense\": unsupported protocol scheme \"\""},
	        {"ftp://h/", "Get \"ftp://h/\": unsupported protocol scheme \"ftp\""},
	        {"http://", "Get \"http:\": http: no Host in request URL"},
	        {"http://h:99999/", "Get \"http://h:99999/\": dial tcp: address 99999: invalid port"},
	        {"http://[::1", "parse \"http://[::1\": missing ']' in host"},
	        {"http://h:x/", "parse \"http://h:x/\": invalid port \":x\" after host"},
	        {"http://h\x01", "parse \"http://h\\x01\": net/url: invalid control character in URL"},
	        {"://h", "parse \"://h\": missing protocol scheme"},
	};
	struct arena a = {0};
	struct check_url u;
	struct fail f;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CHECK_EQ(check_url_read(slice_of(good[i].text), S("GET"), &a, &u, &f), OK);
		CHECK_STR(u.scheme, good[i].scheme);
		CHECK_STR(u.authority, good[i].authority);
		CHECK_STR(u.host, good[i].host);
		CHECK_STR(u.target, good[i].target);
		CHECK_EQ(u.port, good[i].port);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK(check_url_read(slice_of(bad[i].text), S("GET"), &a, &u, &f) != OK);
		CHECK_STR(slice_of(f.text), bad[i].why);
	}
	arena_free(&a);
}

TEST(agent_url, follows_redirects)
{
	static const struct {
		const char *location, *to;
	} cases[] = {
	        {"http://other/x", "http://other/x"},
	        {"//other/x", "https://other/x"},
	        {"/x?y", "https://h:1/x?y"},
	        {"x", "https://h:1/a/x"},
	        {"?y", "https://h:1/a/?y"},
	};
	struct arena a = {0};
	struct check_url u;
	struct fail f;
	CHECK_EQ(check_url_read(S("https://h:1/a/b?c/d"), S("GET"), &a, &u, &f), OK);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_STR(check_url_follow(&u, slice_of(cases[i].location), &a), cases[i].to);
	arena_free(&a);
}

/* ---- on a loop ---- */

struct yard {
	struct loop loop;
	struct checks *checks;
	unsigned results;
	uint64_t run;
	char status[16], output[TAIL_MAX + 256];
};

static void done(void *host, struct slice id, uint64_t run, struct slice status, struct slice output)
{
	struct yard *y = host;
	(void)id;
	y->results++;
	y->run = run;
	slice_cstr(status, y->status, sizeof y->status);
	slice_cstr(output, y->output, sizeof y->output);
}

static void yard_begin(struct yard *y)
{
	*y = (struct yard){0};
	signal(SIGPIPE, SIG_IGN);
	ASSERT(loop_init(&y->loop));
	y->checks = checks_new(&y->loop, done, y);
}

static void yard_run(struct yard *y, const struct check_run *run)
{
	unsigned before = y->results;
	checks_start(y->checks, run);
	for (mono_ns end = y->loop.now + 10 * NS_PER_S; y->results == before && y->loop.now < end;)
		loop_turn(&y->loop, end);
}

static void yard_end(struct yard *y)
{
	checks_free(y->checks);
	loop_free(&y->loop);
}

static struct check_run script(const char *line, dur_ns timeout)
{
	return (struct check_run){
	        .id = S("s"), .run = 3, .kind = CHECK_SCRIPT, .script = slice_of(line), .timeout = timeout};
}

TEST(agent_run, exit_codes_are_those_of_nagios)
{
	static const struct {
		const char *line, *status, *output;
	} cases[] = {
	        {"echo fine", "passing", "fine\n"},
	        {"echo hm >&2; exit 1", "warning", "hm\n"},
	        {"exit 2", "critical", ""},
	        {"kill -9 $$", "critical", ""},
	};
	struct yard y;
	yard_begin(&y);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct check_run run = script(cases[i].line, 5 * NS_PER_S);
		yard_run(&y, &run);
		CHECK_EQ(y.run, 3);
		CHECK_STR(slice_of(y.status), cases[i].status);
		CHECK_STR(slice_of(y.output), cases[i].output);
	}
	yard_end(&y);
}

TEST(agent_run, a_long_output_is_cut_in_front_and_says_so)
{
	struct yard y;
	yard_begin(&y);
	struct check_run run = script("head -c 5000 /dev/zero | tr '\\0' x; echo end", 5 * NS_PER_S);
	yard_run(&y, &run);
	CHECK(slice_starts(slice_of(y.output), S("Captured 4096 of 5004 bytes\n...\nxxx")));
	CHECK(slice_ends(slice_of(y.output), S("xend\n")));
	CHECK_EQ(strlen(y.output), 4096 + strlen("Captured 4096 of 5004 bytes\n...\n"));
	yard_end(&y);
}

TEST(agent_run, a_script_that_takes_too_long_is_killed_with_its_children)
{
	struct yard y;
	yard_begin(&y);
	struct check_run run = script("echo begun; sleep 100 & sleep 100", 200 * NS_PER_MS);
	mono_ns from = y.loop.now;
	yard_run(&y, &run);
	CHECK(y.loop.now - from < 5 * NS_PER_S);
	CHECK_STR(slice_of(y.status), "critical");
	CHECK_STR(slice_of(y.output), "Timed out (200ms) running check\n\nbegun\n");
	yard_end(&y);
}

TEST(agent_run, what_can_not_be_started_is_critical)
{
	struct yard y;
	struct slice word = S("/no/such/program");
	struct check_run run = {.id = S("s"), .kind = CHECK_SCRIPT, .script_args = {&word, 1}, .timeout = NS_PER_S};
	yard_begin(&y);
	yard_run(&y, &run);
	CHECK_STR(slice_of(y.status), "critical");
	CHECK_STR(slice_of(y.output), "fork/exec /no/such/program: no such file or directory");
	yard_end(&y);
}

TEST(agent_run, a_cancelled_run_gives_no_result)
{
	struct yard y;
	struct check_run run = script("sleep 100", 50 * NS_PER_S);
	yard_begin(&y);
	checks_start(y.checks, &run);
	checks_start(y.checks, &run); /* still going on: dropped */
	checks_cancel(y.checks, S("s"));
	checks_cancel(y.checks, S("s"));
	loop_turn(&y.loop, y.loop.now + 50 * NS_PER_MS);
	CHECK_EQ(y.results, 0);
	checks_start(y.checks, &run);
	yard_end(&y); /* kills what runs */
}

TEST(agent_run, tcp_connects_or_tells_why_not)
{
	struct address any;
	struct fail f;
	char text[ADDRESS_TEXT], want[128];
	struct yard y;
	yard_begin(&y);
	ASSERT(address_parse(S("127.0.0.1:0"), &any));
	int fd = socket_listen(&any, &(struct socket_listen){0}, &f);
	ASSERT(fd >= 0);
	struct address here = socket_local(fd);
	address_print(&here, text);
	struct check_run run = {.id = S("t"), .kind = CHECK_TCP, .tcp = slice_of(text), .timeout = NS_PER_S};
	yard_run(&y, &run);
	snprintf(want, sizeof want, "TCP connect %s: Success", text);
	CHECK_STR(slice_of(y.status), "passing");
	CHECK_STR(slice_of(y.output), want);
	close(fd);
	yard_run(&y, &run);
	snprintf(want, sizeof want, "dial tcp %s: connect: connection refused", text);
	CHECK_STR(slice_of(y.status), "critical");
	CHECK_STR(slice_of(y.output), want);
	run.tcp = S("127.0.0.1");
	yard_run(&y, &run);
	CHECK_STR(slice_of(y.output), "dial tcp: address 127.0.0.1: missing port in address");
	run.tcp = S("127.0.0.1:99999");
	yard_run(&y, &run);
	CHECK_STR(slice_of(y.output), "dial tcp: address 99999: invalid port");
	run.tcp = S("127.0.0.1:no-such-service");
	yard_run(&y, &run);
	CHECK_STR(slice_of(y.output), "dial tcp: address tcp/no-such-service: unknown port");
	run.tcp = S(":1");
	yard_run(&y, &run);
	CHECK_STR(slice_of(y.output), "dial tcp :1: connect: connection refused");
	yard_end(&y);
}

TEST(agent_run, a_silent_server_times_out)
{
	struct address any;
	struct fail f;
	char text[ADDRESS_TEXT], url[128];
	struct yard y;
	yard_begin(&y);
	ASSERT(address_parse(S("127.0.0.1:0"), &any));
	int fd = socket_listen(&any, &(struct socket_listen){0}, &f); /* accepts, and says nothing */
	ASSERT(fd >= 0);
	struct address here = socket_local(fd);
	address_print(&here, text);
	snprintf(url, sizeof url, "http://%s/x", text);
	struct check_run run = {.id = S("h"), .kind = CHECK_HTTP, .http = slice_of(url), .timeout = 100 * NS_PER_MS};
	yard_run(&y, &run);
	CHECK_STR(slice_of(y.status), "critical");
	CHECK(slice_search(slice_of(y.output), S("Client.Timeout exceeded while awaiting headers")) >= 0);
	loop_turn(&y.loop, y.loop.now + 200 * NS_PER_MS); /* nothing is left that could fire */
	CHECK_EQ(y.results, 1);
	close(fd);
	yard_end(&y);
}

TEST(agent_run, names_are_looked_up_beside_the_loop)
{
	struct yard y;
	struct check_run run = {
	        .id = S("n"), .kind = CHECK_TCP, .tcp = S("no-such-host.invalid:1"), .timeout = 9 * NS_PER_S};
	yard_begin(&y);
	yard_run(&y, &run);
	CHECK_STR(slice_of(y.status), "critical");
	CHECK(slice_starts(slice_of(y.output), S("dial tcp: lookup no-such-host.invalid")));
	yard_end(&y);
}
