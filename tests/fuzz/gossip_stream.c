/* Any bytes, plain or sealed (seal.h), on a stream that somebody opened, and as the answer to a join of ours, cut
 * anywhere: the pool stays whole. */
#include "tests/fuzz/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct gossip_effects out;

static void step(struct gossip *g, struct gossip_event *ev)
{
	ev->now = NS_PER_S;
	gossip_step(g, ev, &out);
	MUST(gossip_invariants(g));
}

static void feed(struct gossip *g, uint32_t id, struct slice bytes, size_t cut)
{
	struct gossip_event ev = {.kind = GE_STREAM_DATA};
	ev.stream.id = id;
	ev.stream.data = slice_cut(bytes, 0, cut);
	step(g, &ev);
	ev.stream.data = slice_from(bytes, cut);
	step(g, &ev);
	ev = (struct gossip_event){.kind = GE_STREAM_CLOSED};
	ev.stream.id = id;
	step(g, &ev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct logbuf log = {.level = LOG_TRACE};
	struct slice key = S("0123456789abcdef");
	if (n < 2)
		return 0;
	struct gossip_config c = {.pool = data[0] & 1 ? GOSSIP_LAN : GOSSIP_OPEN,
	        .timing = gossip_local,
	        .name = S("us"),
	        .dc = S("dc1"),
	        .bind_port = 8301,
	        .log = &log,
	        .seed = 1,
	        .accept_plain = !(data[0] & 8),
	        .keys = {&key, data[0] >> 1 & 1}};
	MUST(gossip_addr_parse(S("10.0.0.1:8301"), 0, &c.addr));
	struct sealer sealer;
	sealer_init(&sealer, key, data[0]);
	struct gossip *g = gossip_new(&c, NULL);
	struct gossip_event ev = {.kind = GE_START};
	step(g, &ev);
	struct slice bytes = stream_wrap(&sealer.envelope, slice_from(slice_at(data, n), 2));
	size_t cut = bytes.n ? data[1] % (bytes.n + 1) : 0;
	ev = (struct gossip_event){.kind = GE_STREAM_OPENED};
	ev.stream.id = GOSSIP_STREAM_THEIRS | 1;
	ev.stream.peer = c.addr;
	step(g, &ev);
	feed(g, GOSSIP_STREAM_THEIRS | 1, bytes, cut);
	ev = (struct gossip_event){.kind = GE_JOIN, .tag = 1};
	ev.join.addrs = &c.addr;
	ev.join.n = 1;
	step(g, &ev);
	ev = (struct gossip_event){.kind = GE_STREAM_OPENED};
	ev.stream.id = 1;
	step(g, &ev);
	feed(g, 1, bytes, cut);
	gossip_free(g);
	sealer_free(&sealer);
	buf_free(&log.lines);
	return 0;
}
