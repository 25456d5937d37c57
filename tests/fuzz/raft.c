/* Any bytes as requests and answers of Raft's peers: a server stays whole, whatever it is told. The input is cut into
 * pieces: what kind (who, which connection), a length, bytes. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft.h"
#include "core/raft/raft_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void turn(struct raft *r, struct effects *out)
{
	struct raft_install install;
	do {
		raft_flush(r, out);
		while (raft_next(r))
			;
		while (raft_drop(r))
			;
	} while (raft_unflushed(r));
	raft_flush_installs(r, out);
	if (raft_installed(r, &install))
		raft_install_done(r, install.index % 3 ? S_NONE : S("no"));
}

/* Answers get the tag of something that was asked, as a peer's would. */
static uint64_t tag_of(const struct effects *out, size_t nth, struct slice *peer, uint8_t *channel)
{
	for (size_t i = out->n; i > 0; i--) {
		const struct effect *e = &out->items[i - 1];
		if ((e->kind != EFF_RAFT_SEND && e->kind != EFF_RAFT_INSTALL) || nth--)
			continue;
		*peer = e->raft.peer;
		*channel = e->raft.channel;
		return e->raft.tag;
	}
	return 0;
}

static void piece(struct raft *r, struct effects *out, unsigned kind, struct slice bytes)
{
	struct slice peer = S("two");
	uint8_t channel = RAFT_BEAT;
	switch (kind & 7) {
	case 0: raft_closed(r, kind >> 3 & 3); break;
	case 1: raft_lost(r, S("two"), (enum raft_channel)(kind >> 3 & 3) % 3); break;
	case 2:
	case 3: {
		uint64_t tag = tag_of(out, kind >> 3, &peer, &channel);
		raft_answer(r, peer, (enum raft_channel)channel, tag, bytes);
		break;
	}
	default: raft_request(r, kind >> 3 & 3, bytes, S_NONE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct raft_server group[] = {
	        {S("one"), S("10.0.0.1:8300"), RAFT_VOTER}, {S("two"), S("10.0.0.2:8300"), RAFT_VOTER}};
	struct logbuf log = {.level = LOG_ERR};
	struct effects out = {0};
	struct fail f;
	mono_ns now = NS_PER_S;
	struct slice in = slice_at(data, n);
	const struct raft_options o = {.id = "one", .address = "10.0.0.1:8300", .protocol = 3, .seed = 1, .log = &log};
	struct raft *r = raft_new(&o);
	MUST(r);
	if (n && data[0] & 1)
		MUST(!raft_bootstrap(r, group, 2, &f));
	raft_start(r, now);
	for (in = slice_from(in, 1); in.n > 3;) {
		unsigned kind = (unsigned char)in.p[0];
		size_t len = (size_t)(unsigned char)in.p[1] << 8 | (unsigned char)in.p[2];
		now += (kind & 0x40 ? 700 : 10) * NS_PER_MS;
		raft_tick(r, now);
		piece(r, &out, kind, slice_cut(in, 3, 3 + len));
		turn(r, &out);
		if (out.n > 64) {
			out.n = 0;
			arena_reset(&out.mem, 0);
		}
		buf_reset(&log.lines, 0);
		in = slice_from(in, 3 + len);
	}
	raft_free(r);
	free(out.items);
	arena_free(&out.mem);
	buf_free(&log.lines);
	return 0;
}
