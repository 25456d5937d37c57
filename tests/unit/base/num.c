#include "core/base/num.h"
#include "tests/test.h"

#include <math.h>

static struct fail f;
static struct buf b;

static struct slice said(enum err e)
{
	return e ? slice_of(f.text) : S("ok");
}

TEST(num, integers_read_and_refuse_as_strconv)
{
	uint64_t u;
	int64_t i;
	CHECK_EQ(num_u64(S("18446744073709551615"), &u, &f), OK);
	CHECK(u == UINT64_MAX);
	CHECK_STR(said(num_u64(S("abc"), &u, &f)), "strconv.ParseUint: parsing \"abc\": invalid syntax");
	CHECK_STR(said(num_u64(S(""), &u, &f)), "strconv.ParseUint: parsing \"\": invalid syntax");
	CHECK_STR(said(num_u64(S("+5"), &u, &f)), "strconv.ParseUint: parsing \"+5\": invalid syntax");
	CHECK_STR(said(num_u64(S("-1"), &u, &f)), "strconv.ParseUint: parsing \"-1\": invalid syntax");
	CHECK_STR(said(num_u64(S("18446744073709551616"), &u, &f)),
	        "strconv.ParseUint: parsing \"18446744073709551616\": value out of range");
	CHECK_STR(said(num_u64(S("99999999999999999999x"), &u, &f)),
	        "strconv.ParseUint: parsing \"99999999999999999999x\": value out of range");
	CHECK_EQ(num_i64(S("-9223372036854775808"), &i, &f), OK);
	CHECK(i == INT64_MIN);
	CHECK_EQ(num_i64(S("+7"), &i, &f), OK);
	CHECK_EQ(i, 7);
	CHECK_STR(said(num_i64(S("9223372036854775808"), &i, &f)),
	        "strconv.ParseInt: parsing \"9223372036854775808\": value out of range");
	CHECK_STR(said(num_int(S("1\n\""), &i, &f)), "strconv.Atoi: parsing \"1\\n\\\"\": invalid syntax");
	CHECK_STR(said(num_int(S("-"), &i, &f)), "strconv.Atoi: parsing \"-\": invalid syntax");
}

TEST(num, booleans)
{
	bool v = false;
	CHECK_EQ(num_bool(S("t"), &v, &f), OK);
	CHECK(v);
	CHECK_EQ(num_bool(S("False"), &v, &f), OK);
	CHECK(!v);
	CHECK_STR(said(num_bool(S("tRUE"), &v, &f)), "strconv.ParseBool: parsing \"tRUE\": invalid syntax");
}

TEST(num, floats_read)
{
	static const struct {
		const char *text;
		double want;
	} rows[] = {
	        {"0", 0},
	        {"-1.5", -1.5},
	        {"1e3", 1000},
	        {".5", .5},
	        {"5.", 5},
	        {"+2", 2},
	        {"0x1p4", 16},
	        {"1e-400", 0},
	        {"123456789012345678901234567890", 123456789012345678901234567890.0},
	        {"2.2250738585072011e-308", 2.2250738585072011e-308},
	        {"1e23", 1e23},
	        {"Infinity", HUGE_VAL},
	};
	double v;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_EQ(num_float(slice_of(rows[i].text), &v, &f), OK);
		if (v != rows[i].want)
			test_fail(__FILE__, __LINE__, "%s read as %.17g", rows[i].text, v);
	}
	static const char *const bad[] = {"", "-", ".", "e5", "1e", "1e+", "0x10", "1.2.3", "1_0", "+nan", "12a"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_EQ(num_float(slice_of(bad[i]), &v, &f), ERR_INVALID);
	CHECK_STR(said(num_float(S("1e999"), &v, &f)), "strconv.ParseFloat: parsing \"1e999\": value out of range");
	CHECK_STR(said(num_float(S("x"), &v, &f)), "strconv.ParseFloat: parsing \"x\": invalid syntax");
}

static struct slice shown(double v)
{
	buf_reset(&b, 4096);
	float_print(&b, v);
	return buf_view(&b);
}

