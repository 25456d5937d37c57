/* The disk as the log and the snapshots see it: twelve calls, so that recovery can be run against a disk that tears,
 * forgets and fills up (tests/sim/disk.h) as well as against the real one (disk_posix.h).
 *
 * Names are relative to the disk's root, with '/' between the parts, never "..". `struct disk` is the first member of
 * an implementation. Every call gives OK, or sets `f` to a sentence that names the file (and offset) and returns
 *   ERR_ABSENT  there is no such file or directory
 *   ERR_FULL    no space or quota left
 *   ERR_IO      everything else the disk can say
 *
 * What a caller may rely on after a crash:
 *   1. Bytes are on disk only after `sync` of that file gave OK. Until then any subset of the 512-byte sectors written
 *      since the last one may be there, each whole: in its old form or in any form it had since.
 *   2. A name (created, renamed, removed) is on disk only after `sync_dir` of its directory gave OK.
 *   3. A failed `sync` is final: the system may have dropped the pages that it could not write while showing them as
 *      clean, so a second sync may answer OK although the bytes never arrived. What was written since the last good
 *      sync must be taken for lost; the file can be read, not trusted, from there on.
 * Thread: a disk has no state that calls share; different threads may use different files at once. */
#ifndef STORE_DISK_H
#define STORE_DISK_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/types.h"

enum { DISK_PATH_MAX = 256, DISK_SECTOR = 512 };

enum disk_open {
	DISK_READ,   /* must exist */
	DISK_WRITE,  /* must exist; may be read too */
	DISK_CREATE, /* made, or emptied if it exists; may be read too */
};

/* An open file. The caller's memory; the fields are the implementation's but for those with a remark. */
struct disk_file {
	int handle;
	uint64_t size;            /* when it was opened */
	char name[DISK_PATH_MAX]; /* as given to open */
};

struct disk {
	const char *root; /* for texts: "/var/consul/", or "" */

	/* The names in a directory, sorted by bytes, without "." and "..": a list of struct slice, each ended by a NUL.
	 */
	enum err (*list)(struct disk *d, const char *dir, struct arena *a, struct list *names, struct fail *f);
	/* Makes a directory and those above it, all on disk when it returns; OK if it is there. */
	enum err (*make_dir)(struct disk *d, const char *dir, struct fail *f);
	enum err (*open)(struct disk *d, const char *name, enum disk_open how, struct disk_file *file, struct fail *f);
	void (*close)(struct disk *d, struct disk_file *file);
	/* Reads up to n bytes; fewer only at the end of the file. */
	enum err (*read)(
	        struct disk *d, struct disk_file *file, uint64_t at, void *p, size_t n, size_t *got, struct fail *f);
	/* Writes all of it. After a failure any part may have been written. */
	enum err (*write)(struct disk *d, struct disk_file *file, uint64_t at, const void *p, size_t n, struct fail *f);
	/* Makes the file at least `size` bytes, the new ones zero, and takes the space now rather than on writing. */
	enum err (*reserve)(struct disk *d, struct disk_file *file, uint64_t size, struct fail *f);
	/* Data and size on disk. */
	enum err (*sync)(struct disk *d, struct disk_file *file, struct fail *f);
	enum err (*rename)(struct disk *d, const char *from, const char *to, struct fail *f);
	enum err (*remove)(struct disk *d, const char *name, struct fail *f);
	/* It must be empty. */
	enum err (*remove_dir)(struct disk *d, const char *dir, struct fail *f);
	/* The names in a directory on disk. */
	enum err (*sync_dir)(struct disk *d, const char *dir, struct fail *f);
};

/* ---- small files, whole (disk.c) ---- */

/* Reads a file into the arena. One of more than `max` bytes is ERR_CORRUPT and not read. */
enum err disk_read_file(
        struct disk *d, const char *name, size_t max, struct arena *a, struct slice *out, struct fail *f);
/* Makes a file, or empties it, and writes it; with `sync` the bytes are on disk then, its name not yet. */
enum err disk_write_file(struct disk *d, const char *name, struct slice bytes, bool sync, struct fail *f);

#endif
