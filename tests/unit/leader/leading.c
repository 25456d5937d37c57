#include "tests/unit/leader/leading.h"

#include "core/agent/servers.h"
#include "core/gossip/tags.h"

static void submit(void *host, enum command_type type, const struct schema *s, const void *request)
{
	struct leading *l = host;
	struct buf b = {0};
	struct arena a = {0};
	struct apply_result result;
	command_write(&b, type, s, request);
	state_apply(&l->state, ++l->index, buf_view(&b), 0, &a, &result);
	CHECK(result.kind != APPLY_BROKEN && (result.kind != APPLY_ERROR || l->lan));
	l->refused += result.kind == APPLY_ERROR;
	l->writes++;
	arena_free(&a);
	buf_free(&b);
}

void leading_begin(struct leading *l, enum log_level level)
{
	*l = (struct leading){.config = {.node_name = S("me"), .datacenter = S("dc1")}, .log.level = level};
	l->db = db_new(NULL);
	ASSERT(l->db);
	state_init(&l->state, l->db);
	duties_init(&l->duties, &l->config, &l->log, 1);
	l->duties.submit = submit;
	l->duties.host = l;
}

void leading_end(struct leading *l)
{
	if (l->lan)
		gossip_free(l->lan);
	gossip_effects_free(&l->out);
	duties_free(&l->duties);
	state_free(&l->state);
	db_free(l->db);
	buf_free(&l->log.lines);
}

void leading_server(struct db *db, const char *name, const char *ip, struct list tags, enum gossip_status status,
        enum gossip_change change)
{
	struct buf meta = {0};
	tags_put(&meta, tags);
	struct gossip_member m = {.name = slice_of(name), .meta = buf_view(&meta), .status = status};
	CHECK(gossip_addr_parse(slice_of(ip), 8301, &m.addr));
	struct gossip_effect x = {.kind = GX_MEMBER};
	x.member.change = change;
	x.member.member = &m;
	servers_take(db, GOSSIP_LAN, &x);
	buf_free(&meta);
}
