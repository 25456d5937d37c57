#include "core/leader/peers.h"

#include "core/base/must.h"
#include "store/model.h"

static const struct field peer_fields[] = {
        FIELD(struct peer, id, "id", F_STR, 0),
        FIELD(struct peer, address, "address", F_STR, 0),
        FIELD(struct peer, suffrage, "suffrage", F_INT, 0),
};
static const struct schema peer_schema = SCHEMA(struct peer, "raft.Server", peer_fields);

void peers_set(struct db *db, const struct raft_server *servers, size_t n)
{
	db_remove_prefix(db, TREE_RAFT_PEERS, S_NONE);
	for (size_t i = 0; i < n; i++) {
		const char place[] = {(char)(i >> 8), (char)i};
		const struct peer p = {servers[i].id, servers[i].address, servers[i].suffrage};
		struct item *it = model_item(db, (struct slice){place, sizeof place}, &peer_schema, &p);
		MUST(it && db_put(db, TREE_RAFT_PEERS, it));
	}
}

void peers_open(struct cursor *c, const struct db_root *r)
{
	cursor_prefix(c, r, TREE_RAFT_PEERS, S_NONE);
}

const struct peer *peers_next(struct cursor *c)
{
	const struct item *it = cursor_next(c);
	return it ? item_payload(it) : NULL;
}

size_t peers_voters(const struct db_root *r)
{
	struct cursor c;
	const struct peer *p;
	size_t n = 0;
	peers_open(&c, r);
	while ((p = peers_next(&c)))
		n += p->suffrage == RAFT_VOTER;
	return n;
}
