#include "net/http_chunk.h"

#include "tests/test.h"
#include "tests/unit/net/guard.h"

/* Reads `text` in two pieces, the second in place behind what the first made; returns the data. */
static enum http_chunk_state join(
        struct slice text, size_t cut, struct http_chunk *c, char *out, size_t *made, size_t *used)
{
	struct guard g = guard_new(text.n ? text.n : 1);
	char *p = guard_put(&g, text);
	size_t used1, made1, used2 = 0, made2 = 0;
	*c = (struct http_chunk){0};
	enum http_chunk_state e = http_chunk_read(c, p, cut, p, &used1, &made1);
	if (e == HTTP_CHUNK_MORE)
		e = http_chunk_read(c, p + cut, text.n - cut, p + made1, &used2, &made2);
	memcpy(out, p, made1 + made2);
	*made = made1 + made2;
	*used = used1 + used2;
	guard_free(&g);
	return e;
}

TEST(http_chunk, a_body_cut_anywhere_is_the_same)
{
	struct slice text =
	        S("5\r\nhello\r\n0A; x=\"y\"\r\n, world!!!\r\n1 \r\n.\r\n000\r\nTrailer: a\r\nB: c\r\n\r\nGET /");
	struct http_chunk c;
	char out[128];
	size_t made, used;
	for (size_t cut = 0; cut <= text.n; cut++) {
		CHECK_EQ(join(text, cut, &c, out, &made, &used), HTTP_CHUNK_END);
		CHECK_STR(slice_at(out, made), "hello, world!!!.");
		CHECK_EQ(used, text.n - 5);
	}
	for (size_t cut = 0; cut < text.n - 5; cut++)
		CHECK_EQ(join(slice_cut(text, 0, cut), cut, &c, out, &made, &used), HTTP_CHUNK_MORE);
}

TEST(http_chunk, what_is_wrong_is_named)
{
	static const struct {
		const char *in, *error;
	} rows[] = {
	        {"x\r\n", "invalid byte in chunk length"},
	        {"-1\r\n", "invalid byte in chunk length"},
	        {"\r\n", "empty hex number for chunk length"},
	        {";a\r\n", "empty hex number for chunk length"},
	        {"11111111111111111\r\n", "http chunk length too large"},
	        {"1\rx", "invalid byte in chunk length"},
	        {"1 ;x", "invalid byte in chunk length"},
	        {"1\r\nab", "malformed chunked encoding"},
	        {"1\r\na\n", "malformed chunked encoding"},
	        {"1\r\na\rb", "malformed chunked encoding"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t cut = 0; cut <= strlen(rows[i].in); cut++) {
			struct http_chunk c;
			char out[128];
			size_t made, used;
			CHECK_EQ(join(slice_of(rows[i].in), cut, &c, out, &made, &used), HTTP_CHUNK_BAD);
			CHECK_STR(slice_of(c.error), rows[i].error);
		}
}

TEST(http_chunk, lines_without_end_are_bounded)
{
	struct http_chunk c = {0};
	char line[HTTP_CHUNK_LINE_MAX], out[8];
	size_t used, made;
	memset(line, 'x', sizeof line);
	memcpy(line, "1;", 2);
	CHECK_EQ(http_chunk_read(&c, line, sizeof line, out, &used, &made), HTTP_CHUNK_BAD);
	CHECK_STR(slice_of(c.error), "header line too long");
	c = (struct http_chunk){0};
	memcpy(line, "0\r\n", 3);
	CHECK_EQ(http_chunk_read(&c, line, sizeof line, out, &used, &made), HTTP_CHUNK_MORE);
	CHECK_EQ(http_chunk_read(&c, line + 3, sizeof line - 3, out, &used, &made), HTTP_CHUNK_BAD);
}

TEST(http_chunk, written_and_read_again)
{
	struct buf b = {0};
	http_chunk_put(&b, S("hello "));
	http_chunk_put(&b, S(""));
	http_chunk_put(&b, S("big wide world!!"));
	BUF_LIT(&b, HTTP_CHUNK_LAST);
	CHECK_STR(buf_view(&b), "6\r\nhello \r\n10\r\nbig wide world!!\r\n0\r\n\r\n");
	struct http_chunk c = {0};
	size_t used, made;
	CHECK_EQ(http_chunk_read(&c, b.p, b.n, b.p, &used, &made), HTTP_CHUNK_END);
	CHECK_STR(slice_at(b.p, made), "hello big wide world!!");
	buf_free(&b);
}
