/* KV entries and links as items: compact forms, see model.h.
 *
 * A KV payload:
 *   head      which of the optional parts are there
 *   varint    ModifyIndex
 *   varint    ModifyIndex - CreateIndex (wraps)
 *   varint    Flags, if not 0
 *   varint    LockIndex, if not 0
 *   session   16 bytes if its text is a UUID in lower case; else varint length and text; if not empty
 *   value     the rest
 * A varint has seven bits a byte, least first, the eighth says that more follow. An entry written once, with an index
 * below two million, has five bytes before its value. */
#include "store/model.h"

#include "core/base/must.h"
#include "core/base/slice.h"

enum {
	HAS_FLAGS = 1,
	HAS_LOCK = 2,
	HAS_UUID = 4,
	HAS_TEXT = 8,
	NIL_VALUE = 16,
	UUID_N = 16,
	UUID_TEXT_N = 36,
	VARINT_MAX = 10,
	HEAD_MAX = 1 + 5 * VARINT_MAX + UUID_N,
};

static uint8_t *varint_put(uint8_t *to, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		*to++ = (uint8_t)(v | 0x80);
	*to++ = (uint8_t)v;
	return to;
}

static const uint8_t *varint_get(const uint8_t *p, uint64_t *out)
{
	uint64_t v = 0;
	for (unsigned shift = 0;; shift += 7) {
		v |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p++ & 0x80))
			break;
	}
	*out = v;
	return p;
}

/* ---- UUIDs ---- */

static bool dash_at(unsigned i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

static void uuid_text(const uint8_t bytes[static UUID_N], char out[static UUID_TEXT_N + 1])
{
	static const char hex[] = "0123456789abcdef";
	for (unsigned i = 0, half = 0; i < UUID_TEXT_N; i++) {
		if (dash_at(i))
			out[i] = '-';
		else
			out[i] = hex[bytes[half / 2] >> (half % 2 ? 0 : 4) & 15], half++;
	}
	out[UUID_TEXT_N] = 0;
}

/* False for anything that uuid_text would not give back letter by letter. */
static bool uuid_bytes(struct slice text, uint8_t out[static UUID_N])
{
	char again[UUID_TEXT_N + 1];
	if (text.n != UUID_TEXT_N)
		return false;
	memset(out, 0, UUID_N);
	for (unsigned i = 0, half = 0; i < UUID_TEXT_N; i++) {
		if (dash_at(i))
			continue;
		uint8_t c = (uint8_t)text.p[i], digit = (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
		out[half / 2] |= (uint8_t)((digit & 15) << (half % 2 ? 0 : 4));
		half++;
	}
	uuid_text(out, again);
	return !memcmp(again, text.p, UUID_TEXT_N);
}

/* ---- entries ---- */

static size_t head_put(uint8_t head[static HEAD_MAX], const struct dir_entry *e)
{
	uint8_t uuid[UUID_N];
	bool packs = uuid_bytes(e->session, uuid);
	uint8_t *p = head + 1;
	head[0] = (uint8_t)((e->flags ? HAS_FLAGS : 0) | (e->lock_index ? HAS_LOCK : 0) | (packs ? HAS_UUID : 0) |
	                    (e->session.n && !packs ? HAS_TEXT : 0) | (e->value.p ? 0 : NIL_VALUE));
	p = varint_put(p, e->modify_index);
	p = varint_put(p, e->modify_index - e->create_index);
	if (e->flags)
		p = varint_put(p, e->flags);
	if (e->lock_index)
		p = varint_put(p, e->lock_index);
	if (packs) {
		memcpy(p, uuid, UUID_N);
		p += UUID_N;
	} else if (e->session.n) {
		p = varint_put(p, e->session.n);
	}
	return (size_t)(p - head);
}

struct item *kv_item_new(struct db *db, const struct dir_entry *e)
{
	uint8_t head[HEAD_MAX];
	size_t head_n = head_put(head, e), text_n = head[0] & HAS_TEXT ? e->session.n : 0;
	struct item *it = db_item_new(db, e->key, head_n + text_n + e->value.n);
	if (!it)
		return NULL;
	char *p = item_payload_new(it);
	memcpy(p, head, head_n);
	if (text_n)
		memcpy(p + head_n, e->session.p, text_n);
	if (e->value.n)
		memcpy(p + head_n + text_n, e->value.p, e->value.n);
	return it;
}

void kv_item_view(const struct item *it, struct dir_entry *out, char session[static 37])
{
	const uint8_t *p = item_payload(it), *end = (const uint8_t *)it + it->size;
	uint8_t head = *p++;
	uint64_t since, text_n;
	*out = (struct dir_entry){.key = item_key(it)};
	p = varint_get(p, &out->modify_index);
	p = varint_get(p, &since);
	out->create_index = out->modify_index - since;
	if (head & HAS_FLAGS)
		p = varint_get(p, &out->flags);
	if (head & HAS_LOCK)
		p = varint_get(p, &out->lock_index);
	if (head & HAS_UUID) {
		uuid_text(p, session);
		out->session = slice_at(session, UUID_TEXT_N);
		p += UUID_N;
	} else if (head & HAS_TEXT) {
		p = varint_get(p, &text_n);
		out->session = slice_at(p, text_n);
		p += text_n;
	}
	MUST(p <= end);
	if (!(head & NIL_VALUE))
		out->value = slice_at(p, (size_t)(end - p));
}

raft_index kv_item_modify_index(const struct item *it)
{
	raft_index index;
	varint_get((const uint8_t *)item_payload(it) + 1, &index);
	return index;
}

/* ---- links ---- */

struct item *link_item(struct db *db, struct slice key, struct slice primary)
{
	struct item *it = db_item_new(db, key, primary.n);
	if (it && primary.n)
		memcpy(item_payload_new(it), primary.p, primary.n);
	return it;
}

struct slice link_target(const struct item *it)
{
	return slice_at(item_payload(it), it->size - ITEM_PAYLOAD_AT(it->key_n));
}
