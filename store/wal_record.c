/* The bytes of the log, both ways. Nothing here reads or writes files. */
#include "store/wal_record.h"

#include "core/base/crc.h"
#include "core/base/must.h"

static const char magic[8] = "CONSULW1";

static void put32(char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)(v >> (24 - 8 * i));
}

static void put64(char *p, uint64_t v)
{
	put32(p, (uint32_t)(v >> 32));
	put32(p + 4, (uint32_t)v);
}

static uint32_t get32(const char *p)
{
	uint32_t v = 0;
	for (int i = 0; i < 4; i++)
		v = v << 8 | (uint8_t)p[i];
	return v;
}

static uint64_t get64(const char *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

void wal_header_put(char out[static WAL_HEADER], const struct wal_header *h)
{
	memset(out, 0, WAL_HEADER);
	memcpy(out, magic, sizeof magic);
	put64(out + 8, h->number);
	put64(out + 16, h->salt);
	put64(out + 24, h->last_index);
	put64(out + 32, h->last_term);
	put32(out + 40, h->prev_end);
	put32(out + 60, crc32c(0, out, 60));
}

bool wal_header_get(const char in[static WAL_HEADER], struct wal_header *out, struct wal_sums *sums)
{
	*sums = (struct wal_sums){.found = crc32c(0, in, 60), .expected = get32(in + 60)};
	*out = (struct wal_header){
	        .number = get64(in + 8),
	        .salt = get64(in + 16),
	        .last_index = get64(in + 24),
	        .last_term = get64(in + 32),
	        .prev_end = get32(in + 40),
	};
	return sums->found == sums->expected && !memcmp(in, magic, sizeof magic);
}

uint32_t wal_header_seed(const struct wal_header *h)
{
	char both[16];
	put64(both, h->salt);
	put64(both + 8, h->number);
	return crc32c(0, both, sizeof both);
}

void wal_record_put(struct buf *b, uint32_t seed, const struct wal_record *r)
{
	size_t size = (size_t)wal_record_size(r->data.n), padded = size - WAL_HEAD;
	char *p = buf_room(b, size);
	if (!p)
		return;
	memset(p, 0, WAL_HEAD);
	if (padded) {
		memset(p + size - WAL_ALIGN, 0, WAL_ALIGN);
		memcpy(p + WAL_HEAD, r->data.p, r->data.n);
	}
	put32(p + 4, crc32c(0, p + WAL_HEAD, padded));
	put32(p + 8, (uint32_t)r->data.n);
	put32(p + 12, r->synced);
	put64(p + 16, r->index);
	put64(p + 24, r->term);
	p[32] = (char)r->kind;
	p[33] = (char)r->type;
	put32(p + 36, r->at);
	put32(p, crc32c(seed, p + 4, WAL_HEAD - 4));
	buf_add(b, size);
}

bool wal_record_head(
        const char in[static WAL_HEAD], uint32_t seed, uint32_t at, struct wal_record *out, struct wal_sums *sums)
{
	*sums = (struct wal_sums){.found = crc32c(seed, in + 4, WAL_HEAD - 4), .expected = get32(in)};
	*out = (struct wal_record){
	        .data_crc = get32(in + 4),
	        .n = get32(in + 8),
	        .synced = get32(in + 12),
	        .index = get64(in + 16),
	        .term = get64(in + 24),
	        .kind = (enum wal_kind)(uint8_t)in[32],
	        .type = (uint8_t)in[33],
	        .at = get32(in + 36),
	};
	return sums->found == sums->expected && out->at == at && out->synced <= at && out->kind >= WAL_ENTRY &&
	       out->kind < WAL_KIND_END;
}

bool wal_record_data(struct wal_record *r, const char *padded, struct wal_sums *sums)
{
	size_t n = (size_t)wal_record_size(r->n) - WAL_HEAD;
	*sums = (struct wal_sums){.found = crc32c(0, padded, n), .expected = r->data_crc};
	r->data = (struct slice){padded, r->n};
	return sums->found == sums->expected;
}

struct wal_record wal_record_of_hard(const struct wal_hard *h, char text[static WAL_HARD_TEXT])
{
	MUST(h->vote.n <= WAL_VOTE_MAX);
	bool floored = h->floor_term > 0;
	size_t n = floored ? 24 : 8;
	put64(text, h->vote_term);
	if (floored) {
		put64(text + 8, h->floor_term);
		put64(text + 16, h->floor);
	}
	if (h->vote.n)
		memcpy(text + n, h->vote.p, h->vote.n);
	return (struct wal_record){
	        .kind = WAL_HARD, .type = floored, .term = h->term, .index = h->commit, .data = {text, n + h->vote.n}};
}

bool wal_record_to_hard(const struct wal_record *r, struct wal_hard *h)
{
	size_t n = r->type ? 24 : 8;
	if (r->type > 1 || r->data.n < n || r->data.n > n + WAL_VOTE_MAX)
		return false;
	*h = (struct wal_hard){
	        .term = r->term,
	        .commit = r->index,
	        .vote_term = get64(r->data.p),
	        .floor_term = r->type ? get64(r->data.p + 8) : 0,
	        .floor = r->type ? get64(r->data.p + 16) : 0,
	        .vote = {r->data.p + n, r->data.n - n},
	};
	return true;
}
