#include "cmd/agent/tail.h"

#include "core/base/slice.h"

void tail_put(struct tail *t, struct slice piece)
{
	if (piece.n > TAIL_MAX) {
		t->total += piece.n - TAIL_MAX;
		piece = slice_from(piece, piece.n - TAIL_MAX);
	}
	size_t at = t->total % TAIL_MAX, first = TAIL_MAX - at < piece.n ? TAIL_MAX - at : piece.n;
	if (!piece.n)
		return;
	memcpy(t->bytes + at, piece.p, first);
	memcpy(t->bytes, piece.p + first, piece.n - first);
	t->total += piece.n;
}

void tail_read(const struct tail *t, struct buf *out)
{
	size_t at = t->total % TAIL_MAX;
	if (t->total < TAIL_MAX) {
		buf_bytes(out, t->bytes, t->total);
		return;
	}
	buf_bytes(out, t->bytes + at, TAIL_MAX - at);
	buf_bytes(out, t->bytes, at);
}
