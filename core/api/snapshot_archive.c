#include "core/api/snapshot_archive.h"

#include <stdio.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef" /* its headers ask for a macro that only its documentation defines */
#include <bearssl.h>
#pragma GCC diagnostic pop

#include "core/base/enc.h"
#include "core/base/gunzip.h"
#include "core/base/gzip.h"
#include "core/base/json.h"
#include "core/base/slice.h"
#include "core/base/text.h"
#include "core/base/value.h"

/* ---- tar: POSIX's ustar, of which these files use little ---- */

enum {
	TAR_BLOCK = 512,
	TAR_NAME = 100,
	TAR_SIZE_AT = 124,
	TAR_SIZE = 12,
	TAR_SUM_AT = 148,
	TAR_SUM = 8,
	TAR_SIZE_MAX_BITS = 33, /* eleven octal digits */
};

/* Octal digits, ended by a NUL or a blank. */
static uint64_t octal(struct slice field)
{
	uint64_t v = 0;
	field = slice_trim(slice_next(&field, 0));
	for (size_t i = 0; i < field.n && field.p[i] >= '0' && field.p[i] <= '7'; i++)
		v = v * 8 + (uint64_t)(field.p[i] - '0');
	return v;
}

/* The sum of a header's bytes, its own field counted as blanks. */
static unsigned header_sum(struct slice block)
{
	unsigned sum = TAR_SUM * ' ';
	for (size_t i = 0; i < TAR_BLOCK; i++)
		if (i < TAR_SUM_AT || i >= TAR_SUM_AT + TAR_SUM)
			sum += (unsigned char)block.p[i];
	return sum;
}

static bool all_zero(struct slice block)
{
	for (size_t i = 0; i < block.n; i++)
		if (block.p[i])
			return false;
	return true;
}

/* What is being read, and why it ends before its end. */
struct tar {
	struct slice rest;
	const char *cut; /* NULL: it is all there */
};

static enum err tar_broken(struct fail *f, const char *why)
{
	return fail_set(f, ERR_CORRUPT, "failed reading snapshot: %s", why);
}

