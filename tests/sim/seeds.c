#include "tests/sim/seeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool seeds_option(struct seeds *s, char **argv, int *at)
{
	bool talk = !strcmp(argv[*at], "-v"), forever = !strcmp(argv[*at], "-f");
	s->talk |= talk;
	s->forever |= forever;
	*at += talk || forever;
	return talk || forever;
}

bool seeds_range(struct seeds *s, int argc, char **argv, int at)
{
	if (at >= argc)
		return false;
	s->seed = strtoull(argv[at], NULL, 10);
	s->last = at + 1 < argc ? strtoull(argv[at + 1], NULL, 10) : s->seed;
	return true;
}

bool seeds_next(struct seeds *s, uint64_t *seed)
{
	*seed = s->seed;
	return s->forever ? !s->failed && ++s->seed : s->seed++ <= s->last;
}

void seeds_verdict(struct seeds *s, uint64_t seed, const char *why, const char *options)
{
	s->passed += !why[0];
	s->failed += why[0] != 0;
	if (!why[0])
		return;
	printf("not ok %s seed %llu: %s\n    tests/sim/run %s %s%llu\n", s->name, (unsigned long long)seed, why,
	        s->name, options, (unsigned long long)seed);
	fflush(stdout);
}

int seeds_end(const struct seeds *s)
{
	printf("%u passed, %u failed\n", s->passed, s->failed);
	return s->failed != 0;
}

void seeds_say(mono_ns now, const char *fmt, va_list ap)
{
	printf("[%10.3f] ", (double)now / NS_PER_MS);
	vprintf(fmt, ap);
	putchar('\n');
}

void seeds_why(char *to, size_t room, mono_ns now, const char *fmt, va_list ap)
{
	int n = snprintf(to, room, "at %.3f ms: ", (double)now / NS_PER_MS);
	vsnprintf(to + n, room - (size_t)n, fmt, ap);
}
