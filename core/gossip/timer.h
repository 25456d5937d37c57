/* Deadlines of a pool: one heap, and in each timer the word for what it belongs to. */
#ifndef GOSSIP_TIMER_H
#define GOSSIP_TIMER_H

#include "core/base/heap.h"

enum gossip_timer_kind {
	/* one of each a pool */
	TIMER_PROBE,
	TIMER_GOSSIP,
	TIMER_PUSH_PULL,
	TIMER_REAP,
	TIMER_RECONNECT,
	TIMER_QUEUES,
	TIMER_SNAPSHOT,
	TIMER_ROUND, /* the probe round that is under way */
	TIMER_FIXED, /* how many those are */
	/* inside their owners */
	TIMER_DOUBT,
	TIMER_CLAIM,
	TIMER_ID_CLAIM,
	TIMER_RELAY,
	TIMER_STREAM,
	TIMER_JOIN,
	TIMER_WAITER,
	TIMER_QUERY,
};

struct gossip_timer {
	struct heap_node node;
	enum gossip_timer_kind kind;
};

#endif
