#include "tests/unit/gossip/one.h"

#include "core/gossip/message.h"
#include "core/gossip/packet.h"

static const struct pair server_tags[] = {{S("role"), S("consul")}, {S("dc"), S("dc1")}, {S("id"), S("id-a")},
        {S("segment"), S("")}, {S("port"), S("8300")}, {S("vsn"), S("2")}, {S("build"), S("1.0.8:")}};

struct gossip_addr one_addr(const char *text)
{
	struct gossip_addr a;
	ASSERT(gossip_addr_parse(slice_of(text), 8301, &a));
	return a;
}

struct gossip_config one_config(struct one *o, const char *name)
{
	return (struct gossip_config){
	        .pool = GOSSIP_LAN,
	        .timing = gossip_lan,
	        .name = slice_of(name),
	        .addr = one_addr("127.8.1.1:8301"),
	        .bind_port = 8301,
	        .dc = S("dc1"),
	        .id = S("id-a"),
	        .tags = {(void *)(uintptr_t)server_tags, ARRAY_LEN(server_tags)},
	        .log = &o->log,
	        .seed = 1,
	};
}

void one_step(struct one *o, struct gossip_event *ev)
{
	ev->now = o->now;
	gossip_step(o->g, ev, &o->out);
	CHECK(gossip_invariants(o->g));
}

void one_begin_with(struct one *o, const struct gossip_config *c)
{
	o->g = gossip_new(c, NULL);
	ASSERT(o->g);
	o->now = 1000 * NS_PER_S;
	struct gossip_event ev = {.kind = GE_START};
	one_step(o, &ev);
}

void one_begin(struct one *o, const char *name)
{
	*o = (struct one){0};
	struct gossip_config c = one_config(o, name);
	one_begin_with(o, &c);
}

void one_end(struct one *o)
{
	gossip_free(o->g);
	gossip_effects_free(&o->out);
	buf_free(&o->log.lines);
}

const struct gossip_effect *one_effect(const struct one *o, enum gossip_effect_kind kind)
{
	for (size_t i = 0; i < o->out.n; i++)
		if (o->out.items[i].kind == kind)
			return &o->out.items[i];
	return NULL;
}

bool one_logged(const struct one *o, const char *text)
{
	return slice_search(buf_view(&o->log.lines), slice_of(text)) >= 0;
}

bool one_pass(struct one *o, dur_ns how_long, enum gossip_effect_kind until)
{
	mono_ns to = o->now + how_long;
	while (gossip_next(o->g) <= to) {
		o->now = gossip_next(o->g) > o->now ? gossip_next(o->g) : o->now;
		struct gossip_event ev = {.kind = GE_TIMER};
		one_step(o, &ev);
		if (one_effect(o, until))
			return true;
	}
	o->now = to;
	return false;
}

void one_packet(struct one *o, const char *from, struct slice data)
{
	struct gossip_event ev = {.kind = GE_PACKET};
	ev.packet.from = one_addr(from);
	ev.packet.data = data;
	one_step(o, &ev);
}

void one_message(struct one *o, const char *from, uint8_t type, const struct schema *s, const void *m)
{
	struct buf b = {0};
	message_put(&b, type, s, m);
	one_packet(o, from, buf_view(&b));
	buf_free(&b);
}

void one_user(struct one *o, const char *from, uint8_t type, const struct schema *s, const void *m)
{
	struct buf b = {0};
	buf_char(&b, SWIM_USER);
	message_put(&b, type, s, m);
	one_packet(o, from, buf_view(&b));
	buf_free(&b);
}

static const char vsn_bytes[] = {1, 5, 2, 2, 5, 4};

void one_alive_as(struct one *o, const char *name, const char *addr, uint32_t inc, struct slice meta)
{
	struct gossip_addr a = one_addr(addr);
	struct msg_alive m = {inc, a.port, slice_of(name), gossip_addr_bytes(&a), meta, slice_at(vsn_bytes, VSN_BYTES)};
	one_message(o, addr, SWIM_ALIVE, &msg_alive_schema, &m);
}

void one_alive(struct one *o, const char *name, const char *addr, uint32_t inc)
{
	one_alive_as(o, name, addr, inc, S_NONE);
}

void one_dead(struct one *o, const char *name, uint32_t inc, const char *from)
{
	struct msg_suspect m = {inc, slice_of(name), slice_of(from)};
	one_message(o, "127.8.1.9:8301", SWIM_DEAD, &msg_suspect_schema, &m);
}

enum gossip_status one_status(const struct one *o, const char *name, struct gossip_member *m)
{
	struct gossip_member own;
	m = m ? m : &own;
	return gossip_find(o->g, slice_of(name), m) ? m->status : GOSSIP_NONE;
}
