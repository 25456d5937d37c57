/* The host of the gossip pools: sockets, files and time around core/gossip, on the core thread's loop.
 *
 * It steps the machines, carries out what concerns the wire and the disk itself, and hands on to `news` what concerns
 * the agent: members, events, queries, answers, ends of commands. What news is given lives until it returns; news must
 * not step the pool that it is about (the other one it may).
 *
 * Thread: the core's, but for resolving names, which a thread of its own does for each join. */
#ifndef CMD_AGENT_GOSSIP_HOST_H
#define CMD_AGENT_GOSSIP_HOST_H

#include "core/agent/config.h"
#include "core/base/logline.h"
#include "core/gossip/gossip.h"
#include "net/loop.h"

struct gossip_host;

struct gossip_host_options {
	const struct agent_config *config;
	struct loop *loop;
	struct logbuf *log;
	uint64_t seed;
	void *owner;
	void (*news)(void *owner, enum gossip_pool pool, const struct gossip_effect *x);
};

/* Binds, reads the files, makes the pools; they begin with gossip_host_start. NULL with *f: "Failed to start lan serf:
 * …", as the agent says it. */
struct gossip_host *gossip_host_new(const struct gossip_host_options *o, struct fail *f);
void gossip_host_start(struct gossip_host *h);
void gossip_host_free(struct gossip_host *h);

/* NULL: this agent has no such pool. For looking only. */
const struct gossip *gossip_host_pool(const struct gossip_host *h, enum gossip_pool pool);

/* A command now (ev->now is set here). Answers come through news with ev->tag. */
void gossip_host_step(struct gossip_host *h, enum gossip_pool pool, struct gossip_event *ev);

/* Joins by names or addresses ("10.0.0.1", "host:8301"): resolves, then GE_JOIN with this tag. Copies the list. */
void gossip_host_join(struct gossip_host *h, enum gossip_pool pool, uint64_t tag, struct list names);

#endif
