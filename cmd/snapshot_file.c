/* The archive of a snapshot. */
#include "cmd/snapshot_file.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef" /* its headers ask for a macro that only its documentation defines */
#include <bearssl.h>
#pragma GCC diagnostic pop

#include "cmd/client.h"
#include "cmd/say.h"
#include "core/base/enc.h"
#include "core/base/gunzip.h"
#include "core/base/json.h"
#include "core/base/slice.h"

enum { TAR_BLOCK = 512, TAR_NAME = 100, TAR_SIZE_AT = 124, TAR_SIZE = 12, TAR_SUM_AT = 148, TAR_SUM = 8 };

/* ---- tar ---- */

/* Octal digits, ended by a NUL or a blank. */
static uint64_t octal(struct slice field)
{
	uint64_t v = 0;
	field = slice_trim(slice_next(&field, 0));
	for (size_t i = 0; i < field.n && field.p[i] >= '0' && field.p[i] <= '7'; i++)
		v = v * 8 + (uint64_t)(field.p[i] - '0');
	return v;
}

static bool header_good(struct slice block)
{
	uint64_t sum = TAR_SUM * ' ';
	for (size_t i = 0; i < TAR_BLOCK; i++)
		if (i < TAR_SUM_AT || i >= TAR_SUM_AT + TAR_SUM)
			sum += (unsigned char)block.p[i];
	return sum == octal(slice_cut(block, TAR_SUM_AT, TAR_SUM_AT + TAR_SUM));
}

static bool all_zero(struct slice block)
{
	for (size_t i = 0; i < block.n; i++)
		if (block.p[i])
			return false;
	return true;
}

/* The next file. name.n == 0 at the end. */
static enum err tar_next(struct slice *tar, struct slice *name, struct slice *content, struct fail *f)
{
	struct slice block = slice_cut(*tar, 0, TAR_BLOCK), rest = slice_from(*tar, TAR_BLOCK);
	*name = S_NONE;
	if (!block.n || (block.n == TAR_BLOCK && all_zero(block)))
		return OK;
	if (block.n < TAR_BLOCK)
		return fail_set(f, ERR_CORRUPT, "failed reading snapshot: unexpected EOF");
	if (!header_good(block))
		return fail_set(f, ERR_CORRUPT, "failed reading snapshot: archive/tar: invalid tar header");
	uint64_t size = octal(slice_cut(block, TAR_SIZE_AT, TAR_SIZE_AT + TAR_SIZE));
	if (size > rest.n)
		return fail_set(f, ERR_CORRUPT, "failed reading snapshot: unexpected EOF");
	struct slice field = slice_cut(block, 0, TAR_NAME);
	*name = slice_next(&field, 0);
	*content = slice_cut(rest, 0, (size_t)size);
	*tar = slice_from(rest, ((size_t)size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK);
	return OK;
}

/* ---- sums ---- */

struct parts {
	struct slice meta, state, sums;
};

static void sha256_text(struct slice content, struct buf *out)
{
	unsigned char sum[br_sha256_SIZE];
	br_sha256_context c;
	br_sha256_init(&c);
	br_sha256_update(&c, content.p, content.n);
	br_sha256_out(&c, sum);
	hex_put(out, slice_at(sum, sizeof(sum)));
}

/* One line: "<sum>  <name>". */
static enum err sum_check(const struct parts *p, struct slice line, bool seen[2], struct fail *f)
{
	struct slice sum = slice_next(&line, ' '), name = slice_trim(line);
	bool meta = slice_is(name, "meta.json"), state = slice_is(name, "state.bin");
	if (!meta && !state)
		return fail_set(f, ERR_CORRUPT, "list missing hash for %s", quoted(name));
	struct buf right = {0};
	sha256_text(meta ? p->meta : p->state, &right);
	bool same = slice_eq_fold(buf_view(&right), sum);
	buf_free(&right);
	if (!same)
		return fail_set(f, ERR_CORRUPT, "hash check failed for %s", quoted(name));
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

static enum err parts_read(struct slice tar, struct parts *p, struct fail *f)
{
	for (struct slice name, content;;) {
		if (tar_next(&tar, &name, &content, f) != OK)
			return f->code;
		if (!name.n)
			return OK;
		if (slice_is(name, "meta.json"))
			p->meta = content;
		else if (slice_is(name, "state.bin"))
			p->state = content;
		else if (slice_is(name, "SHA256SUMS"))
			p->sums = content;
		else
			return fail_set(f, ERR_CORRUPT, "unexpected file %s in snapshot", quoted(name));
	}
}

static enum err meta_read(struct slice text, struct arena *a, struct snapshot_meta *out, struct fail *f)
{
	struct value v;
	struct slice rest;
	if (json_read_first(text, a, &v, &rest, f) != OK)
		return fail_wrap(f, "failed to decode snapshot metadata");
	*out = (struct snapshot_meta){
	        .id = value_text(&v, "ID"),
	        .index = value_number(&v, "Index"),
	        .term = value_number(&v, "Term"),
	        .version = value_number(&v, "Version"),
	        .size = value_number(&v, "Size"),
	};
	return OK;
}

static enum err tar_verify(struct slice tar, struct arena *a, struct snapshot_meta *out, struct fail *f)
{
	struct parts p = {0};
	*out = (struct snapshot_meta){0};
	if (parts_read(tar, &p, f) != OK)
		return f->code;
	if (p.meta.p && meta_read(p.meta, a, out, f) != OK)
		return f->code;
	return sums_check(&p, f) == OK ? OK : fail_wrap(f, "failed checking integrity of snapshot");
}

enum err snapshot_verify(struct slice archive, struct arena *a, struct snapshot_meta *out, struct fail *f)
{
	struct buf tar = {0};
	enum err e = gunzip(archive, &tar, f);
	if (e != OK && !tar.n)
		fail_wrap(f, "failed to decompress snapshot");
	else if (e != OK)
		fail_wrap(f, "failed to read snapshot file: failed reading snapshot");
	else if ((e = tar_verify(buf_view(&tar), a, out, f)) != OK)
		fail_wrap(f, "failed to read snapshot file");
	buf_free(&tar);
	return e;
}