TEST(num, floats_print_as_encoding_json)
{
	CHECK_STR(shown(0), "0");
	CHECK_STR(shown(-0.0), "-0");
	CHECK_STR(shown(1), "1");
	CHECK_STR(shown(-2.5), "-2.5");
	CHECK_STR(shown(0.1), "0.1");
	CHECK_STR(shown(0.1 + 0.2), "0.30000000000000004");
	CHECK_STR(shown(1e-5), "0.00001");
	CHECK_STR(shown(1e-6), "0.000001");
	CHECK_STR(shown(1e-7), "1e-7");
	CHECK_STR(shown(1.5e-10), "1.5e-10");
	CHECK_STR(shown(1e20), "100000000000000000000");
	CHECK_STR(shown(1e21), "1e+21");
	CHECK_STR(shown(1.7976931348623157e308), "1.7976931348623157e+308");
	CHECK_STR(shown(5e-324), "5e-324");
	CHECK_STR(shown(3.141592653589793), "3.141592653589793");
	CHECK_STR(shown(123456789.125), "123456789.125");
	CHECK_STR(shown(9007199254740993.0), "9007199254740992");
	CHECK_STR(shown(0x1p-44), "5.684341886080802e-14");
	CHECK_STR(shown(0x1p-1022), "2.2250738585072014e-308");
}

TEST(num, floats_survive_the_round_trip)
{
	uint64_t bits = 1;
	for (int i = 0; i < 3000; i++) {
		double v, back;
		bits = bits * UINT64_C(6364136223846793005) + 1442695040888963407u;
		memcpy(&v, &bits, sizeof v);
		if (isnan(v) || isinf(v))
			continue;
		CHECK_EQ(num_float(shown(v), &back, &f), OK);
		CHECK(v == back);
	}
	buf_free(&b);
}

TEST(num, durations_read)
{
	static const struct {
		const char *text;
		dur_ns want;
	} rows[] = {
	        {"0", 0},
	        {"-0", 0},
	        {"1s", NS_PER_S},
	        {"1.5h", 5400 * NS_PER_S},
	        {"1h2m3s4ms5us6ns", 3723004005006},
	        {"-.5s", -500000000},
	        {"5.s", 5 * NS_PER_S},
	        {"1\xC2\xB5s", 1000},
	        {"1\xCE\xBCs", 1000},
	        {"9223372036854775807ns", INT64_MAX},
	        {"-9223372036854775808ns", INT64_MIN},
	        {"0.9223372036854775807h", 3320413933267},
	        {"0.100000000000000000000h", 360 * NS_PER_S},
	};
	dur_ns d;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_EQ(dur_parse(slice_of(rows[i].text), &d, &f), OK);
		CHECK_EQ(d, rows[i].want);
	}
}

TEST(num, durations_refuse_as_time)
{
	static const char *const rows[][2] = {
	        {"", "time: invalid duration \"\""},
	        {"soon", "time: invalid duration \"soon\""},
	        {"10", "time: missing unit in duration \"10\""},
	        {"1x", "time: unknown unit \"x\" in duration \"1x\""},
	        {"-", "time: invalid duration \"-\""},
	        {".s", "time: invalid duration \".s\""},
	        {"9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\""},
	        {"3000000h", "time: invalid duration \"3000000h\""},
	        {"1\xC3\xA9\"", "time: unknown unit \"\\xc3\\xa9\\\"\" in duration \"1\\xc3\\xa9\\\"\""},
	        {"99999999999999999999s", "time: invalid duration \"99999999999999999999s\""},
	};
	dur_ns d;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(said(dur_parse(slice_of(rows[i][0]), &d, &f)), rows[i][1]);
}

TEST(num, durations_print)
{
	static const struct {
		dur_ns d;
		const char *want;
	} rows[] = {
	        {0, "0s"},
	        {1, "1ns"},
	        {1100, "1.1\xC2\xB5s"},
	        {300 * NS_PER_MS, "300ms"},
	        {1500 * NS_PER_MS, "1.5s"},
	        {NS_PER_MIN, "1m0s"},
	        {NS_PER_H, "1h0m0s"},
	        {-90 * NS_PER_S, "-1m30s"},
	        {3723004005006, "1h2m3.004005006s"},
	        {INT64_MIN, "-2562047h47m16.854775808s"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_reset(&b, 4096);
		dur_print(&b, rows[i].d);
		CHECK_STR(buf_view(&b), rows[i].want);
	}
	buf_free(&b);
}

TEST(num, rfc3339)
{
	static const struct {
		wall_ns t;
		const char *want;
	} rows[] = {
	        {0, "1970-01-01T00:00:00Z"},
	        {-1, "1969-12-31T23:59:59.999999999Z"},
	        {1582934400 * NS_PER_S + 500 * NS_PER_MS, "2020-02-29T00:00:00.5Z"},
	        {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
	        {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_reset(&b, 4096);
		time_rfc3339(&b, rows[i].t);
		CHECK_STR(buf_view(&b), rows[i].want);
	}
	buf_free(&b);
}
