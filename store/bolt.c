/* BoltDB files, read only. Little endian; by the file's own description, version 2:
 *
 *	page     id u64 | flags u16 | count u16 | overflow u32 | … ; it goes on for `overflow` more pages
 *	meta     (pages 0 and 1) magic u32 | version u32 | page size u32 | flags u32 | root page u64 | root sequence u64
 *| freelist u64 | pages in use u64 | transaction u64 | FNV-1a of the 56 bytes before branch   count × { pos u32 | key
 *size u32 | child page u64 }          the key lies at pos from the element on leaf     count × { flags u32 | pos u32 |
 *key size u32 | value size u32 }   the value follows the key bucket   (a value with flag 1) root page u64 | sequence
 *u64 | for root 0: the only page, inline */
#include "store/bolt.h"

#include "core/base/slice.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	PAGE_HEADER = 16,
	META_BYTES = 64,
	META_SUMMED = 56,
	ELEMENT = 16,
	BUCKET_HEADER = 16,
	VERSION = 2,
	PAGE_SIZE_LEAST = 512,
	PAGE_SIZE_MOST = 64 << 10,
	META_PAGES = 2,
};

#define MAGIC UINT32_C(0xED0CDAED)

enum page_flag { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_META = 4 };
enum leaf_flag { LEAF_BUCKET = 1 };

static uint64_t le(const char *p, unsigned bytes)
{
	uint64_t v = 0;
	for (unsigned i = bytes; i-- > 0;)
		v = v << 8 | (uint8_t)p[i];
	return v;
}

static enum err corrupt(const struct bolt *b, uint64_t at, const char *why, struct fail *f)
{
	return fail_set(f, ERR_CORRUPT, "%s%s: offset %" PRIu64 ": %s", b->disk->root, b->file.name, at, why);
}

/* Reads all n bytes or fails. */
static enum err read_at(struct bolt *b, uint64_t at, void *p, size_t n, struct fail *f)
{
	size_t got = 0;
	enum err e = b->disk->read(b->disk, &b->file, at, p, n, &got, f);
	return e || got == n ? e : corrupt(b, at + got, "the file ends inside a page", f);
}

/* ---- meta pages ---- */

static uint64_t fnv1a(const char *p, size_t n)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)p[i]) * UINT64_C(1099511628211);
	return h;
}

/* Takes a meta page if it is whole and newer than what was found before. */
static enum err meta_take(struct bolt *b, uint64_t at, struct fail *f)
{
	char page[PAGE_HEADER + META_BYTES];
	const char *meta = page + PAGE_HEADER;
	if (at + sizeof page > b->file.size)
		return OK;
	enum err e = read_at(b, at, page, sizeof page, f);
	if (e || le(meta, 4) != MAGIC || le(meta + 4, 4) != VERSION ||
	        le(meta + META_SUMMED, 8) != fnv1a(meta, META_SUMMED))
		return e;
	uint64_t size = le(meta + 8, 4), txid = le(meta + 48, 8);
	if (size < PAGE_SIZE_LEAST || size > PAGE_SIZE_MOST || (size & (size - 1)))
		return corrupt(b, at + PAGE_HEADER + 8, "no size of a page", f);
	if (b->page_size && txid < b->txid)
		return OK;
	b->page_size = (uint32_t)size;
	b->root = le(meta + 16, 8);
	b->pages = le(meta + 40, 8);
	b->txid = txid;
	return OK;
}

/* The second meta page lies one page behind the first: where, only the first can say; when that one is torn, by trying.
 */
static enum err meta_find(struct bolt *b, struct fail *f)
{
	enum err e = meta_take(b, 0, f);
	if (e)
		return e;
	if (b->page_size)
		return meta_take(b, b->page_size, f);
	for (uint32_t size = PAGE_SIZE_LEAST; !e && !b->page_size && size <= PAGE_SIZE_MOST; size *= 2)
		e = meta_take(b, size, f);
	return e || b->page_size ? e : corrupt(b, 0, "no valid meta page: not a BoltDB file, or damaged", f);
}

