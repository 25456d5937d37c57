#include "cmd/agent/lean.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>

enum { PAGE = 4096, SPARE = 2 * PAGE, STACK_LOOKED_AT = 256 * 1024 };

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden"))); /* the linker's: where we begin */

/* Below here nothing of the stack is in use, but for what the calls to come will write anyway. */
static __attribute__((noinline)) void drop_stack(void)
{
	char here;
	uintptr_t end = ((uintptr_t)&here - SPARE) & ~(uintptr_t)(PAGE - 1);
	madvise((void *)(end - STACK_LOOKED_AT), STACK_LOOKED_AT, MADV_DONTNEED); /* what is not mapped is left out */
}

static void drop_text(void)
{
	const char *base = (const char *)&__ehdr_start;
	const ElfW(Phdr) *p = (const void *)(base + __ehdr_start.e_phoff);
	for (unsigned i = __ehdr_start.e_phnum; i-- > 0;) /* the first holds this table: it goes last, and stays away */
		if (p[i].p_type == PT_LOAD && !(p[i].p_flags & PF_W)) {
			uintptr_t at = ((uintptr_t)base + p[i].p_vaddr) & ~(uintptr_t)(PAGE - 1);
			madvise((void *)at, p[i].p_memsz, MADV_DONTNEED);
		}
}

void lean_after_start(void)
{
	drop_stack();
	drop_text();
}
