/* The encoding of port 8400 as its reference reads and writes it (0.7.5: command/agent/rpc.go with go-msgpack).
 *
 * Structures are maps with sorted keys; reading, an array in the order of the declaration will do, too. Strings are
 * raw or str8, never bin; bytes may be any of them. What a message leaves out stays as it was, nil makes it zero. */
#ifndef CORE_API_IPC_WIRE_H
#define CORE_API_IPC_WIRE_H

#include "core/base/msgpack.h"
#include "core/base/schema.h"

/* Fills `obj`, described by a schema of F_STR, F_BYTES, F_INT, F_UINT, F_BOOL, F_STRS and F_MAP fields. Sticky: look at
 * r->failed. Strings point into the input, lists lie in the arena. */
void ipc_read(struct mp_reader *r, const struct schema *s, void *obj, struct arena *a);

/* The head of an answer. */
void ipc_put_head(struct buf *out, uint64_t seq, struct slice error);

#endif
