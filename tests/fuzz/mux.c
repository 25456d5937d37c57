/* Any bytes as a yamux session, cut anywhere, at an owner who writes, closes and resets as the first byte says: the
 * machine stays whole. What comes out of it is fed to another side, which must find it well-formed as long as ours
 * does. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/mux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct thing {
	struct mux_stream ms;
	unsigned seen;
};

static void answer(struct mux *m, struct thing *t, const struct mux_event *ev, uint8_t mood)
{
	static const char big[MUX_WINDOW / 4];
	const struct slice parts[] = {ev->data, slice_at(big, mood & 1 ? sizeof big : 3)};
	switch (ev->kind) {
	case MUX_OPENED:
		if (mood & 2 && m->streams == 3)
			mux_reset(m, &t->ms);
		break;
	case MUX_DATA:
		if (mood & 4)
			mux_taken(m, &t->ms, ev->data.n);
		MUST(mux_write(m, &t->ms, parts, 2));
		if (mood & 8 && ++t->seen == 3)
			mux_reset(m, &t->ms);
		else if (mood & 16 && t->seen++ == 4)
			mux_close(m, &t->ms);
		break;
	case MUX_ENDED: mux_close(m, &t->ms); break;
	default: break;
	}
}

static void feed(struct mux *m, struct slice bytes, size_t cut, uint8_t mood)
{
	struct mux_event ev;
	struct slice in = slice_cut(bytes, 0, cut);
	for (int piece = 0; piece < 2; piece++) {
		enum mux_kind kind;
		size_t rest = in.n;
		while ((kind = mux_step(m, &in, &ev)) != MUX_IDLE && kind != MUX_BROKEN) {
			answer(m, (struct thing *)(void *)ev.stream, &ev, mood);
			MUST(mux_invariants(m));
		}
		MUST(in.n <= rest && (kind == MUX_BROKEN || in.n < MUX_HEAD));
		in = slice_from(bytes, cut - in.n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 3)
		return 0;
	uint8_t mood = data[0];
	size_t cut = (size_t)(data[1] << 8 | data[2]);
	struct slice bytes = slice_at(data + 3, n - 3);
	struct mux m;
	mux_init(&m, mood & 32 ? MUX_CLIENT : MUX_SERVER, sizeof(struct thing), 4, 1);
	for (int i = 0; mood & 32 && i < 3; i++) {
		const struct slice hello = S("hello");
		MUST(mux_write(&m, mux_open(&m), &hello, 1));
	}
	feed(&m, bytes, cut < bytes.n ? cut : bytes.n, mood);
	mux_ping(&m);
	MUST(!m.out.failed);
	mux_free(&m);
	return 0;
}
