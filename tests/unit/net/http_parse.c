#include "net/http_parse.h"

#include "tests/test.h"
#include "tests/unit/net/guard.h"

static struct http_request req;
static struct http_framing frame;

static enum http_parse_result parse(struct slice s)
{
	static struct guard g;
	if (!g.memory)
		g = guard_new(16384);
	return http_parse_request(guard_put(&g, s), s.n, &req, &frame);
}

TEST(http_parse, a_plain_request)
{
	struct slice s =
	        S("PUT /v1/a%20b?raw&x=1 HTTP/1.1\r\nHost: x:80\r\nContent-Length: 12\r\nX-A:  b c \t\r\n\r\nrest");
	CHECK_EQ(parse(s), HTTP_PARSED);
	CHECK_EQ(req.verb, HTTP_PUT);
	CHECK_STR(req.method, "PUT");
	CHECK_STR(req.target, "/v1/a%20b?raw&x=1");
	CHECK_STR(req.path, "/v1/a%20b");
	CHECK_STR(req.query, "raw&x=1");
	CHECK(req.has_query);
	CHECK_EQ(req.minor, 1);
	CHECK_EQ(req.content_length, 12);
	CHECK_EQ(req.header_count, 3);
	CHECK_STR(req.headers[2].name, "X-A");
	CHECK_STR(req.headers[2].value, "b c");
	CHECK_EQ(frame.head, s.n - 4);
	CHECK(!frame.close && !frame.chunked && !frame.expect_continue && !frame.expect_other);
}

TEST(http_parse, a_head_cut_anywhere_wants_more_and_nothing_else)
{
	struct slice s =
	        S("GET http://a.example:80/x/y?q HTTP/1.1\r\nHost: a\r\nX-Fold: one\r\n two\r\n\tthree\r\n"
	          "Connection: keep-alive, Close\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
	for (size_t cut = 0; cut < s.n; cut++)
		CHECK_EQ(parse(slice_cut(s, 0, cut)), HTTP_PARSE_MORE);
	CHECK_EQ(parse(s), HTTP_PARSED);
	CHECK_STR(req.path, "/x/y");
	CHECK_STR(req.query, "q");
	CHECK(frame.close && frame.chunked && frame.expect_continue);
	CHECK_STR(req.headers[1].value, "one two three");
}

TEST(http_parse, lines_may_end_in_a_bare_newline)
{
	CHECK_EQ(parse(S("GET / HTTP/1.1\nHost: x\n\n")), HTTP_PARSED);
	CHECK_STR(req.headers[0].value, "x");
}

TEST(http_parse, what_is_refused_and_how)
{
	static const struct {
		const char *in;
		int status;
		const char *reason;
	} rows[] = {
	        {"hello\r\n\r\n", 400, NULL},
	        {"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, NULL},
	        {"GET\r\n\r\n", 400, NULL},
	        {"GET /\r\n\r\n", 400, NULL},
	        {" GET / HTTP/1.1\r\n\r\n", 400, NULL},
	        {"GET /  HTTP/1.1\r\n\r\n", 400, NULL},
	        {"GET / HTTP/1.1 \r\n\r\n", 400, NULL},
	        {"GET / HTTP/1\r\n\r\n", 400, NULL},
	        {"GET / http/1.1\r\n\r\n", 400, NULL},
	        {"B@D / HTTP/1.1\r\nHost: x\r\n\r\n", 400, NULL},
	        {"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400, NULL},
	        {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, NULL},
	        {"GET /% HTTP/1.1\r\nHost: x\r\n\r\n", 400, NULL},
	        {"GET /a\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400, NULL},
	        {"GET http://a b/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, NULL},
	        {"GET http://a:b/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, NULL},
	        {"GET :x HTTP/1.1\r\nHost: x\r\n\r\n", 400, NULL},
	        {"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505, "unsupported protocol version"},
	        {"GET / HTTP/0.9\r\n\r\n", 505, "unsupported protocol version"},
	        {"GET / HTTP/1.1\r\n\r\n", 400, "missing required Host header"},
	        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "malformed Host header"},
	        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, NULL},
	        {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, NULL},
	        {"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400, NULL},
	        {"GET / HTTP/1.1\r\nHost: a\r\nBad Name: y\r\n\r\n", 400, "invalid header name"},
	        {"GET / HTTP/1.1\r\nHost: a\r\nA: y\x01\r\n\r\n", 400, "invalid header value"},
	        {"GET / HTTP/1.1\r\nHost: a\r\nA: y\rz\r\n\r\n", 400, "invalid header value"},
	        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, NULL},
	        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400, NULL},
	        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 2\r\n\r\n", 400, NULL},
	        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n", 400, NULL},
	        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, NULL},
	        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "unsupported transfer encoding"},
	        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 501,
	                "unsupported transfer encoding"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (parse(slice_of(rows[i].in)) != HTTP_PARSE_BAD) {
			test_fail(__FILE__, __LINE__, "taken: %s", rows[i].in);
			continue;
		}
		CHECK_EQ(frame.status, rows[i].status);
		CHECK_STR(slice_of(frame.reason), rows[i].reason);
	}
}

TEST(http_parse, what_is_taken_though_it_looks_odd)
{
	static const struct {
		const char *in;
		const char *path;
		int64_t length;
	} rows[] = {
	        {"get / HTTP/1.1\r\nHost: x\r\n\r\n", "/", -1},
	        {"GET //a HTTP/1.1\r\nHost: x\r\n\r\n", "//a", -1},
	        {"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", "/a#b", -1},
	        {"GET /a%00 HTTP/1.1\r\nHost: x\r\n\r\n", "/a%00", -1},
	        {"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", "/\xff", -1},
	        {"GET http://u:p@h/a HTTP/1.1\r\nHost: x\r\n\r\n", "/a", -1},
	        {"GET http://[::1]:80/a HTTP/1.1\r\nHost: x\r\n\r\n", "/a", -1},
	        {"GET http://h HTTP/1.1\r\nHost: x\r\n\r\n", "", -1},
	        {"GET mailto:x HTTP/1.1\r\nHost: x\r\n\r\n", "", -1},
	        {"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", "", -1},
	        {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "*", -1},
	        {"GET / HTTP/1.0\r\n\r\n", "/", -1},
	        {"GET / HTTP/1.7\r\nHost:\r\n\r\n", "/", -1},
	        {"GET / HTTP/1.1\r\nHost: x\r\n: skipped\r\n\r\n", "/", -1},
	        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nContent-Length: 7\r\n\r\n", "/", 7},
	        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", "/", -1},
	        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nTransfer-Encoding: CHUNKED\r\n\r\n", "/", -1},
	        {"GET / HTTP/1.0\r\nContent-Length: 7\r\nTransfer-Encoding: gzip\r\n\r\n", "/", 7},
	        {"GET / HTTP/1.1\r\nHost: x\r\nA: \xff\xfe\t\"\r\n\r\n", "/", -1},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (parse(slice_of(rows[i].in)) != HTTP_PARSED) {
			test_fail(__FILE__, __LINE__, "refused: %s", rows[i].in);
			continue;
		}
		CHECK_STR(req.path, rows[i].path);
		CHECK_EQ(req.content_length, rows[i].length);
	}
}

TEST(http_parse, who_stays_and_who_goes)
{
	static const struct {
		const char *in;
		bool close, keep_alive_10;
	} rows[] = {
	        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", false, false},
	        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", true, false},
	        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: x\r\nConnection: a,cLose\r\n\r\n", true, false},
	        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: closed\r\n\r\n", false, false},
	        {"GET / HTTP/1.0\r\n\r\n", true, false},
	        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false, true},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_EQ(parse(slice_of(rows[i].in)), HTTP_PARSED);
		CHECK_EQ(frame.close, rows[i].close);
		CHECK_EQ(frame.keep_alive_10, rows[i].keep_alive_10);
	}
}

TEST(http_parse, more_headers_than_are_kept)
{
	char text[8192];
	int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 200; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, "X-%d: y\r\n", i);
	n += snprintf(text + n, sizeof text - (size_t)n, "Content-Length: 3\r\n\r\n");
	CHECK_EQ(parse(slice_at(text, (size_t)n)), HTTP_PARSED);
	CHECK_EQ(req.header_count, HTTP_HEADERS_MAX);
	CHECK_EQ(req.content_length, 3); /* obeyed, though not kept */
}

