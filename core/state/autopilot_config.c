#include "core/state/autopilot_config.h"

#include "core/state/put.h"

raft_index autopilot_config_get(const struct db_root *r, struct watchset *ws, const struct autopilot_config **out)
{
	const struct item *it = db_get(r, TREE_AUTOPILOT, S("config"));
	watch_key(ws, r, TREE_AUTOPILOT, S("config"));
	*out = it ? item_payload(it) : NULL;
	return *out ? (*out)->modify_index : 0;
}

void autopilot_config_set(struct state *s, struct autopilot_config *c)
{
	const struct autopilot_config *now;
	autopilot_config_get(db_working(s->db), NULL, &now);
	c->create_index = now ? now->create_index : s->index;
	c->modify_index = s->index;
	autopilot_config_restore(s, c);
}

bool autopilot_config_cas(struct state *s, struct autopilot_config *c, raft_index cas)
{
	const struct autopilot_config *now;
	raft_index old = autopilot_config_get(db_working(s->db), NULL, &now);
	if (!now || old != cas)
		return false;
	autopilot_config_set(s, c);
	return true;
}

void autopilot_config_restore(struct state *s, const struct autopilot_config *c)
{
	put_model(s, TREE_AUTOPILOT, S("config"), &autopilot_config_schema, c);
}
