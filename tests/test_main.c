/* Runs the registered tests and prints one closing line, "N passed, N failed". */
#include "tests/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct test *first, **last = &first;
static jmp_buf out;
static bool failed;

void test_register(struct test *t)
{
	*last = t;
	last = &t->next;
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	failed = true;
	printf("    %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void test_abort(void)
{
	longjmp(out, 1);
}

static bool wanted(const struct test *t, int argc, char **argv)
{
	char full[256];
	snprintf(full, sizeof full, "%s.%s", t->suite, t->name);
	for (int i = 1; i < argc; i++)
		if (!strncmp(full, argv[i], strlen(argv[i])))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	static int passed, bad; /* static: they outlive a longjmp */
	static struct test *t;
	for (t = first; t; t = t->next) {
		if (!wanted(t, argc, argv))
			continue;
		failed = false;
		if (!setjmp(out))
			t->run();
		if (failed) {
			printf("not ok %s.%s\n", t->suite, t->name);
			bad++;
		} else {
			passed++;
		}
	}
	printf("%d passed, %d failed\n", passed, bad);
	return bad || !passed;
}
