/* The configuration of autopilot: one row. */
#ifndef CORE_STATE_AUTOPILOT_CONFIG_H
#define CORE_STATE_AUTOPILOT_CONFIG_H

#include "core/state/apply.h"
#include "store/model.h"
#include "store/watchset.h"

/* *out is NULL when never set; points into the item. Its own ModifyIndex, 0 when absent. */
raft_index autopilot_config_get(const struct db_root *r, struct watchset *ws, const struct autopilot_config **out);

/* While applying. The second only when the row's ModifyIndex is `cas`: says whether. */
void autopilot_config_set(struct state *s, struct autopilot_config *c);
bool autopilot_config_cas(struct state *s, struct autopilot_config *c, raft_index cas);
void autopilot_config_restore(struct state *s, const struct autopilot_config *c);

#endif
