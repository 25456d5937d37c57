/* Snapshot streams that others open to us (byte 5 of the server port): a request with an archive behind it or none,
 * then our answer, then the end. Requests are gathered in memory (core/api/snapshot_call.h has the limit); at most
 * SNAPSHOT_STREAMS_MAX of them on a front at a time. Thread: the front's. */
#ifndef CMD_AGENT_FRONT_SNAPSHOT_H
#define CMD_AGENT_FRONT_SNAPSHOT_H

#include "cmd/agent/front_thread.h"
#include "net/stream.h"

enum { SNAPSHOT_STREAMS_MAX = 8 };

/* Takes over a connection whose first byte said so; a stream that is off its loop. False: it is not taken. */
bool front_snapshot_take(struct front *f, struct stream *s);
/* Ends them all. */
void front_snapshot_free(struct front *f);

#endif
