#include "core/gossip/tags.h"

#include "core/base/msgpack.h"
#include "core/base/num.h"
#include "core/base/slice.h"

enum { TAGS_MAGIC = 0xff };

/* A byte that no msgpack value begins with, and a version. */
#define MARK S("\xc1\x01")

void tags_put(struct buf *out, struct list tags)
{
	const struct pair *pairs = tags.items;
	buf_char(out, (char)TAGS_MAGIC);
	mp_put_map(out, tags.n);
	for (uint32_t i = 0; i < tags.n; i++) {
		mp_put_str(out, pairs[i].key);
		mp_put_str(out, pairs[i].val);
	}
}

static bool encoded(struct slice meta)
{
	return meta.n && (uint8_t)meta.p[0] == TAGS_MAGIC;
}

void tags_mark(struct buf *out)
{
	buf_slice(out, MARK);
}

bool tags_marked(struct slice meta)
{
	return encoded(meta) && slice_ends(meta, MARK) && mp_whole(slice_from(meta, 1)) == meta.n - 1 - MARK.n;
}

bool tags_get(struct slice meta, struct arena *a, struct list *out)
{
	struct mp_reader r = mp_read(slice_from(meta, 1));
	uint32_t n = encoded(meta) ? mp_map(&r) : 1;
	struct pair *pairs = ARENA_ARRAY(a, struct pair, n ? n : 1);
	*out = (struct list){list_empty, 0};
	if (!pairs)
		return false;
	if (!encoded(meta)) {
		*pairs = (struct pair){S("role"), meta};
		*out = (struct list){pairs, 1};
		return true;
	}
	uint32_t got = 0;
	for (uint32_t i = 0; i < n && !r.failed; i++) {
		pairs[got].key = mp_str(&r);
		pairs[got].val = mp_str(&r);
		got += !r.failed;
	}
	if (got)
		*out = (struct list){pairs, got};
	return schema_map_sort(out, sizeof *pairs, a) && !r.failed;
}

struct slice tags_find(struct slice meta, struct slice tag, bool *there)
{
	struct slice found = S_NONE;
	bool is = false;
	struct mp_reader r = mp_read(slice_from(meta, 1));
	if (!encoded(meta)) {
		is = slice_eq(tag, S("role"));
		found = is ? meta : S_NONE;
	} else {
		for (uint32_t n = mp_map(&r); n && !r.failed; n--) {
			struct slice key = mp_str(&r), val = mp_str(&r);
			if (!r.failed && slice_eq(key, tag)) {
				found = val;
				is = true;
			}
		}
	}
	if (there)
		*there = is;
	return found;
}

static bool digits(struct slice s, size_t *at, uint32_t *out)
{
	size_t from = *at;
	for (*out = 0; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; ++*at)
		*out = *out * 10 + (uint32_t)(s.p[*at] - '0');
	return *at > from;
}

bool tags_build(struct slice build, uint32_t version[static 3])
{
	for (size_t from = 0; from < build.n; from++) {
		size_t at = from;
		int part = 0;
		while (digits(build, &at, &version[part]) && ++part < 3 && at < build.n && build.p[at] == '.')
			at++;
		if (part == 3)
			return true;
	}
	return false;
}

/* A number that may be absent. */
static bool number(struct slice meta, struct slice tag, bool needed, int64_t *out)
{
	bool there;
	struct slice text = tags_find(meta, tag, &there);
	*out = 0;
	if (!there)
		return !needed;
	return !num_int(text, out, NULL);
}

bool tags_server(struct slice meta, struct server_tags *out)
{
	*out = (struct server_tags){
	        .dc = tags_find(meta, S("dc"), NULL),
	        .segment = tags_find(meta, S("segment"), NULL),
	        .id = tags_find(meta, S("id"), NULL),
	        .build = tags_find(meta, S("build"), NULL),
	};
	tags_find(meta, S("bootstrap"), &out->bootstrap);
	tags_find(meta, S("use_tls"), &out->use_tls);
	tags_find(meta, S("nonvoter"), &out->nonvoter);
	out->marked = tags_marked(meta);
	return slice_eq(tags_find(meta, S("role"), NULL), S("consul")) && number(meta, S("port"), true, &out->port) &&
	       number(meta, S("vsn"), true, &out->vsn) && number(meta, S("expect"), false, &out->expect) &&
	       number(meta, S("raft_vsn"), false, &out->raft_vsn) &&
	       number(meta, S("wan_join_port"), false, &out->wan_join_port) && tags_build(out->build, out->version);
}
