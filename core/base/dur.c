/* Lengths of time as text: Go's time.ParseDuration and Duration.String (declared in num.h). */
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"

enum { QUOTED_MAX = 400 };

#define DUR_LIMIT (UINT64_C(1) << 63)

/* Package time quotes in its own way: what is not printable ASCII is shown as bytes. */
static const char *dur_quote(struct slice s, char out[static QUOTED_MAX])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;
	out[n++] = '"';
	for (size_t i = 0; i < s.n && n + 6 < QUOTED_MAX; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= 0x80 || c < ' ') {
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = hex[c >> 4];
			out[n++] = hex[c & 15];
		} else {
			if (c == '"' || c == '\\')
				out[n++] = '\\';
			out[n++] = (char)c;
		}
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

static enum err dur_invalid(struct slice whole, struct fail *f)
{
	char quoted[QUOTED_MAX];
	return fail_set(f, ERR_INVALID, "time: invalid duration %s", dur_quote(whole, quoted));
}

static uint64_t dur_unit(struct slice name)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
	        {"s", NS_PER_S}, {"ms", NS_PER_MS}, {"m", NS_PER_MIN}, {"h", NS_PER_H}, {"us", NS_PER_US}, {"ns", 1},
	        {"\xC2\xB5s", NS_PER_US}, /* U+00B5, micro sign */
	        {"\xCE\xBCs", NS_PER_US}, /* U+03BC, Greek mu */
	};
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (slice_is(name, units[i].name))
			return units[i].ns;
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes leading digits; false when they are beyond 2^63. */
static bool take_whole(struct slice *s, uint64_t *out)
{
	uint64_t v = 0;
	for (; s->n && is_digit(s->p[0]); *s = slice_from(*s, 1)) {
		if (v > DUR_LIMIT / 10)
			return false;
		v = v * 10 + (uint64_t)(s->p[0] - '0');
		if (v > DUR_LIMIT)
			return false;
	}
	*out = v;
	return true;
}

/* Takes digits behind the point; those that no longer fit are read and do not count. */
static void take_fraction(struct slice *s, uint64_t *out, double *scale)
{
	bool full = false;
	uint64_t v = 0;
	*scale = 1;
	for (; s->n && is_digit(s->p[0]); *s = slice_from(*s, 1)) {
		uint64_t next = v * 10 + (uint64_t)(s->p[0] - '0');
		full = full || v > (DUR_LIMIT - 1) / 10 || next > DUR_LIMIT;
		if (full)
			continue;
		v = next;
		*scale *= 10;
	}
	*out = v;
}

static struct slice take_unit(struct slice *s)
{
	size_t n = 0;
	while (n < s->n && s->p[n] != '.' && !is_digit(s->p[n]))
		n++;
	struct slice unit = slice_cut(*s, 0, n);
	*s = slice_from(*s, n);
	return unit;
}

/* One number with its unit, "1.5h". */
static enum err take_part(struct slice *s, struct slice whole, uint64_t *out, struct fail *f)
{
	uint64_t v = 0, fraction = 0;
	double scale = 1;
	size_t before = s->n;
	if (!take_whole(s, &v))
		return dur_invalid(whole, f);
	bool digits = s->n != before;
	if (s->n && s->p[0] == '.') {
		*s = slice_from(*s, 1);
		before = s->n;
		take_fraction(s, &fraction, &scale);
		digits = digits || s->n != before;
	}
	if (!digits)
		return dur_invalid(whole, f);
	char quoted[QUOTED_MAX], quoted_unit[QUOTED_MAX];
	struct slice name = take_unit(s);
	if (!name.n)
		return fail_set(f, ERR_INVALID, "time: missing unit in duration %s", dur_quote(whole, quoted));
	uint64_t unit = dur_unit(name);
	if (!unit)
		return fail_set(f, ERR_INVALID, "time: unknown unit %s in duration %s", dur_quote(name, quoted_unit),
		        dur_quote(whole, quoted));
	if (v > DUR_LIMIT / unit)
		return dur_invalid(whole, f);
	v = v * unit + (uint64_t)((double)fraction * ((double)unit / scale));
	if (v > DUR_LIMIT)
		return dur_invalid(whole, f);
	*out = v;
	return OK;
}

enum err dur_parse(struct slice s, dur_ns *out, struct fail *f)
{
	struct slice whole = s;
	bool minus = s.n && s.p[0] == '-';
	uint64_t sum = 0;
	if (s.n && (minus || s.p[0] == '+'))
		s = slice_from(s, 1);
	if (!s.n)
		return dur_invalid(whole, f);
	if (slice_eq(s, S("0")))
		s = S_NONE;
	while (s.n) {
		uint64_t part;
		enum err e = take_part(&s, whole, &part, f);
		if (e)
			return e;
		sum += part;
		if (sum > DUR_LIMIT)
			return dur_invalid(whole, f);
	}
	if (sum > DUR_LIMIT - !minus)
		return dur_invalid(whole, f);
	*out = minus ? (dur_ns)-sum : (dur_ns)sum;
	return OK;
}

/* v / 10^places without trailing zeros: 1500000, 6 → "1.5". */
static void put_fraction(struct buf *b, uint64_t v, unsigned places)
{
	uint64_t unit = 1;
	for (unsigned i = 0; i < places; i++)
		unit *= 10;
	buf_u64(b, v / unit);
	uint64_t rest = v % unit;
	if (!rest)
		return;
	for (; rest % 10 == 0; rest /= 10)
		places--;
	buf_fmt(b, ".%0*llu", (int)places, (unsigned long long)rest);
}

void dur_print(struct buf *b, dur_ns d)
{
	uint64_t v = d < 0 ? -(uint64_t)d : (uint64_t)d;
	if (d < 0)
		buf_char(b, '-');
	if (v == 0) {
		BUF_LIT(b, "0s");
	} else if (v < (uint64_t)NS_PER_S) {
		unsigned places = v < (uint64_t)NS_PER_US ? 0 : v < (uint64_t)NS_PER_MS ? 3 : 6;
		put_fraction(b, v, places);
		buf_cstr(b, places == 0 ? "ns" : places == 3 ? "\xC2\xB5s" : "ms");
	} else {
		uint64_t minutes = v / (uint64_t)NS_PER_MIN;
		if (minutes >= 60) {
			buf_u64(b, minutes / 60);
			buf_char(b, 'h');
		}
		if (minutes) {
			buf_u64(b, minutes % 60);
			buf_char(b, 'm');
		}
		put_fraction(b, v % (uint64_t)NS_PER_MIN, 9);
		buf_char(b, 's');
	}
}
