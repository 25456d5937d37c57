#include "core/base/civil.h"
#include "core/base/heap.h"
#include "core/base/http_message.h"
#include "core/base/logline.h"
#include "core/base/map.h"
#include "core/base/rand.h"
#include "core/base/text.h"
#include "tests/test.h"

#include <time.h>

TEST(heap, gives_the_smallest_first_whatever_moves)
{
	enum { N = 500 };
	static struct heap_node nodes[N];
	struct heap h = {0};
	struct rand r;
	rand_seed(&r, 7);
	for (int i = 0; i < N; i++)
		CHECK(heap_set(&h, &nodes[i], (int64_t)rand_below(&r, 100)));
	for (int i = 0; i < N; i += 3)
		CHECK(heap_set(&h, &nodes[i], (int64_t)rand_below(&r, 100)));
	for (int i = 0; i < N; i += 7)
		heap_remove(&h, &nodes[i]);
	heap_remove(&h, &nodes[0]);
	int64_t last = -1;
	unsigned seen = 0;
	for (struct heap_node *n; (n = heap_first(&h)); seen++) {
		CHECK(n->key >= last);
		last = n->key;
		heap_remove(&h, n);
	}
	CHECK_EQ(seen, N - (N + 6) / 7);
	heap_free(&h);
}

TEST(map, keeps_what_was_put_through_growth_and_removal)
{
	enum { N = 2000 };
	static char keys[N][16];
	struct map m;
	map_init(&m, 42);
	void *old;
	CHECK(!map_get(&m, S("x")));
	CHECK(!map_remove(&m, S("x")));
	for (int i = 0; i < N; i++) {
		snprintf(keys[i], sizeof keys[i], "k%d", i);
		CHECK(map_put(&m, slice_of(keys[i]), keys[i], &old) && !old);
	}
	CHECK_EQ(m.n, N);
	size_t at = 0, seen = 0;
	for (char *k; (k = map_next(&m, &at)); seen++)
		if (k[1] % 2)
			CHECK(map_remove(&m, slice_of(k)) == k);
	CHECK_EQ(seen, N);
	for (int i = 0; i < N; i++)
		CHECK(map_get(&m, slice_of(keys[i])) == (keys[i][1] % 2 ? NULL : (void *)keys[i]));
	CHECK(map_put(&m, S("k20"), &m, &old) && old == keys[20]);
	map_free(&m);
}

TEST(map, removing_and_putting_for_ever_does_not_grow)
{
	struct map m;
	map_init(&m, 1);
	int x;
	for (int i = 0; i < 100000; i++) {
		char key[16];
		struct slice k = {key, (size_t)snprintf(key, sizeof key, "%d", i)};
		CHECK(map_put(&m, k, &x, NULL));
		CHECK(map_remove(&m, k) == &x);
	}
	CHECK(m.cap <= 64);
	map_free(&m);
}

