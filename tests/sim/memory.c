/* malloc for the simulators' programs: blocks of powers of two that are kept when they are freed. A run makes and frees
 * millions of buffers, in one thread, and the C library's (musl) gives each larger one back to the kernel at once: that
 * was a third of the time. The tests of this code run on a malloc that looks for mistakes (tests/run asan). */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LEAST = 5, CLASSES = 40, FRESH = 1 << 20 };

/* In front of each block; its size keeps the block's alignment. */
struct head {
	union {
		struct head *next; /* of those that are free */
		uint64_t class;
	};
	uint64_t pad;
};

static struct {
	struct head *free[CLASSES];
	char *at, *end;
} own;

static void *fresh(size_t n)
{
	if ((size_t)(own.end - own.at) < n) {
		size_t size = n > FRESH ? n : FRESH;
		char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return NULL;
		if (n >= FRESH)
			return p;
		own.at = p;
		own.end = p + size;
	}
	own.at += n;
	return own.at - n;
}

void *malloc(size_t n)
{
	if (n > (SIZE_MAX >> 2))
		return NULL;
	size_t whole = n + sizeof(struct head);
	unsigned class = whole <= 1u << LEAST ? LEAST : 64 - (unsigned)__builtin_clzl(whole - 1);
	if (class >= CLASSES)
		return NULL;
	struct head *h = own.free[class];
	if (h)
		own.free[class] = h->next;
	else
		h = fresh((size_t)1 << class);
	if (!h)
		return NULL;
	h->class = class;
	return h + 1;
}

void free(void *p)
{
	if (!p)
		return;
	struct head *h = (struct head *)p - 1;
	uint64_t class = h->class;
	h->next = own.free[class];
	own.free[class] = h;
}

void *calloc(size_t n, size_t size)
{
	size_t all;
	void *p = __builtin_mul_overflow(n, size, &all) ? NULL : malloc(all);
	__asm__("" : "+r"(p)); /* or the compiler makes a calloc of the two */
	return p ? memset(p, 0, all) : NULL;
}

void *realloc(void *p, size_t n)
{
	if (!p)
		return malloc(n);
	size_t room = ((size_t)1 << ((struct head *)p - 1)->class) - sizeof(struct head);
	if (n <= room && n > room / 4)
		return p;
	void *q = malloc(n);
	if (!q)
		return NULL;
	memcpy(q, p, n < room ? n : room);
	free(p);
	return q;
}
