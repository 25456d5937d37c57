/* The life of a call (agent/consul/rpc.go: forward, blockingQuery): where does it go → may it → read → park or reply. */
#include <stdarg.h>
#include <stdio.h>

#include "core/agent/config.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/method/method.h"
#include "core/state/command.h"

#define WAIT_DEFAULT (300 * NS_PER_S)
#define WAIT_MAX (600 * NS_PER_S)
enum { JITTER_FRACTION = 16 };

enum err call_fail(struct call *c, enum err e, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	c->fail.code = c->err = e;
	vsnprintf(c->fail.text, sizeof c->fail.text, fmt, ap);
	va_end(ap);
	return e;
}

static enum call_state failed(struct call *c, enum err e, const char *text)
{
	call_fail(c, e, "%s", text);
	return CALL_FAILED;
}

/* Nobody leads: hold the call for a while (rpc_hold_timeout), it will probably be somebody soon. */
static enum call_state wait_for_leader(struct call *c)
{
	if (!c->deadline)
		c->deadline = c->now + c->world->config->rpc_hold_timeout;
	if (c->now >= c->deadline || c->world->leaving)
		return failed(c, ERR_NO_LEADER, "No cluster leader");
	return CALL_WAIT_LEADER;
}

static void meta_fill(struct call *c, struct query_meta *meta)
{
	const struct world *w = c->world;
	if (world_leading(w)) {
		meta->known_leader = true;
		meta->last_contact = 0;
		return;
	}
	meta->known_leader = w->leader.n > 0;
	/* Never heard of one: time.Since(zero time) saturates, and the milliseconds of that are what clients see. */
	meta->last_contact = w->leader_contact ? c->now - w->leader_contact : INT64_MAX;
}

/* How long to wait at most; a sixteenth at random on top, so that a herd does not come back as one. */
static mono_ns wait_deadline(struct call *c, const struct query_options *q)
{
	dur_ns wait = q->max_query_time > WAIT_MAX ? WAIT_MAX : q->max_query_time <= 0 ? WAIT_DEFAULT : q->max_query_time;
	dur_ns jitter = wait / JITTER_FRACTION;
	return c->now + wait + (jitter ? (dur_ns)rand_below(c->rand, (uint64_t)jitter) : 0);
}

static enum call_state run_read(struct call *c)
{
	const struct read_head *head = c->request;
	struct query_meta *meta = c->reply;
	bool local = (c->method->flags & M_LOCAL) || head->q.allow_stale;
	if (!local && !world_leading(c->world))
		return wait_for_leader(c);
	if (head->q.require_consistent && !c->world->ready)
		return wait_for_leader(c);
	bool blocks = head->q.min_index > 0 && !(c->method->flags & M_NO_BLOCK);
	c->watched = (struct watchset){.arena = c->arena};
	meta_fill(c, meta);
	if (c->method->handler(c))
		return CALL_FAILED;
	if (!blocks || meta->index == 0 || meta->index > head->q.min_index)
		return CALL_DONE;
	if (!c->deadline)
		c->deadline = wait_deadline(c, &head->q);
	return c->now >= c->deadline ? CALL_DONE : CALL_WAIT;
}

static enum call_state run_write(struct call *c)
{
	if (!world_leading(c->world))
		return wait_for_leader(c);
	c->message->ask = ASK_COMMAND;
	if (c->method->handler(c))
		return CALL_FAILED;
	return c->message->command.n || c->message->ask != ASK_COMMAND ? CALL_SENT : CALL_DONE;
}

/* Requests begin with their datacenter: read_head and write_head both do. */
static struct slice request_datacenter(const struct call *c)
{
	_Static_assert(offsetof(struct read_head, datacenter) == 0, "first");
	_Static_assert(offsetof(struct write_head, datacenter) == 0, "first");
	return *(const struct slice *)c->request;
}

enum call_state method_run(struct call *c)
{
	if (!slice_eq(request_datacenter(c), c->world->config->datacenter)) {
		log_warn(c->log, "consul.rpc: RPC request for DC \"%.*s\", no path found", PS(request_datacenter(c)));
		return failed(c, ERR_NO_PATH, "No path to datacenter");
	}
	return c->method->flags & M_WRITE ? run_write(c) : run_read(c);
}

/* Commands are encoded straight into the message: a first try into a piece of its arena that nearly always suffices,
 * else by way of a growing buffer. */
enum err call_command(struct call *c, unsigned command_type, const struct schema *s, const void *request)
{
	struct arena *mem = &c->message->mem;
	size_t guess = 768 + schema_extra_size(s, request) * 2;
	struct buf fixed = {.p = arena_alloc(mem, guess), .cap = guess, .limit = guess};
	if (fixed.p) {
		command_write(&fixed, command_type, s, request);
		if (!fixed.failed) {
			c->message->command = buf_view(&fixed);
			return OK;
		}
	}
	struct buf grown = {0};
	command_write(&grown, command_type, s, request);
	c->message->command = grown.failed ? S_NONE : arena_copy(mem, buf_view(&grown));
	buf_free(&grown);
	return c->message->command.n ? OK : call_fail(c, ERR_NO_MEMORY, "out of memory");
}
