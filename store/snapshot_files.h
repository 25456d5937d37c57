/* Snapshots on disk: which there are, which to keep, how one arrives whole or not at all.
 *
 * A snapshot is a directory `<dir>/<term>-<index>-<unix ms>` with meta.json and state.bin, in the layout of
 * hashicorp/raft's FileSnapshotStore, so that the directories of a real server and ours can be exchanged. It is written
 * as `….tmp`, synced, and then renamed; the two newest stay, and one while another is written, so that no more than two
 * times what they hold is ever used. What is in state.bin is the business of
 * core/state/archive: here it is bytes, with a CRC-64 (the "XZ" one) over them in meta.json.
 *
 * Errors name the file: ERR_IO, ERR_FULL from the disk, ERR_CORRUPT for a file that is not what it was written as.
 * Threads: no shared state; one writer at a time for a directory. `dir` is at most SNAPSHOT_DIR_MAX bytes. */
#ifndef STORE_SNAPSHOT_FILES_H
#define STORE_SNAPSHOT_FILES_H

#include "core/base/logline.h"
#include "core/base/schema.h"
#include "store/disk.h"

enum {
	SNAPSHOT_KEEP = 2,
	SNAPSHOT_DIR_MAX = 120,
	SNAPSHOT_ID_MAX = 63,
	SNAPSHOT_META_MAX = 1 << 20, /* a longer meta.json is not read */
};

struct snapshot_server {
	int64_t suffrage; /* 0 votes, 1 does not, 2 is about to */
	struct slice id, address;
};

struct snapshot_configuration {
	struct list servers; /* of struct snapshot_server */
};

struct snapshot_meta {
	int64_t version; /* 1; 0 is read, too */
	struct slice id; /* the name of the directory */
	raft_index index;
	raft_term term;
	struct slice peers; /* msgpack: array of the voters' addresses */
	struct snapshot_configuration configuration;
	raft_index configuration_index;
	int64_t size;     /* bytes of state.bin */
	struct slice crc; /* 8 bytes, big endian; only on disk */
};

extern const struct schema snapshot_meta_schema; /* as in an archive: without CRC */
extern const struct schema snapshot_file_schema; /* as in meta.json on disk */

/* The value of `peers`. */
void snapshot_peers(struct buf *out, const struct snapshot_configuration *c);

/* ---- writing ---- */

struct snapshot_writer {
	struct disk *disk;
	struct snapshot_meta meta;
	struct disk_file state;
	struct buf out;   /* not yet written */
	uint64_t at, crc; /* bytes written, their checksum */
	bool open;
	struct fail fail; /* the first error; sticky */
	char dir[SNAPSHOT_DIR_MAX + 1], id[SNAPSHOT_ID_MAX + 1];
};

/* Begins a snapshot in memory of the caller's. Of `meta` index, term, configuration and its index are used; the servers
 * must live until the end. What is left of interrupted ones is removed. After an error nothing needs to be ended. */
enum err snapshot_begin(struct snapshot_writer *w, struct disk *d, const char *dir, const struct snapshot_meta *meta,
        wall_ns now, struct fail *f);
/* Sticky: after an error nothing happens, and snapshot_finish tells it. */
void snapshot_write(struct snapshot_writer *w, struct slice bytes);
/* Syncs, names it, removes older ones. OK: it is there, whole, and durable. The writer is ended in any case. */
enum err snapshot_finish(struct snapshot_writer *w, struct logbuf *log, struct fail *f);
/* Ends it without a snapshot. */
void snapshot_abandon(struct snapshot_writer *w);

/* Removes those of this index and term. OK also when there is none. */
enum err snapshot_remove(struct disk *d, const char *dir, raft_index index, raft_term term, struct fail *f);

/* ---- reading ---- */

/* All that have a readable meta.json, newest first (term, index, id): a list of struct snapshot_meta. The others are
 * told in `log` (may be NULL), except interrupted ones. No directory is an empty list. */
enum err snapshot_list(
        struct disk *d, const char *dir, struct arena *a, struct list *out, struct logbuf *log, struct fail *f);

struct snapshot_reader {
	struct disk *disk;
	struct disk_file state;
	uint64_t at;
};

/* Opens state.bin after checking all of it: ERR_CORRUPT "…: CRC mismatch …". */
enum err snapshot_open(
        struct snapshot_reader *r, struct disk *d, const char *dir, const struct snapshot_meta *meta, struct fail *f);
/* Up to n bytes; 0 at the end. */
enum err snapshot_read(struct snapshot_reader *r, void *p, size_t n, size_t *got, struct fail *f);
void snapshot_close(struct snapshot_reader *r);

/* Opens the newest one that checks; those that do not are told in `log`. ERR_ABSENT: there is none. ERR_CORRUPT: there
 * are some, but none can be used. */
enum err snapshot_open_newest(struct snapshot_reader *r, struct snapshot_meta *meta, struct disk *d, const char *dir,
        struct arena *a, struct logbuf *log, struct fail *f);

#endif
