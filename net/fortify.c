/* Debian's archive of BearSSL was built against glibc with fortified memcpy, memmove and memset; musl has no such
 * functions. These check what those check: that the destination is large enough. Weak, so that a C library that brings
 * its own wins. */
#include <stddef.h>
#include <string.h>

#include "core/base/must.h"

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
void *__memmove_chk(void *to, const void *from, size_t n, size_t room);
void *__memset_chk(void *to, int byte, size_t n, size_t room);

__attribute__((weak)) void *__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
	MUST(n <= room);
	return memcpy(to, from, n);
}

__attribute__((weak)) void *__memmove_chk(void *to, const void *from, size_t n, size_t room)
{
	MUST(n <= room);
	return memmove(to, from, n);
}

__attribute__((weak)) void *__memset_chk(void *to, int byte, size_t n, size_t room)
{
	MUST(n <= room);
	return memset(to, byte, n);
}
