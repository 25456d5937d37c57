/* Floating point numbers as text, both ways (declared in num.h). */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"

enum { TEXT_SMALL = 128, QUOTED_MAX = 512 };

/* Powers that are exact in a double. */
static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

struct decimal {
	bool minus, hex;
	bool whole; /* all digits are in `digits` */
	uint64_t digits;
	int64_t exponent; /* of ten */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex_digit(char c)
{
	c |= 0x20;
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static char at(struct slice s, size_t i)
{
	return i < s.n ? s.p[i] : '\0';
}

/* The mantissa from `i`; returns where it ends, 0 when it has no digit. */
static size_t take_mantissa(struct slice s, size_t i, struct decimal *d)
{
	bool point = false, any = false;
	for (;; i++) {
		char c = at(s, i);
		if (c == '.' && !point) {
			point = true;
			continue;
		}
		if (!(d->hex ? is_hex_digit(c) : is_digit(c)))
			break;
		any = true;
		if (d->digits < UINT64_C(100000000000000000))
			d->digits = d->digits * 10 + (uint64_t)(c - '0');
		else
			d->whole = false;
		d->exponent -= point;
	}
	return any ? i : 0;
}

/* Go's grammar (strconv.readFloat) without underscores, which only ParseInt's base 0 and hex floats know. */
static bool decimal_read(struct slice s, struct decimal *d)
{
	*d = (struct decimal){.whole = true, .minus = at(s, 0) == '-'};
	size_t i = d->minus || at(s, 0) == '+';
	if (at(s, i) == '0' && (at(s, i + 1) | 0x20) == 'x' && i + 2 < s.n) {
		d->hex = true;
		i += 2;
	}
	i = take_mantissa(s, i, d);
	if (!i)
		return false;
	if ((at(s, i) | 0x20) != (d->hex ? 'p' : 'e'))
		return !d->hex && i == s.n;
	i++;
	bool minus = at(s, i) == '-';
	i += minus || at(s, i) == '+';
	if (!is_digit(at(s, i)))
		return false;
	int64_t exponent = 0;
	for (; is_digit(at(s, i)); i++)
		if (exponent < 100000)
			exponent = exponent * 10 + (at(s, i) - '0');
	d->exponent += minus ? -exponent : exponent;
	return i == s.n;
}

static bool special_read(struct slice s, double *out)
{
	bool sign = at(s, 0) == '-' || at(s, 0) == '+';
	struct slice word = slice_from(s, sign);
	if (slice_eq_fold(word, S("inf")) || slice_eq_fold(word, S("infinity"))) {
		*out = at(s, 0) == '-' ? -HUGE_VAL : HUGE_VAL;
		return true;
	}
	if (sign || !slice_eq_fold(word, S("nan")))
		return false;
	*out = (double)NAN;
	return true;
}

/* The C library wants a NUL behind the text. */
static bool strtod_slice(struct slice s, double *out)
{
	char small[TEXT_SMALL], *text = s.n < sizeof small ? small : malloc(s.n + 1);
	if (!text)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*out = strtod(text, NULL);
	if (text != small)
		free(text);
	return true;
}

enum err num_float(struct slice s, double *out, struct fail *f)
{
	char quoted[QUOTED_MAX];
	struct decimal d;
	if (special_read(s, out))
		return OK;
	if (!decimal_read(s, &d))
		return fail_set(f, ERR_INVALID, "strconv.ParseFloat: parsing %s: invalid syntax",
		        quote_cstr(s, quoted, sizeof quoted));
	/* Two exact numbers make one rounding (Clinger's fast path). */
	if (!d.hex && d.whole && d.digits <= UINT64_C(1) << 53 && d.exponent >= -22 && d.exponent <= 22) {
		double v = (double)d.digits;
		v = d.exponent < 0 ? v / powers[-d.exponent] : v * powers[d.exponent];
		*out = d.minus ? -v : v;
		return OK;
	}
	if (!strtod_slice(s, out))
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	if (isinf(*out))
		return fail_set(f, ERR_INVALID, "strconv.ParseFloat: parsing %s: value out of range",
		        quote_cstr(s, quoted, sizeof quoted));
	return OK;
}

/* The shortest digits that read back as v, for 1e-7 <= v < 1e15 with at most 15 of them: no two numbers of 15 digits
 * are the same double, so that the first that fits is the shortest. False when v needs more. */
static bool print_short(struct buf *b, double v)
{
	for (unsigned places = 0; places <= 15; places++) {
		double scaled = v * powers[places];
		if (scaled >= 1e15)
			return false;
		uint64_t digits = (uint64_t)(scaled + 0.5);
		if ((double)digits / powers[places] != v)
			continue;
		uint64_t unit = (uint64_t)powers[places];
		buf_u64(b, digits / unit);
		if (places)
			buf_fmt(b, ".%0*llu", (int)places, (unsigned long long)(digits % unit));
		return true;
	}
	return false;
}

/* v with `places` digits behind the point as "d.ddde±xx"; true when that reads back as v. Just below a power of two
 * doubles lie denser, so that the nearest text may belong to the neighbour below while the next one above is still
 * v's: hence the second look. */
static bool print_places(char text[static TEXT_SMALL], double v, int places)
{
	snprintf(text, TEXT_SMALL, "%.*e", places, v);
	if (strtod(text, NULL) == v)
		return true;
	char *last = text + (places ? places + 1 : 0);
	if (*last == '9')
		return false;
	++*last;
	if (strtod(text, NULL) == v)
		return true;
	--*last;
	return false;
}

/* "1.500e+00" → "1.5e+00" */
static void cut_zeros(char *text)
{
	char *e = strchr(text, 'e'), *end = e;
	while (end[-1] == '0')
		end--;
	if (end[-1] == '.')
		end--;
	memmove(end, e, strlen(e) + 1);
}

/* The shortest digits for any v > 0, in the same form. Up to 15 digits, texts and doubles are one to one: if so many
 * do, they are the shortest once the zeros behind are gone. Below DBL_MIN doubles have fewer digits: try all lengths.
 */
static void shortest(char text[static TEXT_SMALL], double v)
{
	if (v >= DBL_MIN && print_places(text, v, 14)) {
		cut_zeros(text);
		return;
	}
	for (int places = v >= DBL_MIN ? 15 : 0; places < 17; places++)
		if (print_places(text, v, places))
			return;
}

/* Moves the point of "d.ddde±xx" to where it belongs. */
static void print_plain(struct buf *b, const char *text)
{
	char digits[32];
	int n = 0;
	const char *p = text;
	for (; *p != 'e'; p++)
		if (*p != '.')
			digits[n++] = *p;
	int point = atoi(p + 1) + 1;
	if (point <= 0) {
		BUF_LIT(b, "0.");
		for (int i = point; i < 0; i++)
			buf_char(b, '0');
		buf_bytes(b, digits, (size_t)n);
		return;
	}
	for (int i = 0; i < n || i < point; i++) {
		if (i == point)
			buf_char(b, '.');
		buf_char(b, i < n ? digits[i] : '0');
	}
}

/* encoding/json: plain between 1e-6 and 1e21, else with an exponent that has no leading zero. */
void float_print(struct buf *b, double v)
{
	if (isnan(v) || isinf(v)) {
		BUF_LIT(b, "null");
		return;
	}
	if (signbit(v)) {
		buf_char(b, '-');
		v = -v;
	}
	if (v == 0) {
		buf_char(b, '0');
		return;
	}
	if (v >= 1e-6 && v < 1e15 && print_short(b, v))
		return;
	char text[TEXT_SMALL];
	shortest(text, v);
	if (v >= 1e-6 && v < 1e21) {
		print_plain(b, text);
		return;
	}
	char *e = strchr(text, 'e');
	buf_bytes(b, text, (size_t)(e - text) + 2);
	e += 2;
	while (*e == '0' && e[1])
		e++;
	buf_cstr(b, e);
}
