#include "cmd/agent/gossip_resolve.h"

#include <stdlib.h>

#include "core/base/num.h"
#include "core/base/slice.h"
#include "net/address.h"

struct resolve *resolve_new(struct list names, uint16_t port, int pool, uint64_t tag)
{
	struct resolve *r = calloc(1, sizeof *r);
	const struct slice *from = names.items;
	struct slice *to = r ? ARENA_ARRAY(&r->mem, struct slice, names.n + 1) : NULL;
	if (!to) {
		free(r);
		return NULL;
	}
	for (uint32_t i = 0; i < names.n; i++)
		to[i] = arena_copy(&r->mem, from[i]);
	r->names = (struct list){to, names.n};
	r->errors = (struct list){ARENA_ARRAY(&r->mem, struct slice, names.n + 1), 0};
	r->addrs = ARENA_ARRAY(&r->mem, struct gossip_addr, (size_t)(names.n + 1) * RESOLVE_EACH_MAX);
	r->port = port;
	r->pool = pool;
	r->tag = tag;
	if (r->errors.items && r->addrs)
		return r;
	resolve_free(r);
	return NULL;
}

void resolve_free(struct resolve *r)
{
	arena_free(&r->mem);
	free(r);
}

bool resolve_here(struct resolve *r)
{
	const struct slice *names = r->names.items;
	for (uint32_t i = 0; i < r->names.n; i++)
		if (!gossip_addr_parse(names[i], r->port, &r->addrs[r->n++])) {
			r->n = 0;
			return false;
		}
	return true;
}

static void add(struct resolve *r, const struct address *a)
{
	struct gossip_addr *to = &r->addrs[r->n++];
	*to = (struct gossip_addr){.port = a->port};
	if (a->kind == ADDRESS_IP4)
		to->ip = ip_of_v4(a->ip);
	else
		memcpy(to->ip.b, a->ip, sizeof a->ip);
}

static enum err resolve_one(struct resolve *r, struct slice name, struct fail *f)
{
	struct slice host = name, port_text;
	uint64_t port = r->port;
	char text[256];
	struct address found[RESOLVE_EACH_MAX];
	unsigned n = 0;
	if (slice_find(name, ':') >= 0) {
		enum err e = address_split(name, &host, &port_text, f);
		e = e ? e : num_u64(port_text, &port, f);
		if (e)
			return e;
	}
	if (port > UINT16_MAX || host.n >= sizeof text)
		return fail_set(f, ERR_INVALID, "not an address");
	enum err e =
	        address_resolve(slice_cstr(host, text, sizeof text), (uint16_t)port, found, RESOLVE_EACH_MAX, &n, f);
	for (unsigned i = 0; !e && i < n && i < RESOLVE_EACH_MAX; i++)
		add(r, &found[i]);
	return e;
}

void resolve_all(struct resolve *r)
{
	const struct slice *names = r->names.items;
	struct slice *errors = r->errors.items;
	for (uint32_t i = 0; i < r->names.n; i++) {
		struct fail f;
		if (gossip_addr_parse(names[i], r->port, &r->addrs[r->n])) {
			r->n++;
		} else if (resolve_one(r, names[i], &f)) {
			errors[r->errors.n++] = arena_str(&r->mem, "Failed to resolve %.*s: %s", PS(names[i]), f.text);
		}
	}
}
