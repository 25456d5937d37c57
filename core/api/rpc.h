/* The server's RPC (port 8300): the bytes of one call → method → the bytes of its answer.
 *
 * As with HTTP, a call that can't be answered at once waits at the host, which keeps method name and arguments, and
 * runs it again. Scalars are bare in an answer; a call for which another server answered is passed on as it came. */
#ifndef CORE_API_RPC_H
#define CORE_API_RPC_H

#include "core/api/api.h"

struct rpc_reply {
	struct slice error; /* empty: `body` counts; in the api's arena, or constant */
	struct buf body;    /* one msgpack object; the host keeps the buffer */
	bool refused;       /* nobody can serve such a call: the stream ends behind the error, as in Go's net/rpc */
};

/* Any bytes for `args`; states as of api_http (never API_STREAM). The reply is emptied first. */
enum api_state api_rpc(
        struct api *a, struct slice method, struct slice args, struct rpc_reply *out, struct api_wait *wait);

/* The answer to a message that api_rpc sent. */
void api_rpc_finish(struct api *a, struct message *m, struct rpc_reply *out);

#endif
