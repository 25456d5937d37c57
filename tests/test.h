/* The unit tests' vocabulary. TEST registers itself; CHECK_* print both values and go on; ASSERT_* end the test.
 *
 *   TEST(wal, a_record_cut_anywhere_is_found) { CHECK_EQ(got, want); }
 *
 * build/<mode>/unit runs all; `unit wal` runs the suites whose name begins so; `unit wal.a_record` one test. */
#ifndef TEST_H
#define TEST_H

#include <inttypes.h>
#include <stdio.h>

#include "core/base/slice.h"
#include "core/base/types.h"

struct test {
	const char *suite, *name;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *t);
void test_fail(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
_Noreturn void test_abort(void);

#define TEST(suite_, name_)                                                                                            \
	static void test_##suite_##_##name_(void);                                                                     \
	__attribute__((constructor)) static void test_add_##suite_##_##name_(void)                                     \
	{                                                                                                              \
		static struct test t = {#suite_, #name_, test_##suite_##_##name_, NULL};                               \
		test_register(&t);                                                                                     \
	}                                                                                                              \
	static void test_##suite_##_##name_(void)

#define CHECK(x) ((x) ? (void)0 : test_fail(__FILE__, __LINE__, "%s is false", #x))
#define CHECK_EQ(got, want)                                                                                            \
	do {                                                                                                           \
		long long got_ = (long long)(got), want_ = (long long)(want);                                          \
		if (got_ != want_)                                                                                     \
			test_fail(__FILE__, __LINE__, "%s is %lld, expected %lld", #got, got_, want_);                 \
	} while (0)
#define CHECK_STR(got, want)                                                                                           \
	do {                                                                                                           \
		struct slice got_ = (got), want_ = slice_of(want);                                                     \
		if (!slice_eq(got_, want_))                                                                            \
			test_fail(__FILE__, __LINE__, "%s is\n  \"%.*s\", expected\n  \"%.*s\"", #got, PS(got_),       \
			        PS(want_));                                                                            \
	} while (0)
#define ASSERT(x) ((x) ? (void)0 : (test_fail(__FILE__, __LINE__, "%s is false", #x), test_abort()))

#endif
