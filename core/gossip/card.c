#include "core/gossip/card.h"

#include <stdlib.h>

#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/slice.h"

/* The text behind a key of the message's map. */
static struct slice text_of(struct slice message, struct slice key)
{
	struct mp_reader r = mp_read(slice_from(message, 1));
	for (uint32_t n = mp_map(&r); n && !r.failed; n--) {
		if (slice_eq(mp_str(&r), key))
			return mp_str(&r);
		mp_skip(&r);
	}
	return S_NONE;
}

struct slice card_name_in(struct slice message)
{
	return text_of(message, S("Node"));
}

static struct card *card_new(const struct msg_alive *m, const struct gossip_addr *addr, struct slice bytes)
{
	struct slice name = card_name_in(bytes), meta = text_of(bytes, S("Meta"));
	struct card *c = bytes.n <= UINT16_MAX ? malloc(sizeof *c + bytes.n) : NULL;
	if (!c)
		return NULL;
	*c = (struct card){
	        .refs = 1,
	        .incarnation = (uint32_t)m->incarnation,
	        .addr = *addr,
	        .name_at = (uint16_t)(name.p - bytes.p),
	        .name_n = (uint16_t)name.n,
	        .meta_at = meta.n ? (uint16_t)(meta.p - bytes.p) : 0,
	        .meta_n = (uint16_t)meta.n,
	        .n = (uint16_t)bytes.n,
	};
	memcpy(c->vsn, m->vsn.p, VSN_BYTES);
	memcpy(c->message, bytes.p, bytes.n);
	return c;
}

struct card *card_of(
        struct cards *shared, const struct msg_alive *m, const struct gossip_addr *addr, struct slice bytes)
{
	struct card *c = shared ? map_get(&shared->all, bytes) : NULL;
	if (c)
		return card_hold(c);
	c = card_new(m, addr, bytes);
	if (c && shared && !map_put(&shared->all, card_message(c), c, NULL)) {
		free(c);
		return NULL;
	}
	return c;
}

void card_drop(struct cards *shared, struct card *c)
{
	if (!c || --c->refs)
		return;
	if (shared)
		map_remove(&shared->all, card_message(c));
	free(c);
}

void cards_free(struct cards *all)
{
	MUST(!all->all.n);
	map_free(&all->all);
}

struct msg_alive card_alive(const struct card *c)
{
	return (struct msg_alive){
	        .incarnation = c->incarnation,
	        .port = c->addr.port,
	        .node = card_name(c),
	        .addr = gossip_addr_bytes(&c->addr),
	        .meta = card_meta(c),
	        .vsn = {(const char *)c->vsn, VSN_BYTES},
	};
}
