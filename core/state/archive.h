/* The archive: all replicated tables as the records of Consul's state.bin, both ways.
 *
 *   map {LastIndex} | type byte, msgpack | type byte, msgpack | …
 *
 * Consul's own form is lossy: a node's id, metadata and datacenter are not in it, and what is read back gets LastIndex
 * as index in the catalog. Its reader takes them, though, so that on our own disk we write them (ARCHIVE_WHOLE) and
 * lose nothing that was acknowledged; `consul snapshot save` gives Consul's bytes (ARCHIVE_AS_CONSUL).
 *
 * Writing: any thread, over a pinned root, piece by piece. Reading: core thread, into the working version. */
#ifndef CORE_STATE_ARCHIVE_H
#define CORE_STATE_ARCHIVE_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/state/apply.h"
#include "store/db.h"

enum archive_form { ARCHIVE_AS_CONSUL, ARCHIVE_WHOLE };

struct archive_writer {
	const struct db_root *r;
	enum archive_form form;
	unsigned stage;
	bool header_written, in_stage;
	struct cursor at;
	struct arena scratch;
};

void archive_write_begin(struct archive_writer *w, const struct db_root *r, enum archive_form form);
/* Appends records until at least `piece` bytes were added or all are written. True: there is more. Look at out->failed.
 */
bool archive_write_next(struct archive_writer *w, struct buf *out, size_t piece);
void archive_write_end(struct archive_writer *w);

struct archive_reader {
	struct state *s;
	bool header_read;
	raft_index last_index;
};

/* Empties the replicated tables of the working version (behind a savepoint). Lock delays are forgotten, too. */
void archive_read_begin(struct archive_reader *rd, struct state *s);
/* Takes whole records from the front of `bytes`, *used says how many bytes; the rest comes again with more behind it.
 */
enum err archive_read(struct archive_reader *rd, struct slice bytes, size_t *used, struct fail *f);
/* Keeps what was read when all went well, else everything is as it was before. `left`: bytes that archive_read did not
 * use at the end of the stream: any is a torn archive. Returns `err` or what the end says. */
enum err archive_read_end(struct archive_reader *rd, enum err err, size_t left, struct fail *f);

#endif