enum err bolt_open(struct bolt *b, struct disk *d, const char *name, struct fail *f)
{
	*b = (struct bolt){.disk = d};
	enum err e = d->open(d, name, DISK_READ, &b->file, f);
	if (e)
		return e;
	e = meta_find(b, f);
	if (e)
		d->close(d, &b->file);
	return e;
}

void bolt_close(struct bolt *b)
{
	b->disk->close(b->disk, &b->file);
}

/* ---- pages ---- */

static void page_free(struct bolt_page *p)
{
	free(p->bytes);
	*p = (struct bolt_page){0};
}

/* Looks at the header of the bytes in p. */
static enum err page_check(struct bolt *b, struct bolt_page *p, struct fail *f)
{
	uint64_t kind = le(p->bytes + 8, 2) & (PAGE_BRANCH | PAGE_LEAF);
	p->count = (uint32_t)le(p->bytes + 10, 2);
	p->leaf = kind == PAGE_LEAF;
	if (kind != PAGE_LEAF && kind != PAGE_BRANCH)
		return corrupt(b, p->at + 8, "neither a branch nor a leaf", f);
	if (PAGE_HEADER + (uint64_t)p->count * ELEMENT > p->n)
		return corrupt(b, p->at + 10, "more elements than the page has room for", f);
	return OK;
}

/* Reads page `id` with all that overflows from it. */
static enum err page_read(struct bolt *b, uint64_t id, struct bolt_page *p, struct fail *f)
{
	char header[PAGE_HEADER];
	*p = (struct bolt_page){0};
	if (id < META_PAGES || id >= b->pages || id > UINT64_MAX / b->page_size - 1)
		return corrupt(b, 0, "a page is named that the file has not", f);
	p->at = id * b->page_size;
	enum err e = read_at(b, p->at, header, sizeof header, f);
	if (e)
		return e;
	uint64_t more = le(header + 12, 4);
	if (le(header, 8) != id)
		return corrupt(b, p->at, "the page has another number", f);
	if (more >= b->pages - id)
		return corrupt(b, p->at + 12, "the page goes on behind the end", f);
	if ((more + 1) * b->page_size > BOLT_PAGE_MAX)
		return corrupt(b, p->at + 12, "the page is larger than any entry can be", f);
	p->n = (size_t)(more + 1) * b->page_size;
	if (p->at + p->n > b->file.size)
		return corrupt(b, p->at, "the file ends inside a page", f);
	p->bytes = malloc(p->n);
	if (!p->bytes)
		return fail_set(f, ERR_NO_MEMORY, "no memory for a page of %s", b->file.name);
	e = read_at(b, p->at, p->bytes, p->n, f);
	return e ? e : page_check(b, p, f);
}

/* ---- elements ---- */

struct element {
	struct slice key, value;
	uint64_t child; /* of a branch */
	uint32_t flags; /* of a leaf */
};

static enum err element_get(struct bolt *b, const struct bolt_page *p, uint32_t i, struct element *out, struct fail *f)
{
	size_t at = PAGE_HEADER + (size_t)i * ELEMENT;
	const char *e = p->bytes + at;
	uint64_t pos = p->leaf ? le(e + 4, 4) : le(e, 4);
	uint64_t key = p->leaf ? le(e + 8, 4) : le(e + 4, 4), value = p->leaf ? le(e + 12, 4) : 0;
	if (at + pos + key + value > p->n)
		return corrupt(b, p->at + at, "a key or value reaches beyond its page", f);
	*out = (struct element){
	        .key = {e + pos, key},
	        .value = {e + pos + key, value},
	        .child = p->leaf ? 0 : le(e + 8, 8),
	        .flags = p->leaf ? (uint32_t)le(e, 4) : 0,
	};
	return OK;
}

/* Element i, which must be greater than the one before it in its page. */
static enum err element_ordered(
        struct bolt *b, const struct bolt_page *p, uint32_t i, struct element *out, struct fail *f)
{
	struct element before;
	enum err e = element_get(b, p, i, out, f);
	e = e || !i ? e : element_get(b, p, i - 1, &before, f);
	if (!e && i && slice_cmp(before.key, out->key) >= 0)
		return corrupt(b, p->at + PAGE_HEADER + (uint64_t)i * ELEMENT, "keys are out of order", f);
	return e;
}

