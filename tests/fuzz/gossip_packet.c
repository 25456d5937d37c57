/* Any bytes as packets of a member, plain, sealed and after opening: the pool stays whole. The first byte chooses
 * (seal.h); then each packet is a big endian length and its bytes. */
#include "tests/fuzz/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void step(struct gossip *g, struct gossip_event *ev, mono_ns *now)
{
	static struct gossip_effects out;
	*now += 150 * NS_PER_MS;
	ev->now = *now;
	gossip_step(g, ev, &out);
	MUST(gossip_invariants(g));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct logbuf log = {.level = LOG_TRACE};
	struct slice key = S("0123456789abcdef");
	mono_ns now = NS_PER_S;
	if (!n)
		return 0;
	struct gossip_config c = {.pool = data[0] & 1 ? GOSSIP_LAN : GOSSIP_OPEN,
	        .timing = gossip_local,
	        .name = S("us"),
	        .dc = S("dc1"),
	        .bind_port = 8301,
	        .log = &log,
	        .seed = 1,
	        .accept_plain = !(data[0] & 8),
	        .keys = {&key, data[0] >> 1 & 1},
	        .resolve_conflicts = true,
	        .snapshot = true};
	MUST(gossip_addr_parse(S("10.0.0.1:8301"), 0, &c.addr));
	struct sealer sealer;
	sealer_init(&sealer, key, data[0]);
	struct gossip *g = gossip_new(&c, NULL);
	struct gossip_event ev = {.kind = GE_START};
	step(g, &ev, &now);
	struct slice rest = slice_from(slice_at(data, n), 1);
	while (rest.n >= 2) {
		size_t size = (size_t)((uint8_t)rest.p[0] << 8 | (uint8_t)rest.p[1]);
		ev = (struct gossip_event){.kind = GE_PACKET};
		MUST(gossip_addr_parse(S("10.0.0.2:8301"), 0, &ev.packet.from));
		ev.packet.data = packet_wrap(&sealer.envelope, slice_cut(rest, 2, 2 + size));
		step(g, &ev, &now);
		ev = (struct gossip_event){.kind = GE_TIMER};
		step(g, &ev, &now);
		rest = slice_from(rest, 2 + size);
	}
	gossip_free(g);
	sealer_free(&sealer);
	buf_free(&log.lines);
	return 0;
}
