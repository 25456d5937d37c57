/* Which clients take gzip, by what they say (1.0.8: NYTimes/gziphandler's reading of Accept-Encoding). */
#include "core/api/http_gzip.h"
#include "core/base/gunzip.h"
#include "core/base/slice.h"
#include "tests/test.h"

static bool takes(const char *said)
{
	struct http_request r = {.header_count = 1};
	r.headers[0] = (struct http_header){S("accept-encoding"), slice_of(said)};
	return http_takes_gzip(&r);
}

TEST(http_gzip, what_clients_say)
{
	CHECK(takes("gzip"));
	CHECK(takes("deflate, GZIP;q=0.5"));
	CHECK(takes(" gzip ; q=1.0 "));
	CHECK(takes("gzip;q=0;level=9")); /* the last part of a coding counts */
	CHECK(!takes("gzip;q=0"));
	CHECK(!takes("gzip;q=0.0"));
	CHECK(!takes("gzip;q=often"));
	CHECK(!takes("gzip, gzip;q=0"));
	CHECK(!takes("deflate, br"));
	CHECK(!takes("*"));
	CHECK(!takes(""));
	CHECK(!http_takes_gzip(&(struct http_request){0}));
}

TEST(http_gzip, packs_what_was_written)
{
	struct http_answer a = {.status = 200, .content_type = S("application/json")};
	struct buf back = {0};
	struct fail f;
	buf_cstr(&a.body, "[\"dc1\"]");
	http_gzip(&a);
	CHECK_STR(buf_view(&a.headers), "Content-Encoding: gzip\r\n");
	CHECK_STR(a.content_type, "application/json");
	CHECK_EQ(gunzip(buf_view(&a.body), &back, &f), OK);
	CHECK_STR(buf_view(&back), "[\"dc1\"]");
	buf_free(&a.body);
	buf_free(&a.headers);
	buf_free(&back);
}

/* An empty value was written, an answer without a body was not. */
TEST(http_gzip, empty_bodies)
{
	struct http_answer nothing = {.status = 404}, empty = {.status = 200, .sniff = true};
	http_gzip(&nothing);
	CHECK_EQ(nothing.headers.n + nothing.body.n, 0);
	http_gzip(&empty);
	CHECK_STR(buf_view(&empty.headers), "Content-Encoding: gzip\r\n");
	CHECK_STR(empty.content_type, "text/plain; charset=utf-8");
	buf_free(&empty.body);
	buf_free(&empty.headers);
}
