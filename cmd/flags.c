/* Reading flags. */
#include "cmd/flags.h"

#include <stdlib.h>

#include "cmd/say.h"
#include "core/base/must.h"
#include "core/base/num.h"
#include "core/base/slice.h"

/* ---- values ---- */

/* The digits of a number with an optional sign: its base by prefix, as strconv does when the base is 0. */
static unsigned base_cut(struct slice *digits)
{
	if (digits->n < 2 || digits->p[0] != '0')
		return 10;
	char mark = (char)(digits->p[1] | 0x20);
	unsigned base = mark == 'x' ? 16 : mark == 'b' ? 2 : mark == 'o' ? 8 : 0;
	*digits = slice_from(*digits, base ? 2 : 1);
	return base ? base : 8;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

static const char syntax_text[] = "parse error", range_text[] = "value out of range";

/* NULL, or what is wrong. Underscores may stand between digits and behind the prefix of a base. */
static const char *magnitude_parse(struct slice s, uint64_t *out)
{
	size_t whole = s.n;
	unsigned base = base_cut(&s);
	bool may_part = s.n != whole, overflow = false;
	uint64_t v = 0;
	if (!s.n)
		return syntax_text;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '_' && may_part && i + 1 < s.n) {
			may_part = false;
			continue;
		}
		unsigned d = (unsigned)digit_value(s.p[i]);
		if (d >= base)
			return syntax_text;
		may_part = true;
		overflow |= __builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v);
	}
	*out = overflow ? UINT64_MAX : v;
	return overflow ? range_text : NULL;
}

static const char *signed_parse(struct slice s, int64_t *out)
{
	bool minus = s.n && s.p[0] == '-';
	uint64_t v = 0;
	const char *wrong = magnitude_parse(slice_from(s, s.n && (minus || s.p[0] == '+') ? 1 : 0), &v);
	if (wrong)
		return wrong;
	if (v > (uint64_t)INT64_MAX + minus)
		return range_text;
	*out = minus ? (int64_t)-v : (int64_t)v;
	return NULL;
}

static enum err own_uint_parse(struct slice s, uint64_t *out, struct fail *f)
{
	const char *wrong = magnitude_parse(s, out);
	if (!wrong)
		return OK;
	return fail_set(f, ERR_INVALID, "strconv.ParseUint: parsing %s: %s", quoted(s),
	        wrong == syntax_text ? "invalid syntax" : wrong);
}

static enum err list_add(struct flag_list *l, const char *text, struct fail *f)
{
	if (l->n == FLAG_LIST_MAX)
		return fail_set(f, ERR_FULL, "more than %d values", FLAG_LIST_MAX);
	l->items[l->n++] = text;
	return OK;
}

static enum err plain(const char *wrong, struct fail *f)
{
	return wrong ? fail_set(f, ERR_INVALID, "%s", wrong) : OK;
}

/* Puts `text` where the flag wants it; f gets the reason without the flag's name. */
static enum err value_set(const struct flag *flag, const char *text, struct fail *f)
{
	struct slice s = slice_of(text);
	struct fail ignored;
	switch (flag->kind) {
	case FLAG_BOOL: return num_bool(s, flag->to, &ignored) == OK ? OK : plain(syntax_text, f);
	case FLAG_INT: return plain(signed_parse(s, flag->to), f);
	case FLAG_UINT: return plain(magnitude_parse(s, flag->to), f);
	case FLAG_DURATION: return dur_parse(s, flag->to, &ignored) == OK ? OK : plain(syntax_text, f);
	case FLAG_OWN_BOOL: return num_bool(s, flag->to, f);
	case FLAG_OWN_INT: return num_int(s, flag->to, f);
	case FLAG_OWN_UINT: return own_uint_parse(s, flag->to, f);
	case FLAG_OWN_DURATION: return dur_parse(s, flag->to, f);
	case FLAG_STRING:
	case FLAG_OWN_STRING: *(const char **)flag->to = text; return OK;
	case FLAG_PAIRS:
		if (!strchr(text, '='))
			return fail_set(f, ERR_INVALID, "Missing \"=\" value in argument: %s", text);
		return list_add(flag->to, text, f);
	case FLAG_LIST: return list_add(flag->to, text, f);
	}
	MUST(false);
	return OK;
}

/* ---- words ---- */

static const struct flag *table_find(const struct flag *table, struct slice name)
{
	for (; table && table->name; table++)
		if (slice_is(name, table->name))
			return table;
	return NULL;
}

static const struct flag *flag_find(const struct flag_set *set, struct slice name)
{
	const struct flag *found = table_find(set->own, name);
	for (size_t i = 0; !found && i < FLAG_TABLES_MAX && set->shared[i]; i++)
		found = table_find(set->shared[i], name);
	return found;
}

static bool is_switch(const struct flag *f)
{
	return f->kind == FLAG_BOOL || f->kind == FLAG_OWN_BOOL;
}

static enum flags_result wrong_value(const struct flag *flag, const char *value, struct fail *f)
{
	struct fail why = *f;
	fail_set(f, ERR_INVALID, "invalid %s %s for %s-%s: %s", is_switch(flag) ? "boolean value" : "value",
	        quoted(slice_of(value)), is_switch(flag) ? "" : "flag ", flag->name, why.text);
	return FLAGS_WRONG;
}

/* One flag: `word` without its dashes, then perhaps its value from `next` (NULL: there is none), which *used tells. */
static enum flags_result flag_read(
        const struct flag_set *set, const char *word, const char *next, bool *used, struct fail *f)
{
	const char *equals = strchr(word, '=');
	struct slice name = {word, equals ? (size_t)(equals - word) : strlen(word)};
	const char *value = equals ? equals + 1 : NULL;
	const struct flag *flag = flag_find(set, name);
	if (!flag) {
		if (slice_is(name, "h") || slice_is(name, "help"))
			return FLAGS_HELP;
		fail_set(f, ERR_INVALID, "flag provided but not defined: -%.*s", PS(name));
		return FLAGS_WRONG;
	}
	if (!value && is_switch(flag))
		value = "true";
	if (!value) {
		if (!next) {
			fail_set(f, ERR_INVALID, "flag needs an argument: -%s", flag->name);
			return FLAGS_WRONG;
		}
		value = next;
		*used = true;
	}
	if (value_set(flag, value, f) != OK)
		return wrong_value(flag, value, f);
	if (flag->given)
		*flag->given = true;
	return FLAGS_OK;
}

enum flags_result flags_parse(const struct flag_set *set, size_t n, char *const *words, size_t *rest, struct fail *f)
{
	size_t i = 0;
	for (; i < n && words[i][0] == '-' && words[i][1]; i++) {
		size_t dashes = words[i][1] == '-' ? 2 : 1;
		const char *name = words[i] + dashes;
		if (dashes == 2 && !*name) {
			i++;
			break;
		}
		if (!*name || *name == '-' || *name == '=') {
			fail_set(f, ERR_INVALID, "bad flag syntax: %s", words[i]);
			return FLAGS_WRONG;
		}
		bool used = false;
		enum flags_result r = flag_read(set, name, i + 1 < n ? words[i + 1] : NULL, &used, f);
		if (r != FLAGS_OK)
			return r;
		i += used;
	}
	*rest = i;
	return FLAGS_OK;
}
