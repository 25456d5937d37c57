#include "core/gossip/joinable.h"

#include "core/base/map.h"
#include "core/base/slice.h"
#include "core/gossip/tags.h"

/* Older ones could share an id that was made from the host. */
static bool id_counts(struct slice meta)
{
	uint32_t v[3];
	static const uint32_t since[3] = {0, 8, 5};
	if (!tags_build(tags_find(meta, S("build"), NULL), v))
		return false;
	for (int i = 0; i < 3; i++)
		if (v[i] != since[i])
			return v[i] > since[i];
	return true;
}

static enum err check_id(
        const struct gossip_config *us, const struct candidate *c, struct map *ids, struct clash *clash, struct fail *f)
{
	struct slice id = tags_find(c->meta, S("id"), NULL);
	if (!id.n || c->dead)
		return OK;
	*clash = (struct clash){c, NULL};
	if (slice_eq(id, us->id) && !slice_eq(c->name, us->name))
		return fail_set(f, ERR_DENIED, "Member '%.*s' has conflicting node ID '%.*s' with this agent's ID",
		        PS(c->name), PS(id));
	clash->other = map_get(ids, id);
	if (clash->other)
		return fail_set(f, ERR_DENIED, "Member '%.*s' has conflicting node ID '%.*s' with member '%.*s'",
		        PS(c->name), PS(id), PS(clash->other->name));
	*clash = (struct clash){0};
	if (id_counts(c->meta))
		map_put(ids, id, (void *)(uintptr_t)c, NULL);
	return OK;
}

static enum err check_lan(
        const struct gossip_config *us, const struct candidate *c, struct map *ids, struct clash *clash, struct fail *f)
{
	struct server_tags server;
	enum err e = check_id(us, c, ids, clash, f);
	bool consul = slice_eq(tags_find(c->meta, S("role"), NULL), S("node")) || tags_server(c->meta, &server);
	struct slice dc = tags_find(c->meta, S("dc"), NULL), segment = tags_find(c->meta, S("segment"), NULL);
	if (!e && consul && !slice_eq(dc, us->dc))
		e = fail_set(f, ERR_DENIED, "Member '%.*s' part of wrong datacenter '%.*s'", PS(c->name), PS(dc));
	if (!e && !slice_eq(segment, us->segment))
		e = fail_set(f, ERR_DENIED, "Member '%.*s' part of wrong segment '%.*s' (expected '%.*s')", PS(c->name),
		        PS(segment), PS(us->segment));
	return e;
}

static enum err check_wan(const struct candidate *c, struct fail *f)
{
	struct server_tags server;
	if (tags_server(c->meta, &server))
		return OK;
	return fail_set(f, ERR_DENIED, "Member '%.*s' is not a server", PS(c->name));
}

static struct slice describe(const struct gossip_config *us, const struct candidate *c, struct arena *a)
{
	char addr[GOSSIP_ADDR_TEXT];
	gossip_addr_print(&c->addr, addr);
	return arena_str(a, "'%.*s' at %s is of datacenter '%.*s', we ('%.*s') are of '%.*s'", PS(c->name), addr,
	        PS(tags_find(c->meta, S("dc"), NULL)), PS(us->name), PS(us->dc));
}

enum err joinable(const struct gossip_config *us, const struct candidate *them, uint32_t n, struct arena *a,
        struct slice *detail, struct clash *clash, struct fail *f)
{
	enum err e = OK;
	struct map ids;
	struct clash nobody;
	clash = clash ? clash : &nobody;
	*clash = (struct clash){0};
	*detail = S_NONE;
	if (us->pool == GOSSIP_OPEN)
		return OK;
	map_init(&ids, us->seed);
	for (uint32_t i = 0; i < n && !e; i++) {
		e = us->pool == GOSSIP_LAN ? check_lan(us, &them[i], &ids, clash, f) : check_wan(&them[i], f);
		if (e)
			*detail = describe(us, &them[i], a);
	}
	map_free(&ids);
	return e;
}
