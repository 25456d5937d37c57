#include "core/leader/servers.h"

#include "core/base/slice.h"
#include "core/gossip/tags.h"
#include "core/leader/peers.h"

enum { PROTOCOL_UNSAID = 1, PROTOCOL_IDS = 2, PROTOCOL_NONVOTERS = 3, SELF_NEEDS = 3 };

int64_t servers_raft_protocol(const struct db_root *r)
{
	struct cursor c;
	const struct server *s;
	int64_t least = -1;
	servers_lan(&c, r);
	while ((s = server_next(&c))) {
		int64_t own = s->raft_version ? s->raft_version : PROTOCOL_UNSAID;
		if (s->alive && (least < 0 || own < least))
			least = own;
	}
	return least;
}

static bool build_since(struct slice build, const uint32_t version[static 3])
{
	uint32_t own[3];
	if (!tags_build(build, own))
		return true;
	for (int i = 0; i < 3; i++)
		if (own[i] != version[i])
			return own[i] > version[i];
	return true;
}

bool servers_all_since(const struct db_root *r, const uint32_t version[static 3])
{
	struct cursor c;
	const struct server *s;
	servers_lan(&c, r);
	while ((s = server_next(&c)))
		if (!build_since(s->build, version))
			return false;
	return true;
}

bool servers_peers_known(const struct db_root *r)
{
	struct cursor c;
	const struct peer *p;
	size_t n = 0, known = 0;
	peers_open(&c, r);
	for (; (p = peers_next(&c)); n++)
		known += server_by_id(r, p->id) || server_by_address(r, p->address);
	return n < 2 || known == n;
}

bool servers_alive(const struct db_root *r, const struct raft_server *s)
{
	struct cursor c;
	const struct server *known;
	servers_lan(&c, r);
	while ((known = server_next(&c)))
		if (known->alive && (slice_eq(known->id, s->id) || slice_eq(known->address, s->address)))
			return true;
	return false;
}

size_t servers_voters(const struct raft_server *servers, size_t n)
{
	size_t voters = 0;
	for (size_t i = 0; i < n; i++)
		voters += servers[i].suffrage == RAFT_VOTER;
	return voters;
}

/* ---- joining ---- */

/* Two that were both told to begin a cluster have begun two. */
static bool two_begin(const struct raft_view *v, const struct server *s)
{
	struct cursor c;
	const struct server *other;
	if (!s->bootstrap)
		return false;
	servers_lan(&c, v->root);
	while ((other = server_next(&c)))
		if (other->bootstrap && !slice_eq(other->name, s->name)) {
			log_err(v->log,
			        "consul: '%.*s' and '%.*s' are both in bootstrap mode. Only one node should be in "
			        "bootstrap mode, not adding Raft peer.",
			        PS(s->name), PS(other->name));
			return true;
		}
	return false;
}

/* The id by which Raft knows it: below protocol 3 servers are their addresses. */
static struct slice raft_id(const struct server *s)
{
	return s->raft_version >= PROTOCOL_NONVOTERS ? s->id : s->address;
}

static bool remove_server(struct server_change *out, const struct raft_server *r)
{
	*out = (struct server_change){RAFT_REMOVE, r->id, r->address};
	return true;
}

/* How a server that Raft does not know yet, or at another address, comes in. */
static bool add_server(const struct server *s, int64_t protocol, struct server_change *out)
{
	enum raft_change kind = protocol >= PROTOCOL_NONVOTERS ? RAFT_ADD_NONVOTER : RAFT_ADD_VOTER;
	struct slice id = protocol >= PROTOCOL_IDS ? raft_id(s) : s->address;
	*out = (struct server_change){kind, id, s->address};
	return true;
}

bool server_joined(const struct raft_view *v, const struct server *s, struct server_change *out)
{
	int64_t protocol = servers_raft_protocol(v->root);
	const struct raft_server *known = NULL;
	/* Removing ourselves would end our leadership: only where others can take over. */
	bool fixed = slice_eq(s->name, v->self) && v->n < SELF_NEEDS;
	if (two_begin(v, s) || protocol < 0)
		return false;
	for (size_t i = 0; i < v->n; i++) {
		const struct raft_server *r = &v->servers[i];
		bool here = slice_eq(r->address, s->address), same = slice_eq(r->id, raft_id(s));
		if (here && (same || protocol < PROTOCOL_IDS || s->raft_version < PROTOCOL_NONVOTERS))
			return false;
		if (here)
			return !fixed && remove_server(out, r);
		if (same)
			known = r;
	}
	/* Adding a known id changes its address alone, which nobody below protocol 3 can say. */
	if (known && protocol < PROTOCOL_NONVOTERS)
		return !fixed && remove_server(out, known);
	return (known || !fixed) && add_server(s, protocol, out);
}

/* ---- leaving ---- */

/* Would those that are alive still be a majority without it? */
static bool can_spare(const struct raft_view *v, const struct raft_server *leaver)
{
	size_t voters = 0, alive = 0;
	if (leaver->suffrage != RAFT_VOTER)
		return true;
	for (size_t i = 0; i < v->n; i++) {
		const struct raft_server *r = &v->servers[i];
		if (r == leaver || r->suffrage != RAFT_VOTER)
			continue;
		voters++;
		alive += servers_alive(v->root, r);
	}
	return alive >= voters / 2 + 1;
}

static bool let_go(
        const struct raft_view *v, const struct server *s, const struct raft_server *r, struct server_change *out)
{
	if (can_spare(v, r))
		return remove_server(out, r);
	log_warn(v->log,
	        "consul: '%.*s' left but keeps its vote: without it the servers that are alive would be no majority. "
	        "If it "
	        "is gone for good: consul operator raft remove-peer -address=%.*s",
	        PS(s->name), PS(r->address));
	return false;
}

bool server_left(const struct raft_view *v, const struct server *s, struct server_change *out)
{
	int64_t protocol = servers_raft_protocol(v->root);
	for (size_t i = 0; i < v->n; i++) {
		const struct raft_server *r = &v->servers[i];
		if (protocol >= PROTOCOL_IDS && s->id.n && slice_eq(r->id, s->id)) {
			log_info(v->log, "consul: removing server by ID: \"%.*s\"", PS(r->id));
			return let_go(v, s, r, out);
		}
		if (slice_eq(r->address, s->address)) {
			log_info(v->log, "consul: removing server by address: \"%.*s\"", PS(r->address));
			return let_go(v, s, r, out);
		}
	}
	return false;
}