/* The first vectors of the reference implementation with 1 and 3 rounds and the key 00 01 … 0f. */
TEST(map, the_hash_is_siphash_1_3)
{
	static const uint64_t seed[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
	static const unsigned char in[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
	CHECK(hash_bytes(seed, slice_at(in, 0)) == UINT64_C(0xabac0158050fc4dc));
	CHECK(hash_bytes(seed, slice_at(in, 1)) == UINT64_C(0xc9f49bf37d57ca93));
	CHECK(hash_bytes(seed, slice_at(in, 8)) != hash_bytes(seed, slice_at(in, 9)));
}

TEST(rand, is_the_same_for_the_same_seed_and_even)
{
	struct rand r, s;
	rand_seed(&r, 1);
	rand_seed(&s, 1);
	unsigned counts[10] = {0};
	for (int i = 0; i < 10000; i++) {
		CHECK(rand_u64(&r) == rand_u64(&s));
		counts[rand_below(&r, 10)]++;
		rand_below(&s, 10);
		double u = rand_unit(&r);
		CHECK(u >= 0 && u < 1);
		rand_unit(&s);
	}
	for (int i = 0; i < 10; i++)
		CHECK(counts[i] > 800 && counts[i] < 1200);
}

TEST(rand, uuids)
{
	struct rand r;
	char a[UUID_TEXT + 1], b[UUID_TEXT + 1];
	rand_seed(&r, 9);
	uuid_make(&r, a);
	uuid_make(&r, b);
	CHECK(uuid_valid(slice_of(a)) && uuid_valid(slice_of(b)) && strcmp(a, b));
	CHECK(uuid_valid(S("01234567-89AB-cdef-0123-456789abcdef")));
	CHECK(!uuid_valid(S("01234567-89AB-cdef-0123-456789abcde")));
	CHECK(!uuid_valid(S("01234567089AB-cdef-0123-456789abcdef")));
	CHECK(!uuid_valid(S("g1234567-89AB-cdef-0123-456789abcdef")));
}

TEST(civil, dates_are_those_of_the_system)
{
	for (int64_t t = -80000000000; t < 80000000000; t += 987654321) {
		struct civil c = civil_of(t);
		struct tm want;
		time_t seconds = t;
		ASSERT(gmtime_r(&seconds, &want));
		CHECK(c.year == want.tm_year + 1900 && (int)c.month == want.tm_mon + 1 && (int)c.day == want.tm_mday);
		CHECK(c.hour * 3600 + c.minute * 60 + c.second ==
		        (unsigned)(want.tm_hour * 3600 + want.tm_min * 60 + want.tm_sec));
		CHECK_EQ(c.weekday, want.tm_wday);
	}
	struct civil c = civil_of(951782400);
	CHECK(c.year == 2000 && c.month == 2 && c.day == 29 && c.weekday == 2);
	CHECK_EQ(civil_of(-1).weekday, 3);
}

TEST(logline, lines_have_stamp_level_and_end)
{
	struct logbuf l = {.level = LOG_INFO, .now = 1136214245 * NS_PER_S};
	log_info(&l, "agent: %s", "up");
	log_debug(&l, "not %d", 1);
	l.now += NS_PER_S;
	log_err(&l, "bad");
	CHECK_STR(buf_view(&l.lines), "2006/01/02 15:04:05 [INFO] agent: up\n2006/01/02 15:04:06 [ERR] bad\n");
	CHECK_EQ(log_level_of_line(S("2006/01/02 15:04:06 [ERR] bad [INFO]\n")), LOG_ERR);
	CHECK_EQ(log_level_of_line(S("plain [x")), LOG_INFO);
	enum log_level level;
	CHECK(log_level_parse(S("warn"), &level) && level == LOG_WARN);
	CHECK(!log_level_parse(S("loud"), &level));
	buf_free(&l.lines);
}

TEST(logline, a_full_buffer_drops_and_counts)
{
	struct logbuf l = {.level = LOG_INFO};
	for (int i = 0; i < 60000; i++)
		log_info(&l, "line %d", i);
	CHECK(l.lines.n <= LOGBUF_MAX && l.dropped > 0);
	CHECK_EQ(l.lines.p[l.lines.n - 1], '\n');
	buf_free(&l.lines);
}

TEST(text, utf8_there_and_back)
{
	char out[4];
	for (uint32_t r = 0; r < 0x110000; r += r < 0x1000 ? 1 : 97) {
		size_t n = utf8_put(out, r), at = 0;
		bool surrogate = r >= 0xD800 && r <= 0xDFFF;
		CHECK_EQ(utf8_next(slice_at(out, n), &at), surrogate ? RUNE_ERROR : r);
		CHECK_EQ(at, n);
	}
	static const char *const bad[] = {
	        "\x80", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\xFF"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		size_t at = 0;
		CHECK_EQ(utf8_next(slice_of(bad[i]), &at), RUNE_ERROR);
		CHECK_EQ(at, 1);
	}
}

TEST(text, quotes_as_go)
{
	char out[64];
	CHECK_STR(slice_of(quote_cstr(S("a\"\\\n\t\x01\x7f\xC3\xA9\xff\xC2\xA0"), out, sizeof out)),
	        "\"a\\\"\\\\\\n\\t\\x01\\x7f\xC3\xA9\\xff\\u00a0\"");
	CHECK_STR(slice_of(quote_cstr(S("abcdefgh"), out, 6)), "\"abc\"");
	struct buf b = {0};
	quote_put(&b, S("\xF3\xA0\x80\x81"));
	CHECK_STR(buf_view(&b), "\"\\U000e0001\"");
	buf_free(&b);
}

TEST(http_message, headers_and_statuses)
{
	struct http_request r = {
	        .headers = {{S("Host"), S("a")}, {S("X-Y"), S("1")}, {S("x-y"), S("2")}}, .header_count = 3};
	CHECK_STR(http_header_get(&r, S("x-Y")), "1");
	CHECK(!http_header_get(&r, S("none")).p);
	CHECK_STR(slice_of(http_status_text(404)), "Not Found");
	CHECK_STR(slice_of(http_status_text(418)), "I'm a teapot");
	CHECK_STR(slice_of(http_status_text(299)), "");
}

TEST(http_message, sniffs_as_net_http)
{
	static const struct {
		struct slice body;
		const char *want;
	} rows[] = {
	        {{"", 0}, "text/plain; charset=utf-8"},
	        {{"hello", 5}, "text/plain; charset=utf-8"},
	        {{"\x01\x02", 2}, "application/octet-stream"},
	        {{" \n<html>", 8}, "text/html; charset=utf-8"},
	        {{"<a\t", 3}, "text/plain; charset=utf-8"},
	        {{"<a ", 3}, "text/html; charset=utf-8"},
	        {{"  <?xml", 7}, "text/xml; charset=utf-8"},
	        {{"%PDF-1", 6}, "application/pdf"},
	        {{"\xFE\xFFxx", 4}, "text/plain; charset=utf-16be"},
	        {{"\x1F\x8B\x08", 3}, "application/x-gzip"},
	        {{"\x89PNG\r\n\x1A\n", 8}, "image/png"},
	        {{"RIFFabcdWEBPVP", 14}, "image/webp"},
	        {{"RIFFabcdWAVE", 12}, "audio/wave"},
	        {{"\0\0\0\014ftypmp41", 12}, "video/mp4"},
	        {{"{\"a\":1}", 7}, "text/plain; charset=utf-8"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(http_sniff(rows[i].body), rows[i].want);
}
