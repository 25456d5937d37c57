/* BoltDB files, read only: the log of a real Consul server (raft/raft.db), so that its data directory can be taken
 * over.
 *
 * The file is pages of one size; a bucket is a B+ tree of them, the root bucket's values are buckets (layout in
 * bolt.c). Of the two meta pages the valid one with the higher transaction id counts, so a file of a server that was
 * killed reads as its last commit left it. The process that writes the file holds a lock on it: read it when nobody
 * does.
 *
 * Total and bounded: a page, key or value is believed only inside the file and inside its page, each page is visited at
 * most once a walk, keys must ascend. What can't be right is ERR_CORRUPT, "<file>: offset N: …". Memory: one page a
 * level of the tree, the value's pages included (at most BOLT_PAGE_MAX). */
#ifndef STORE_BOLT_H
#define STORE_BOLT_H

#include "store/disk.h"

enum {
	BOLT_DEPTH_MAX = 16,       /* levels of a tree; the smallest page holds two keys a level */
	BOLT_PAGE_MAX = 256 << 20, /* bytes of one page with what follows it: a value and its neighbours */
};

struct bolt {
	struct disk *disk;
	struct disk_file file;
	uint32_t page_size;
	uint64_t pages; /* in use; what lies behind is not of this transaction */
	uint64_t root;  /* page of the bucket of buckets */
	uint64_t txid;
};

/* A page in memory. */
struct bolt_page {
	char *bytes;
	size_t n;    /* of them */
	uint64_t at; /* offset in the file */
	uint32_t count, next;
	bool leaf;
};

/* Walks a bucket in the order of its keys. */
struct bolt_cursor {
	struct bolt *bolt;
	struct bolt_page pages[BOLT_DEPTH_MAX]; /* from the root down to a leaf */
	unsigned depth;
	uint64_t visits;
};

/* Opens a file and chooses its meta page. ERR_ABSENT, ERR_IO, ERR_CORRUPT. */
enum err bolt_open(struct bolt *b, struct disk *d, const char *name, struct fail *f);
void bolt_close(struct bolt *b);

/* Begins a walk over a top-level bucket. ERR_ABSENT: there is none of that name. To be closed in any case. */
enum err bolt_cursor_open(struct bolt_cursor *c, struct bolt *b, struct slice bucket, struct fail *f);
/* The next pair, valid until the next call; key->p NULL behind the last. */
enum err bolt_next(struct bolt_cursor *c, struct slice *key, struct slice *value, struct fail *f);
void bolt_cursor_close(struct bolt_cursor *c);

#endif
