/* The messages of Go's net/rpc in msgpack: a header, then one object, with nothing between and nothing in front.
 *
 *   request  {Seq, ServiceMethod}         argument
 *   answer   {Error, Seq, ServiceMethod}  body; an empty map when Error is not empty
 *
 * Pure: bytes in, structure out. Strings are of the old raw family, keys in the order of the alphabet. */
#ifndef NET_RPC_FRAME_H
#define NET_RPC_FRAME_H

#include "core/base/buf.h"
#include "core/base/msgpack.h"
#include "core/base/types.h"

struct rpc_head {
	uint64_t seq;
	struct slice method, error;
};

/* Cuts messages out of bytes that come in pieces; what was looked at is not looked at again. */
struct rpc_cut {
	struct mp_scan scan;
	size_t head; /* bytes of the header, when that is whole */
};
#define RPC_CUT ((struct rpc_cut){.scan = {.due = 1}})

struct rpc_message {
	struct rpc_head head;
	struct slice body;
	size_t n; /* bytes of both */
};

enum rpc_cut_got {
	RPC_CUT_MORE,  /* not whole yet: come again with more behind it */
	RPC_CUT_WHOLE, /* *out points into the bytes; the next message begins behind out->n of them */
	RPC_CUT_BAD,   /* no message, or longer than `limit` */
};
/* Give all bytes from the message's first each time; after a whole one, those behind it. */
enum rpc_cut_got rpc_cut(struct rpc_cut *c, struct slice bytes, size_t limit, struct rpc_message *out);

void rpc_put_request(struct buf *b, uint64_t seq, struct slice method);
void rpc_put_answer(struct buf *b, struct slice error, uint64_t seq, struct slice method);

#endif
