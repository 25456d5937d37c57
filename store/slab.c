/* Memory of the store: see slab.h. Slab allocation after Bonwick (USENIX 1994): the page knows its class. */
#include "store/slab.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "core/base/must.h"

/* The address sanitizer sees use after free inside our pages, too. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define HIDE(p, n) __asan_poison_memory_region((p), (n))
#define SHOW(p, n) __asan_unpoison_memory_region((p), (n))
#else
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
#endif

/* Classes: every 8 bytes up to 512, every 32 up to 1024, every 128 up to 4096: few bytes lost on small items, and not
 * more than one in thirty on larger ones. */
enum {
	FINE_MAX = 512,
	MID_MAX = 1024,
	CLASSES = FINE_MAX / 8 + (MID_MAX - FINE_MAX) / 32 + (SLAB_SMALL_MAX - MID_MAX) / 128,
	REGION_MIN = 2 << 20,
	REGION_MAX = 32 << 20,
	HUGE_PAGE = 2 << 20,
	HUGE_FROM = 32 << 20, /* a store of that size asks for huge pages: half of a lookup is misses of the TLB */
	DIRTY_KEPT = 8,       /* empty pages kept warm, and one for each eight in use */
	LEVELS_A_PAGE = 40,
};

struct page {
	struct page *next, *prev; /* in the list of its class, while it has room */
	void *free;               /* pieces given back, linked through their first word */
	uint32_t size;            /* of a piece */
	uint32_t live;            /* pieces out */
	uint32_t fresh;           /* offset of what was never handed out */
	bool listed;
};

struct large {
	struct large *next, *prev;
};

struct region {
	void *p;
	size_t n;
};

struct slab {
	struct page *room[CLASSES]; /* pages with at least one free piece */
	void **dirty, **clean;      /* empty pages: touched before, never touched (or given back) */
	size_t dirty_n, clean_n, pages_n, pages_used;
	struct region *regions;
	size_t regions_n;
	struct large large; /* ring */
	size_t large_held, array_held, used;
	size_t reserve;
	long fail_skip, fail_count;
};

_Static_assert(sizeof(struct page) <= 48, "the head of a page is small");

static uint32_t class_of(size_t n)
{
	if (n <= FINE_MAX)
		return n ? (uint32_t)((n - 1) / 8) : 0;
	if (n <= MID_MAX)
		return FINE_MAX / 8 + (uint32_t)((n - FINE_MAX - 1) / 32);
	return FINE_MAX / 8 + (MID_MAX - FINE_MAX) / 32 + (uint32_t)((n - MID_MAX - 1) / 128);
}

static uint32_t size_rounded(size_t n)
{
	size_t step = n <= FINE_MAX ? 8 : n <= MID_MAX ? 32 : 128;
	return n ? (uint32_t)((n + step - 1) / step * step) : 8;
}

static bool fails(struct slab *s)
{
	if (!s->fail_count || s->fail_skip-- > 0)
		return false;
	s->fail_skip = 0;
	s->fail_count--;
	return true;
}

void slab_fail(struct slab *s, long skip, long count)
{
	s->fail_skip = skip;
	s->fail_count = count;
}

struct slab *slab_new(void)
{
	struct slab *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->large.next = s->large.prev = &s->large;
	s->reserve = SLAB_RESERVE_PAGES;
	if (!slab_reserve(s, 0)) {
		slab_free_all(s);
		return NULL;
	}
	return s;
}

void slab_free_all(struct slab *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->regions_n; i++) {
		SHOW(s->regions[i].p, s->regions[i].n);
		munmap(s->regions[i].p, s->regions[i].n);
	}
	for (struct large *l = s->large.next, *next; l != &s->large; l = next) {
		next = l->next;
		free(l);
	}
	free(s->regions);
	free(s->dirty);
	free(s->clean);
	free(s);
}

/* The lists of empty pages can hold all pages there are: giving one back never needs memory. */
static bool lists_grow(struct slab *s, size_t pages)
{
	void **clean = realloc(s->clean, (s->pages_n + pages) * sizeof *clean);
	if (!clean)
		return false;
	s->clean = clean;
	void **dirty = realloc(s->dirty, (s->pages_n + pages) * sizeof *dirty);
	if (!dirty)
		return false;
	s->dirty = dirty;
	struct region *regions = realloc(s->regions, (s->regions_n + 1) * sizeof *regions);
	if (!regions)
		return false;
	s->regions = regions;
	return true;
}

static size_t region_size(const struct slab *s)
{
	size_t n = s->pages_n * SLAB_PAGE / 2;
	n = n < REGION_MIN ? REGION_MIN : n > REGION_MAX ? REGION_MAX : n;
	size_t unit = n < HUGE_PAGE ? SLAB_PAGE : HUGE_PAGE;
	return n / unit * unit;
}