static struct http_response ans;

static enum http_parse_result parse_answer(const char *text, bool head_only)
{
	struct guard g = guard_new(4096);
	enum http_parse_result e =
	        http_parse_response(guard_put(&g, slice_of(text)), strlen(text), head_only, &ans, &frame);
	frame.about = S_NONE;
	ans.reason = S_NONE;
	guard_free(&g);
	return e;
}

TEST(http_parse, answers_and_their_bodies)
{
	CHECK_EQ(parse_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false), HTTP_PARSED);
	CHECK_EQ(ans.status, 200);
	CHECK_EQ(frame.content_length, 5);
	CHECK_EQ(parse_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true), HTTP_PARSED);
	CHECK_EQ(frame.content_length, 0);
	CHECK_EQ(parse_answer("HTTP/1.1 204\r\n\r\n", false), HTTP_PARSED);
	CHECK_EQ(frame.content_length, 0);
	CHECK_EQ(parse_answer("HTTP/1.0 200 OK\r\n\r\n", false), HTTP_PARSED);
	CHECK_EQ(frame.content_length, -1);
	CHECK(frame.close);
	CHECK_EQ(parse_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false), HTTP_PARSED);
	CHECK(frame.chunked);
	CHECK_EQ(parse_answer("HTTP/1.1 20x OK\r\n\r\n", false), HTTP_PARSE_BAD);
	CHECK_STR(slice_of(frame.reason), "malformed HTTP status code");
	CHECK_EQ(parse_answer("SSH-2.0-x\r\n\r\n", false), HTTP_PARSE_BAD);
	CHECK_STR(slice_of(frame.reason), "malformed HTTP response");
	CHECK_EQ(parse_answer("SSH-2.0 200 x\r\n\r\n", false), HTTP_PARSE_BAD);
	CHECK_STR(slice_of(frame.reason), "malformed HTTP version");
}
