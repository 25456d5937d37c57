/* Telling the servers where we are: our coordinate, now and then, less often in large datacenters (Consul 1.0.8:
 * agent/agent.go, sendCoordinate). */
#ifndef CORE_AGENT_PLACE_H
#define CORE_AGENT_PLACE_H

#include "core/base/rand.h"
#include "core/base/types.h"

struct agent;

struct place {
	struct rand *rand;
	mono_ns at; /* when to tell it next; INT64_MAX: never */
};

void place_init(struct place *p, struct rand *rand);
void place_start(struct agent *a);
/* Puts a message (ASK_COORDINATE) into the outbox when it is time; without any server nobody is told. */
void place_tick(struct agent *a);

#endif
