#include "net/rpc_frame.h"

#include "core/base/slice.h"

/* Names that we do not know are skipped, those that are missing are zero: as Go reads structures. */
static bool read_head(struct slice bytes, struct rpc_head *out)
{
	struct mp_reader r = mp_read(bytes);
	*out = (struct rpc_head){0};
	for (uint32_t n = mp_map(&r); n && !r.failed; n--) {
		struct slice key = mp_str(&r);
		if (slice_is(key, "Seq"))
			out->seq = mp_u64(&r);
		else if (slice_is(key, "ServiceMethod"))
			out->method = mp_str(&r);
		else if (slice_is(key, "Error"))
			out->error = mp_str(&r);
		else
			mp_skip(&r);
	}
	return !r.failed;
}

enum rpc_cut_got rpc_cut(struct rpc_cut *c, struct slice bytes, size_t limit, struct rpc_message *out)
{
	while (bytes.n > c->head) {
		size_t n = mp_scan(&c->scan, slice_from(bytes, c->head), limit - c->head);
		if (n == SIZE_MAX)
			return RPC_CUT_BAD;
		if (!n)
			return RPC_CUT_MORE;
		c->scan = MP_SCAN;
		if (!c->head) {
			c->head = n;
			continue;
		}
		*out = (struct rpc_message){.body = slice_cut(bytes, c->head, c->head + n), .n = c->head + n};
		bool good = read_head(slice_cut(bytes, 0, c->head), &out->head);
		*c = RPC_CUT;
		return good ? RPC_CUT_WHOLE : RPC_CUT_BAD;
	}
	return RPC_CUT_MORE;
}

void rpc_put_request(struct buf *b, uint64_t seq, struct slice method)
{
	mp_put_map(b, 2);
	mp_put_str(b, S("Seq"));
	mp_put_u64(b, seq);
	mp_put_str(b, S("ServiceMethod"));
	mp_put_str(b, method);
}

void rpc_put_answer(struct buf *b, struct slice error, uint64_t seq, struct slice method)
{
	mp_put_map(b, 3);
	mp_put_str(b, S("Error"));
	mp_put_str(b, error);
	mp_put_str(b, S("Seq"));
	mp_put_u64(b, seq);
	mp_put_str(b, S("ServiceMethod"));
	mp_put_str(b, method);
}
