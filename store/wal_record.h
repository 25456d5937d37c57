/* The bytes of the log: the header of a segment, and one record, checked.
 *
 * All numbers are big endian. A segment:
 *
 *	0       8      16      24         32        40         44      60   64
 *	| magic | number | salt | last index | last term | prev end | zero | crc | record | record | … zeros
 *
 * "last" is the entry before the first record, `prev end` the offset up to which the segment before counts. The first
 * record is always the hard state. A record, at an offset that is a multiple of 8:
 *
 *	0          4          8   12       16      24     32     33     34     36   40
 *	| head crc | data crc | n | synced | index | term | kind | type | zero | at | data, padded
 *
 * head crc covers bytes 4…39, data crc the data with the zeros that pad it to a multiple of 8. Both are CRC-32C, the
 *first begun with a seed made from salt and number, so that no client can make a value that contains a record, and no
 *record of another segment counts. `at` is the record's own offset: a sector that strayed does not check. `synced`: see
 *wal.h, torn or corrupt. */
#ifndef STORE_WAL_RECORD_H
#define STORE_WAL_RECORD_H

#include "core/base/buf.h"
#include "core/base/types.h"
#include "store/wal.h"

enum {
	WAL_HEADER = 64,
	WAL_HEAD = 40, /* of a record */
	WAL_ALIGN = 8,
};

struct wal_header {
	uint64_t number, salt;
	raft_index last_index;
	raft_term last_term;
	uint32_t prev_end; /* 0: there is none before */
};

void wal_header_put(char out[static WAL_HEADER], const struct wal_header *h);
/* False: the checksum or the magic is wrong; then found and expected tell. */
struct wal_sums {
	uint32_t found, expected; /* checksum computed from the bytes; the one that stands there */
};
bool wal_header_get(const char in[static WAL_HEADER], struct wal_header *out, struct wal_sums *sums);
uint32_t wal_header_seed(const struct wal_header *h);

enum wal_kind {
	WAL_ENTRY = 1,
	WAL_HARD,  /* term, index: current term and commit; data: vote term u64, (type 1: floor), candidate */
	WAL_CUT,   /* drop the entries > index; term: of the entry at index */
	WAL_RESET, /* drop all entries, go on behind index, term */
	WAL_MARK,  /* nothing but its `synced` */
	WAL_KIND_END
};

struct wal_record {
	enum wal_kind kind;
	uint8_t type;
	raft_index index;
	raft_term term;
	uint32_t at, synced;
	uint32_t n, data_crc; /* as the head says */
	struct slice data;
};

/* Bytes that a record with n bytes of data takes. */
static inline uint64_t wal_record_size(uint64_t n)
{
	return WAL_HEAD + ((n + WAL_ALIGN - 1) & ~(uint64_t)(WAL_ALIGN - 1));
}

/* Appends one; n and data_crc are computed. */
void wal_record_put(struct buf *b, uint32_t seed, const struct wal_record *r);

/* The head of a record at offset `at`; data is left empty. False: it does not check. */
bool wal_record_head(
        const char in[static WAL_HEAD], uint32_t seed, uint32_t at, struct wal_record *out, struct wal_sums *sums);
/* Takes `padded`, the wal_record_size(n) - WAL_HEAD bytes behind the head, as data. False: they do not check. */
bool wal_record_data(struct wal_record *r, const char *padded, struct wal_sums *sums);

/* The hard state as a record, and back; the vote points into the record's data, resp. `text`. */
enum { WAL_HARD_TEXT = 24 + WAL_VOTE_MAX };
struct wal_record wal_record_of_hard(const struct wal_hard *h, char text[static WAL_HARD_TEXT]);
bool wal_record_to_hard(const struct wal_record *r, struct wal_hard *h);

#endif
