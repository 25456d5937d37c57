/* Reading a segment: the part of a file that is in memory, moved along as one reads. */
#ifndef STORE_WAL_WINDOW_H
#define STORE_WAL_WINDOW_H

#include "core/base/err.h"
#include "store/disk.h"
#include "store/wal_record.h"

enum { WAL_WINDOW = 64 << 10 }; /* bytes a read, unless a record is larger */

struct wal_window {
	struct disk *disk;
	struct disk_file file;
	bool open;
	char *p;
	size_t cap, n; /* bytes there are at p, from offset `from` */
	uint64_t from;
};

/* "<dir>/0000000007.wal" */
void wal_segment_name(char out[static DISK_PATH_MAX], const char *dir, uint32_t number);

/* Opens segment `number` in place of the one before; the memory is kept. An all-zero window with `disk` set is ready.
 */
enum err wal_window_open(struct wal_window *w, const char *dir, uint32_t number, enum disk_open how, struct fail *f);
/* n bytes at offset `at`, or as many as there are before the offset `limit` and the end of the file. Bytes at or behind
 * `limit` are never kept: they may be written later. Valid until the next call. */
enum err wal_window_at(struct wal_window *w, uint64_t at, size_t n, uint64_t limit, struct slice *out, struct fail *f);
/* The record at `at`, whole and checked, its data valid until the next call. ERR_TORN: it does not check, or goes
 * beyond the limit or the file's end; the text names file, offset and checksums. */
enum err wal_window_record(
        struct wal_window *w, uint32_t seed, uint32_t at, uint64_t limit, struct wal_record *out, struct fail *f);
void wal_window_close(struct wal_window *w);

#endif
