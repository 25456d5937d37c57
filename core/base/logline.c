#include "core/base/logline.h"

#include <stdio.h>

#include "core/base/civil.h"
#include "core/base/slice.h"

static const char *const names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERR"};

static const char *level_name(enum log_level level)
{
	return (size_t)level < ARRAY_LEN(names) ? names[level] : "INFO";
}

static void stamp_renew(struct logbuf *l)
{
	int64_t second = wall_seconds(l->now);
	if (second == l->stamp_second && l->stamp[0])
		return;
	struct civil c = civil_of(second);
	char text[64];
	snprintf(text, sizeof text, "%04u/%02u/%02u %02u:%02u:%02u ", (unsigned)c.year, c.month, c.day, c.hour,
	        c.minute, c.second);
	memcpy(l->stamp, text, sizeof l->stamp);
	l->stamp_second = second;
}

void log_line(struct logbuf *l, enum log_level level, const char *fmt, ...)
{
	if (level < l->level)
		return;
	size_t before = l->lines.n;
	stamp_renew(l);
	buf_bytes(&l->lines, l->stamp, sizeof l->stamp);
	buf_char(&l->lines, '[');
	buf_cstr(&l->lines, level_name(level));
	BUF_LIT(&l->lines, "] ");
	va_list ap;
	va_start(ap, fmt);
	buf_vfmt(&l->lines, fmt, ap);
	va_end(ap);
	buf_char(&l->lines, '\n');
	if (l->lines.failed || l->lines.n > LOGBUF_MAX) {
		l->lines.failed = false;
		l->lines.n = before;
		l->dropped++;
	}
}

bool log_level_parse(struct slice s, enum log_level *out)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (slice_eq_fold(s, slice_of(names[i]))) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

enum log_level log_level_of_line(struct slice line)
{
	enum log_level level = LOG_INFO;
	ptrdiff_t open = slice_find(line, '[');
	if (open < 0)
		return level;
	struct slice rest = slice_from(line, (size_t)open + 1);
	ptrdiff_t close = slice_find(rest, ']');
	if (close >= 0)
		log_level_parse(slice_cut(rest, 0, (size_t)close), &level);
	return level;
}
