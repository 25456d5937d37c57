/* An agent in a test, with a catalog of its own behind it: what it sends is applied at once, or kept back. */
#ifndef TEST_AGENT_WORLD_FIXTURE_H
#define TEST_AGENT_WORLD_FIXTURE_H

#include "core/agent/agent.h"
#include "core/agent/check_run.h"
#include "core/agent/local.h"
#include "core/gossip/gossip.h"
#include "core/state/catalog.h"
#include "core/state/command.h"
#include "core/state/health.h"
#include "tests/test.h"

struct bench {
	struct agent_config config;
	struct db *db;
	struct state state;
	struct rand rand;
	struct logbuf log;
	struct agent *agent;
	struct effects out;
	size_t carried;      /* effects of `out` that went to the pool already */
	struct gossip *pool; /* of one member */
	struct gossip_effects news;
	struct slice refused; /* why the last event was not fired */
	struct arena mem;
	raft_index index;
	mono_ns now;
	wall_ns wall;
	unsigned commands;    /* applied so far */
	unsigned answered;    /* questions */
	unsigned coordinates; /* of ours, told to the servers */
	bool refuse;          /* the catalog says no */
	struct message *kept; /* while `keep`: requests that lie about unanswered */
	bool keep;
};

void bench_begin(struct bench *b); /* dev agent "a", not started, nobody leads */
void bench_end(struct bench *b);
void bench_packet(struct bench *b, struct slice data); /* comes to the pool from 127.0.0.2 */

/* Started, and leading. */
void bench_lead(struct bench *b);
/* All that goes out is applied, until nothing does. */
void bench_settle(struct bench *b);
/* Answers what was kept. */
void bench_release(struct bench *b);
/* Time passes; timers fire one by one. */
void bench_pass(struct bench *b, dur_ns d);

/* Questions; the text of the error, or "" (which may come later: look at b->answered). */
struct slice bench_ask(struct bench *b, enum ask ask, void *request);
struct slice bench_service(struct bench *b, const char *id, const char *name, const char *ttl);
struct slice bench_check(struct bench *b, struct check_definition d);
struct slice bench_set(struct bench *b, const char *id, const char *status, const char *output);

/* The effects of a kind since the last call of bench_forget. */
unsigned bench_effects(const struct bench *b, enum effect_kind kind);
const struct effect *bench_effect(const struct bench *b, enum effect_kind kind, unsigned n);
void bench_forget(struct bench *b);

/* What the catalog says: a check's status, "" when it has none; how many services our node has, consul's left out. */
struct slice bench_status(struct bench *b, const char *check_id);
struct slice bench_output(struct bench *b, const char *check_id);
unsigned bench_services(struct bench *b);
/* … and what the agent itself says. */
const struct health_check *bench_own(struct bench *b, const char *check_id);
bool bench_logged(const struct bench *b, const char *text);

#endif
