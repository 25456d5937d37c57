/* Any bytes as messages of net/rpc: cut anywhere they give what they give in one piece, and what is written of a header
 * reads as it was. */
#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/rpc_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void there_and_back(const struct rpc_head *h)
{
	struct buf b = {0};
	struct rpc_cut c = RPC_CUT;
	struct rpc_message m;
	rpc_put_answer(&b, h->error, h->seq, h->method);
	mp_put_map(&b, 0);
	MUST(rpc_cut(&c, buf_view(&b), 1 << 20, &m) == RPC_CUT_WHOLE && m.n == b.n && m.body.n == 1);
	MUST(m.head.seq == h->seq && slice_eq(m.head.method, h->method) && slice_eq(m.head.error, h->error));
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum { LIMIT = 4096 };
	if (!n)
		return 0;
	struct slice bytes = slice_from(slice_at(data, n), 1);
	for (;;) {
		struct rpc_cut whole = RPC_CUT, pieces = RPC_CUT;
		struct rpc_message m, same;
		enum rpc_cut_got got = rpc_cut(&whole, bytes, LIMIT, &m), again = RPC_CUT_MORE;
		size_t step = 1 + data[0] % 7u;
		for (size_t at = 0; at < bytes.n && again == RPC_CUT_MORE; at += step)
			again = rpc_cut(&pieces, slice_cut(bytes, 0, at + step), LIMIT, &same);
		MUST(got == again || !bytes.n);
		if (got != RPC_CUT_WHOLE)
			return 0;
		MUST(m.n == same.n && m.n <= LIMIT && slice_eq(m.body, same.body));
		there_and_back(&m.head);
		bytes = slice_from(bytes, m.n);
	}
}
