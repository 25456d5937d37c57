/* Answers and complaints of the command line. */
#include "cmd/say.h"

#include <stdarg.h>
#include <stdio.h>

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
	struct buf b = {0};
	quote_put(&b, s);
	buf_char(&b, 0);
	return b.failed ? "" : b.p;
}

void say_flush(void)
{
	fflush(stdout);
}