static bool region_add(struct slab *s)
{
	size_t n = region_size(s), pages = n / SLAB_PAGE;
	if (fails(s) || !lists_grow(s, pages))
		return false;
	size_t align = n < HUGE_PAGE ? SLAB_PAGE : HUGE_PAGE;
	char *p = mmap(NULL, n + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;
	s->regions[s->regions_n++] = (struct region){p, n + align};
	char *first = (char *)(((uintptr_t)p + align - 1) & ~(uintptr_t)(align - 1));
	if (s->pages_n * SLAB_PAGE >= HUGE_FROM)
		madvise(first, n, MADV_HUGEPAGE);
	for (size_t i = pages; i > 0; i--)
		s->clean[s->clean_n++] = first + (i - 1) * SLAB_PAGE;
	s->pages_n += pages;
	return true;
}

bool slab_reserve(struct slab *s, size_t depth)
{
	size_t want = SLAB_RESERVE_PAGES + depth / LEVELS_A_PAGE;
	if (want > s->reserve)
		s->reserve = want;
	while (s->dirty_n + s->clean_n < s->reserve)
		if (!region_add(s))
			return false;
	return true;
}

static struct page *page_take(struct slab *s, uint32_t size, bool must)
{
	if (!must && s->dirty_n + s->clean_n <= s->reserve && !region_add(s))
		return NULL;
	if (!(s->dirty_n + s->clean_n) && !region_add(s))
		return NULL;
	struct page *pg = s->dirty_n ? s->dirty[--s->dirty_n] : s->clean[--s->clean_n];
	HIDE(pg, SLAB_PAGE);
	SHOW(pg, sizeof *pg);
	*pg = (struct page){.size = size, .fresh = sizeof *pg};
	s->pages_used++;
	return pg;
}

static void page_give(struct slab *s, struct page *pg)
{
	s->pages_used--;
	if (s->dirty_n < DIRTY_KEPT + s->pages_used / 8 || madvise(pg, SLAB_PAGE, MADV_DONTNEED))
		s->dirty[s->dirty_n++] = pg;
	else
		s->clean[s->clean_n++] = pg;
}

static void page_list(struct slab *s, struct page *pg)
{
	struct page **head = &s->room[class_of(pg->size)];
	pg->prev = NULL;
	pg->next = *head;
	if (*head)
		(*head)->prev = pg;
	*head = pg;
	pg->listed = true;
}

static void page_unlist(struct slab *s, struct page *pg)
{
	if (pg->prev)
		pg->prev->next = pg->next;
	else
		s->room[class_of(pg->size)] = pg->next;
	if (pg->next)
		pg->next->prev = pg->prev;
	pg->listed = false;
}

static void *small_alloc(struct slab *s, size_t n, bool must)
{
	struct page *pg = s->room[class_of(n)];
	if (!pg) {
		pg = page_take(s, size_rounded(n), must);
		if (!pg)
			return NULL;
		page_list(s, pg);
	}
	void *p = pg->free ? pg->free : (char *)pg + pg->fresh;
	SHOW(p, pg->size);
	if (pg->free)
		pg->free = *(void **)p;
	else
		pg->fresh += pg->size;
	pg->live++;
	if (!pg->free && pg->fresh + pg->size > SLAB_PAGE)
		page_unlist(s, pg);
	s->used += pg->size;
	return p;
}

static void *large_alloc(struct slab *s, size_t n)
{
	struct large *l = malloc(sizeof *l + n);
	if (!l)
		return NULL;
	*l = (struct large){.next = s->large.next, .prev = &s->large};
	l->next->prev = l->prev->next = l;
	s->large_held += sizeof *l + n;
	s->used += sizeof *l + n;
	return l + 1;
}

void *slab_alloc(struct slab *s, size_t n)
{
	if (fails(s))
		return NULL;
	return n <= SLAB_SMALL_MAX ? small_alloc(s, n, false) : large_alloc(s, n);
}

void *slab_alloc_must(struct slab *s, size_t n)
{
	fails(s);
	void *p = n <= SLAB_SMALL_MAX ? small_alloc(s, n, true) : large_alloc(s, n);
	MUST(p);
	return p;
}

static void small_free(struct slab *s, void *p, size_t n)
{
	struct page *pg = (struct page *)((uintptr_t)p & ~(uintptr_t)(SLAB_PAGE - 1));
	MUST(pg->size == size_rounded(n));
	MUST(pg->live > 0);
	*(void **)p = pg->free;
	pg->free = p;
	s->used -= pg->size;
	HIDE(p, pg->size);
	if (!pg->listed)
		page_list(s, pg);
	if (!--pg->live) {
		page_unlist(s, pg);
		page_give(s, pg);
	}
}

void slab_free(struct slab *s, void *p, size_t n)
{
	if (n <= SLAB_SMALL_MAX) {
		small_free(s, p, n);
		return;
	}
	struct large *l = (struct large *)p - 1;
	l->next->prev = l->prev;
	l->prev->next = l->next;
	s->large_held -= sizeof *l + n;
	s->used -= sizeof *l + n;
	free(l);
}

void *slab_array(struct slab *s, void *p, size_t old_n, size_t new_n)
{
	if (!new_n) {
		free(p);
		s->array_held -= old_n;
		return NULL;
	}
	if (new_n > old_n && fails(s))
		return NULL;
	void *q = realloc(p, new_n);
	if (q)
		s->array_held += new_n - old_n;
	return q;
}

size_t slab_held(const struct slab *s)
{
	return (s->pages_used + s->dirty_n) * SLAB_PAGE + s->large_held + s->array_held;
}

size_t slab_used(const struct slab *s)
{
	return s->used;
}
