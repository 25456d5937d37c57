/* A snapshot stream to another server: byte 5, a request, the end of what we send; then all that comes back. One
 * connection each, for its bodies may be large. The whole answer is gathered in memory (at most SNAPSHOT_CALL_MAX).
 *
 * Thread: the loop's. */
#ifndef CMD_AGENT_SNAPSHOT_STREAM_H
#define CMD_AGENT_SNAPSHOT_STREAM_H

#include "cmd/agent/rpc_tls.h"
#include "core/method/call.h"
#include "net/loop.h"

struct snapshot_stream;

/* As forward_begin: `done` once, never from inside; args and tail are copied. NULL: no memory. */
struct snapshot_stream *snapshot_stream_begin(struct loop *l, const struct rpc_tls *tls,
        const struct call_forward *what, void (*done)(void *owner, const struct call_answer *a), void *owner);
/* Silently. */
void snapshot_stream_cancel(struct snapshot_stream *s);

#endif
