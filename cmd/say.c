/* Answers and complaints of the command line. */
#include "cmd/say.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/text.h"

void say(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vfprintf(stdout, fmt, ap);
	va_end(ap);
	putchar('\n');
}

void complain(const char *fmt, ...)
{
	fflush(stdout);
	va_list ap;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void say_bytes(struct slice text)
{
	if (text.n)
		fwrite(text.p, 1, text.n, stdout);
	putchar('\n');
}

const char *quoted(struct slice s)
{
	static struct arena texts;
	struct buf b = {0};
	quote_put(&b, s);
	const char *text = arena_str(&texts, "%.*s", PS(buf_view(&b))).p;
	buf_free(&b);
	return text ? text : "";
}

void say_flush(void)
{
	fflush(stdout);
}