/* The next file. name.n == 0 at the end. *whole: all of its content is there. */
static enum err tar_next(struct tar *t, struct slice *name, struct slice *content, bool *whole, struct fail *f)
{
	struct slice block = slice_cut(t->rest, 0, TAR_BLOCK), rest = slice_from(t->rest, TAR_BLOCK);
	*name = S_NONE;
	if ((!block.n && !t->cut) || (block.n == TAR_BLOCK && all_zero(block)))
		return OK;
	if (block.n < TAR_BLOCK)
		return tar_broken(f, t->cut ? t->cut : "unexpected EOF");
	if (header_sum(block) != octal(slice_cut(block, TAR_SUM_AT, TAR_SUM_AT + TAR_SUM)))
		return tar_broken(f, "archive/tar: invalid tar header");
	uint64_t size = octal(slice_cut(block, TAR_SIZE_AT, TAR_SIZE_AT + TAR_SIZE));
	struct slice field = slice_cut(block, 0, TAR_NAME);
	*name = slice_next(&field, 0);
	*whole = size <= rest.n;
	*content = *whole ? slice_cut(rest, 0, (size_t)size) : rest;
	t->rest = slice_from(rest, *whole ? ((size_t)size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK : rest.n);
	return OK;
}

static void tar_zeros(struct buf *tar, size_t n)
{
	char *room = buf_room(tar, n);
	if (!room)
		return;
	memset(room, 0, n);
	buf_add(tar, n);
}

static void tar_put(struct buf *tar, const char *name, struct slice content, wall_ns now)
{
	char block[TAR_BLOCK] = {0};
	snprintf(block, TAR_NAME, "%s", name);
	memcpy(block + 100,
	        "0000600\0"
	        "0000000\0"
	        "0000000",
	        24); /* mode, owner, group */
	snprintf(block + TAR_SIZE_AT, TAR_SIZE, "%011llo",
	        (unsigned long long)content.n & ((1ULL << TAR_SIZE_MAX_BITS) - 1));
	snprintf(block + 136, 12, "%011llo", (unsigned long long)(now / NS_PER_S) & ((1ULL << TAR_SIZE_MAX_BITS) - 1));
	block[156] = '0'; /* a file */
	memcpy(block + 257,
	        "ustar\0"
	        "00",
	        8);
	memcpy(block + 329,
	        "0000000\0"
	        "0000000",
	        16); /* device numbers */
	snprintf(block + TAR_SUM_AT, TAR_SUM, "%06o", header_sum(slice_at(block, TAR_BLOCK)) & 0777777);
	block[TAR_SUM_AT + TAR_SUM - 1] = ' ';
	buf_bytes(tar, block, sizeof block);
	buf_slice(tar, content);
	tar_zeros(tar, (TAR_BLOCK - content.n % TAR_BLOCK) % TAR_BLOCK);
}

/* ---- sums ---- */

static void sha256_put(struct buf *out, struct slice content)
{
	unsigned char sum[br_sha256_SIZE];
	br_sha256_context c;
	br_sha256_init(&c);
	br_sha256_update(&c, content.p, content.n);
	br_sha256_out(&c, sum);
	hex_put(out, slice_at(sum, sizeof sum));
}

struct parts {
	struct slice meta, state, sums;
};

/* One line: "<sum>  <name>". */
static enum err sum_check(const struct parts *p, struct slice line, bool seen[2], struct fail *f)
{
	char quoted[256];
	struct slice sum = slice_next(&line, ' '), name = slice_trim(line);
	bool meta = slice_is(name, "meta.json"), state = slice_is(name, "state.bin");
	if (!meta && !state)
		return fail_set(f, ERR_CORRUPT, "list missing hash for %s", quote_cstr(name, quoted, sizeof quoted));
	struct buf right = {0};
	sha256_put(&right, meta ? p->meta : p->state);
	bool same = slice_eq_fold(buf_view(&right), sum);
	buf_free(&right);
	if (!same)
		return fail_set(f, ERR_CORRUPT, "hash check failed for %s", quote_cstr(name, quoted, sizeof quoted));
	seen[state] = true;
	return OK;
}

static enum err sums_check(const struct parts *p, struct fail *f)
{
	bool seen[2] = {false, false};
	for (struct slice rest = p->sums; rest.n;) {
		struct slice line = slice_next(&rest, '\n');
		if (sum_check(p, line, seen, f) != OK)
			return f->code;
	}
	if (!seen[0] || !seen[1])
		return fail_set(f, ERR_CORRUPT, "file missing for %s", seen[0] ? "\"state.bin\"" : "\"meta.json\"");
	return OK;
}

/* ---- the whole ---- */

void snapshot_pack(struct buf *out, const struct snapshot_meta *meta, struct slice state, wall_ns now)
{
	struct buf tar = {0}, text = {0}, sums = {0};
	schema_json_write(&text, &snapshot_meta_schema, meta, 0, 0);
	buf_char(&text, '\n');
	sha256_put(&sums, buf_view(&text));
	BUF_LIT(&sums, "  meta.json\n");
	sha256_put(&sums, state);
	BUF_LIT(&sums, "  state.bin\n");
	tar_put(&tar, "meta.json", buf_view(&text), now);
	tar_put(&tar, "state.bin", state, now);
	tar_put(&tar, "SHA256SUMS", buf_view(&sums), now);
	tar_zeros(&tar, 2 * TAR_BLOCK);
	gzip(buf_view(&tar), out);
	out->failed |= tar.failed || text.failed || sums.failed;
	buf_free(&tar);
	buf_free(&text);
	buf_free(&sums);
}

static enum err meta_read(struct slice text, struct arena *a, struct snapshot_meta *out, struct fail *f)
{
	struct value v;
	struct slice rest;
	enum err e = json_read_first(text, a, &v, &rest, f);
	e = e ? e : schema_json_read(&snapshot_meta_schema, &v, out, a, f);
	return e ? fail_wrap(f, "failed to decode snapshot metadata") : OK;
}

static enum err part_read(struct parts *p, struct slice name, struct slice content, struct arena *a,
        struct snapshot_meta *meta, struct fail *f)
{
	char quoted[256];
	if (slice_is(name, "meta.json")) {
		p->meta = content;
		return meta_read(content, a, meta, f);
	}
	if (slice_is(name, "state.bin"))
		p->state = content;
	else if (slice_is(name, "SHA256SUMS"))
		p->sums = content;
	else
		return fail_set(
		        f, ERR_CORRUPT, "unexpected file %s in snapshot", quote_cstr(name, quoted, sizeof quoted));
	return OK;
}

/* The reference reads as it unpacks: the first thing wrong is told, wherever the stream breaks later. */
static enum err parts_read(struct tar *t, struct parts *p, struct arena *a, struct snapshot_meta *meta, struct fail *f)
{
	for (struct slice name, content;;) {
		bool whole = false;
		if (tar_next(t, &name, &content, &whole, f) != OK)
			return f->code;
		if (!name.n)
			return OK;
		if (part_read(p, name, content, a, meta, f) != OK)
			return f->code;
		const char *why = t->cut ? t->cut : "unexpected EOF";
		if (!whole)
			return slice_is(name, "state.bin")
			               ? fail_set(f, ERR_CORRUPT, "failed to read or write snapshot data: %s", why)
			               : fail_set(f, ERR_CORRUPT, "failed to read snapshot hashes: %s", why);
	}
}

enum err snapshot_unpack(struct slice archive, struct buf *tar, struct arena *a, struct snapshot_meta *meta,
        struct slice *state, struct fail *f)
{
	struct parts p = {0};
	struct fail cut;
	*meta = (struct snapshot_meta){0};
	*tar = (struct buf){.limit = SNAPSHOT_UNPACKED_MAX};
	if (gunzip_header(archive, f) != OK)
		return fail_wrap(f, "failed to decompress snapshot");
	bool unpacked = gunzip(archive, tar, &cut) == OK;
	struct tar t = {.rest = buf_view(tar), .cut = unpacked ? NULL : cut.text};
	enum err e = parts_read(&t, &p, a, meta, f);
	if (!e && (e = sums_check(&p, f)) != OK)
		fail_wrap(f, "failed checking integrity of snapshot");
	*state = p.state;
	return e ? fail_wrap(f, "failed to read snapshot file") : OK;
}
