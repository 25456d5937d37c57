/* The two texts about flags: the list after an error, and the page of help. */
#include "cmd/flags.h"

#include <stdlib.h>

#include "cmd/say.h"
#include "core/base/num.h"
#include "core/base/slice.h"

enum { HELP_WIDTH = 72, HELP_INDENT = 5, FLAGS_MAX = 96, WORDS_MAX = 256 };

/* ---- what one flag is called ---- */

/* The word in backquotes, or S_NONE. */
static struct slice backquoted(const char *usage)
{
	const char *from = strchr(usage, '`');
	const char *to = from ? strchr(from + 1, '`') : NULL;
	return to ? slice_at(from + 1, (size_t)(to - from - 1)) : S_NONE;
}

static struct slice value_name(const struct flag *f)
{
	struct slice named = backquoted(f->usage);
	if (named.p)
		return named;
	switch (f->kind) {
	case FLAG_BOOL:
	case FLAG_OWN_BOOL: return S_NONE;
	case FLAG_STRING: return S("string");
	case FLAG_INT: return S("int");
	case FLAG_UINT: return S("uint");
	case FLAG_DURATION: return S("duration");
	default: return S("value");
	}
}

static void default_put(const struct flag *f, struct buf *out)
{
	switch (f->kind) {
	case FLAG_BOOL:
		if (*(const bool *)f->to)
			BUF_LIT(out, " (default true)");
		break;
	case FLAG_STRING:
		if (*(const char *const *)f->to && **(const char *const *)f->to)
			buf_fmt(out, " (default %s)", quoted(slice_of(*(const char *const *)f->to)));
		break;
	case FLAG_INT:
		if (*(const int64_t *)f->to)
			buf_fmt(out, " (default %lld)", (long long)*(const int64_t *)f->to);
		break;
	case FLAG_DURATION:
		if (*(const dur_ns *)f->to) {
			BUF_LIT(out, " (default ");
			dur_print(out, *(const dur_ns *)f->to);
			buf_char(out, ')');
		}
		break;
	default: break;
	}
}

/* ---- all of them in order ---- */

struct flag_row {
	const struct flag *flag;
	bool shared;
};

static int row_cmp(const void *a, const void *b)
{
	return strcmp(((const struct flag_row *)a)->flag->name, ((const struct flag_row *)b)->flag->name);
}

static size_t rows_add(struct flag_row *rows, size_t n, const struct flag *table, bool shared)
{
	for (; table && table->name && n < FLAGS_MAX; table++)
		if (!table->hidden)
			rows[n++] = (struct flag_row){table, shared};
	return n;
}

static size_t rows_sorted(const struct flag_set *set, struct flag_row rows[FLAGS_MAX])
{
	size_t n = rows_add(rows, 0, set->own, false);
	for (size_t i = 0; i < FLAG_TABLES_MAX && set->shared[i]; i++)
		n = rows_add(rows, n, set->shared[i], true);
	qsort(rows, n, sizeof(*rows), row_cmp);
	return n;
}

/* ---- the list after an error ---- */

static void usage_put(const struct flag *f, struct buf *out)
{
	struct slice name = value_name(f), quotes = backquoted(f->usage);
	buf_fmt(out, "  -%s%s%.*s", f->name, name.n ? " " : "", PS(name));
	buf_cstr(out, !name.n && !f->name[1] ? "\t" : "\n    \t");
	if (quotes.p)
		buf_fmt(out, "%.*s%.*s%s", (int)(quotes.p - 1 - f->usage), f->usage, PS(quotes),
		        quotes.p + quotes.n + 1);
	else
		buf_cstr(out, f->usage);
	default_put(f, out);
	buf_char(out, '\n');
}

void flags_usage(const struct flag_set *set, FILE *out)
{
	struct flag_row rows[FLAGS_MAX];
	struct buf text = {0};
	BUF_LIT(&text, "Usage:\n");
	for (size_t i = 0, n = rows_sorted(set, rows); i < n; i++)
		usage_put(rows[i].flag, &text);
	fwrite(text.p, 1, text.n, out);
	buf_free(&text);
}

/* ---- the page of help ---- */

/* Breaks words into lines of at most `width` so that the squares of what is left free at their ends (the last line
 * excepted) add up to as little as possible. Writes for each word that begins a line where the next line begins. */
static void breaks_find(const struct slice *words, size_t n, size_t width, size_t next[WORDS_MAX])
{
	enum { TOO_LONG = 100000 };
	uint64_t cost[WORDS_MAX + 1] = {0};
	for (size_t i = n; i-- > 0;) {
		size_t length = 0;
		for (size_t j = i; j < n; j++)
			length += words[j].n + (j > i);
		cost[i] = length <= width ? 0 : INT32_MAX;
		next[i] = n;
		length = 0;
		for (size_t j = i + 1; cost[i] && j < n; j++) {
			length += words[j - 1].n + (j - 1 > i);
			int64_t space = (int64_t)width - (int64_t)length;
			uint64_t c = (uint64_t)(space * space) + cost[j] + (space < 0 ? TOO_LONG : 0);
			if (c < cost[i]) {
				cost[i] = c;
				next[i] = j;
			}
		}
	}
}

static void wrapped_put(struct slice text, struct buf *out)
{
	struct slice words[WORDS_MAX];
	size_t next[WORDS_MAX], n = 0;
	while (text.n && n < WORDS_MAX)
		words[n++] = slice_next(&text, ' ');
	breaks_find(words, n, HELP_WIDTH - HELP_INDENT, next);
	for (size_t line = 0; line < n; line = next[line]) {
		buf_fmt(out, "%*s", HELP_INDENT, "");
		for (size_t i = line; i < next[line]; i++)
			buf_fmt(out, "%s%.*s", i > line ? " " : "", PS(words[i]));
		buf_char(out, '\n');
	}
	buf_char(out, '\n');
}

static void group_put(const struct flag_row *rows, size_t n, bool shared, const char *title, struct buf *out)
{
	bool titled = false;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].shared != shared)
			continue;
		if (!titled)
			buf_fmt(out, "%s\n\n", title);
		titled = true;
		struct slice name = value_name(rows[i].flag);
		buf_fmt(out, name.n ? "  -%s=<%.*s>\n" : "  -%s\n", rows[i].flag->name, PS(name));
		wrapped_put(slice_of(rows[i].flag->usage), out);
	}
}

void flags_help(const struct flag_set *set, const char *text, struct buf *out)
{
	struct flag_row rows[FLAGS_MAX];
	size_t n = rows_sorted(set, rows);
	buf_slice(out, slice_trim(slice_of(text)));
	BUF_LIT(out, "\n\n");
	group_put(rows, n, true, "HTTP API Options", out);
	group_put(rows, n, false, "Command Options", out);
	while (out->n && out->p[out->n - 1] == '\n')
		out->n--;
}
