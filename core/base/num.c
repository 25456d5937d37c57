#include "core/base/num.h"

#include "core/base/civil.h"
#include "core/base/slice.h"
#include "core/base/text.h"

enum { QUOTED_MAX = 512 };

enum outcome { NUM_OK, NUM_SYNTAX, NUM_RANGE };

static enum err num_fail(const char *function, struct slice s, enum outcome why, struct fail *f)
{
	char quoted[QUOTED_MAX];
	return fail_set(f, ERR_INVALID, "strconv.%s: parsing %s: %s", function, quote_cstr(s, quoted, sizeof quoted),
	        why == NUM_RANGE ? "value out of range" : "invalid syntax");
}

/* Digits from left to right: what is too large is said before a later letter is seen, as in Go. */
static enum outcome digits_u64(struct slice s, uint64_t *out)
{
	uint64_t v = 0;
	*out = 0;
	if (!s.n)
		return NUM_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';
		if (digit > 9)
			return NUM_SYNTAX;
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v)) {
			*out = UINT64_MAX;
			return NUM_RANGE;
		}
	}
	*out = v;
	return NUM_OK;
}

static enum outcome digits_i64(struct slice s, int64_t *out)
{
	bool minus = s.n && s.p[0] == '-';
	uint64_t v;
	if (s.n && (minus || s.p[0] == '+'))
		s = slice_from(s, 1);
	enum outcome o = digits_u64(s, &v);
	*out = 0;
	if (o == NUM_SYNTAX)
		return o;
	uint64_t limit = (uint64_t)INT64_MAX + minus;
	if (v > limit) {
		v = limit;
		o = NUM_RANGE;
	}
	*out = minus ? (int64_t)-v : (int64_t)v;
	return o;
}

enum err num_u64(struct slice s, uint64_t *out, struct fail *f)
{
	enum outcome o = digits_u64(s, out);
	return o == NUM_OK ? OK : num_fail("ParseUint", s, o, f);
}

enum err num_i64(struct slice s, int64_t *out, struct fail *f)
{
	enum outcome o = digits_i64(s, out);
	return o == NUM_OK ? OK : num_fail("ParseInt", s, o, f);
}

enum err num_int(struct slice s, int64_t *out, struct fail *f)
{
	enum outcome o = digits_i64(s, out);
	return o == NUM_OK ? OK : num_fail("Atoi", s, o, f);
}

enum err num_bool(struct slice s, bool *out, struct fail *f)
{
	static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
	static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (slice_is(s, yes[i]) || slice_is(s, no[i])) {
			*out = slice_is(s, yes[i]);
			return OK;
		}
	return num_fail("ParseBool", s, NUM_SYNTAX, f);
}

void time_rfc3339(struct buf *b, wall_ns t)
{
	int64_t second = wall_seconds(t);
	struct civil c = civil_of(second);
	buf_fmt(b, "%04u-%02u-%02uT%02u:%02u:%02u", (unsigned)c.year, c.month, c.day, c.hour, c.minute, c.second);
	uint64_t ns = (uint64_t)t - (uint64_t)second * (uint64_t)NS_PER_S;
	if (ns) {
		int width = 9;
		for (; ns % 10 == 0; ns /= 10)
			width--;
		buf_fmt(b, ".%0*u", width, (unsigned)ns);
	}
	buf_char(b, 'Z');
}
