/* MUST(x): what has to hold, in release builds too. A wrong server is worse than one server less: the process prints
 * file, line and expression and aborts. For programming errors only; never for input or for the world. */
#ifndef BASE_MUST_H
#define BASE_MUST_H

_Noreturn void must_fail(const char *file, int line, const char *expr);

#define MUST(x) (__builtin_expect(!!(x), 1) ? (void)0 : must_fail(__FILE__, __LINE__, #x))

#endif