/* ---- walking ---- */

static enum err descend(struct bolt_cursor *c, uint64_t id, struct fail *f)
{
	if (c->depth == BOLT_DEPTH_MAX)
		return corrupt(c->bolt, 0, "the tree is too deep", f);
	if (c->visits++ >= c->bolt->pages)
		return corrupt(c->bolt, 0, "the pages of the tree go round in a circle", f);
	return page_read(c->bolt, id, &c->pages[c->depth++], f);
}

/* A small bucket has no page of its own: it lies inside its value. */
static enum err descend_inline(struct bolt_cursor *c, struct slice bytes, uint64_t at, struct fail *f)
{
	struct bolt_page *p = &c->pages[c->depth++];
	*p = (struct bolt_page){.at = at, .n = bytes.n};
	if (bytes.n < PAGE_HEADER)
		return corrupt(c->bolt, at, "a bucket is cut short", f);
	p->bytes = malloc(bytes.n);
	if (!p->bytes)
		return fail_set(f, ERR_NO_MEMORY, "no memory for a page of %s", c->bolt->file.name);
	memcpy(p->bytes, bytes.p, bytes.n);
	enum err e = page_check(c->bolt, p, f);
	return e || p->leaf ? e : corrupt(c->bolt, at, "an inline bucket has branches", f);
}

/* The next element of a leaf; its page stays in c->pages[c->depth - 1]. *have false: the walk is over. */
static enum err step(struct bolt_cursor *c, struct element *out, bool *have, struct fail *f)
{
	enum err e = OK;
	*have = false;
	while (c->depth && !e) {
		struct bolt_page *p = &c->pages[c->depth - 1];
		if (p->next == p->count) {
			page_free(p);
			c->depth--;
			continue;
		}
		e = element_ordered(c->bolt, p, p->next++, out, f);
		if (!e && p->leaf) {
			*have = true;
			return OK;
		}
		e = e ? e : descend(c, out->child, f);
	}
	return e;
}

static enum err enter(struct bolt_cursor *c, struct slice bucket, struct fail *f)
{
	struct element el;
	bool have;
	enum err e = descend(c, c->bolt->root, f);
	while (!e) {
		e = step(c, &el, &have, f);
		if (e || !have)
			break;
		if (!slice_eq(el.key, bucket) || !(el.flags & LEAF_BUCKET))
			continue;
		const struct bolt_page *p = &c->pages[c->depth - 1];
		uint64_t at = p->at + (uint64_t)(el.value.p - p->bytes);
		if (el.value.n < BUCKET_HEADER)
			return corrupt(c->bolt, at, "a bucket is cut short", f);
		struct bolt_cursor in = {.bolt = c->bolt};
		uint64_t root = le(el.value.p, 8);
		e = root ? descend(&in, root, f)
		         : descend_inline(&in, slice_from(el.value, BUCKET_HEADER), at + BUCKET_HEADER, f);
		bolt_cursor_close(c);
		*c = in;
		return e;
	}
	return e ? e
	         : fail_set(f, ERR_ABSENT, "%s%s: there is no bucket \"%.*s\"", c->bolt->disk->root, c->bolt->file.name,
	                   PS(bucket));
}

enum err bolt_cursor_open(struct bolt_cursor *c, struct bolt *b, struct slice bucket, struct fail *f)
{
	*c = (struct bolt_cursor){.bolt = b};
	return enter(c, bucket, f);
}

enum err bolt_next(struct bolt_cursor *c, struct slice *key, struct slice *value, struct fail *f)
{
	struct element el;
	bool have;
	*key = *value = S_NONE;
	enum err e = step(c, &el, &have, f);
	if (e || !have)
		return e;
	*key = el.key;
	*value = el.value;
	return OK;
}

void bolt_cursor_close(struct bolt_cursor *c)
{
	while (c->depth)
		page_free(&c->pages[--c->depth]);
}
