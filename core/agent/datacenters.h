/* The datacenters of the WAN pool: how far they are, and where their servers stand (Consul 1.0.8:
 * agent/router/router.go). Core thread: coordinates are known only there. */
#ifndef CORE_AGENT_DATACENTERS_H
#define CORE_AGENT_DATACENTERS_H

#include "core/agent/agent.h"
#include "core/base/schema.h"

struct datacenter_coordinates {
	struct slice datacenter, area_id;
	struct list coordinates; /* of struct coordinate_entry */
};
extern const struct schema datacenter_coordinates_schema;

/* ASK_DATACENTERS: their names, by the median of the distances to their servers, our own first; equal ones by name.
 * ASK_DATACENTER_MAPS: of struct datacenter_coordinates, by name. The answer is a struct list. */
void datacenters_ask(struct agent *a, struct message *m);

/* Once a second at most: their order for the world. Wants no tick of its own. */
void datacenters_tick(struct agent *a);

/* Any thread: the datacenters that have servers, without our own, the nearest first; of struct slice, lent by the
 * world. Those that came within the last second, or beyond WORLD_DATACENTERS, stand at the end by name. */
struct list datacenters_near(const struct world *w, struct arena *a);

#endif
