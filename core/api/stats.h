/* What an agent tells of itself in numbers: sections of names and texts, as `consul info`, the command "stats" of port
 * 8400 and "Stats" of /v1/agent/self show them, all three from here.
 *
 * Everything comes from the world (core/world.h) and from the few facts of the process in struct api. Sections and
 * names are sorted, every value is text. Source: agent/agent.go and below, Stats(). */
#ifndef CORE_API_STATS_H
#define CORE_API_STATS_H

#include "core/api/api.h"

struct stats_section {
	struct slice name;
	struct list values; /* of struct pair */
};

/* The sections (struct stats_section), in a->arena; nil when that is full. */
struct list stats_of(struct api *a);

/* … as JSON, standing `depth` levels deep, and as msgpack of port 8400: a map of maps. */
void stats_put_json(struct buf *out, struct list sections, unsigned indent, unsigned depth);
void stats_put_msgpack(struct buf *out, struct list sections);

#endif
