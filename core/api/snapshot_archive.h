/* A snapshot as people keep it: a gzipped tar of meta.json, state.bin and SHA256SUMS, which has the sums of the other
 * two (Consul 1.0.8: snapshot/archive.go), so that backups move both ways between our servers and the real ones. */
#ifndef CORE_API_SNAPSHOT_ARCHIVE_H
#define CORE_API_SNAPSHOT_ARCHIVE_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "store/snapshot_files.h"

enum { SNAPSHOT_UNPACKED_MAX = 1 << 30 };

/* Appends the archive of `state`. Look at out->failed. */
void snapshot_pack(struct buf *out, const struct snapshot_meta *meta, struct slice state, wall_ns now);

/* Unpacks and checks all of an archive. *state and what *meta points to lie in `tar` and in the arena; the caller frees
 * tar in any case. Errors as the reference has them: "failed to decompress snapshot: …", "failed to read snapshot file:
 * …". */
enum err snapshot_unpack(struct slice archive, struct buf *tar, struct arena *a, struct snapshot_meta *meta,
        struct slice *state, struct fail *f);

#endif
