#include "core/agent/join.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/agent/agent_parts.h"
#include "core/agent/pools.h"
#include "core/agent/servers.h"
#include "core/base/num.h"
#include "core/base/slice.h"

static const char *const pool_names[JOIN_POOLS] = {"LAN", "WAN"};

void joins_init(struct joins *j)
{
	*j = (struct joins){.flood_at = INT64_MAX};
	for (int p = 0; p < JOIN_POOLS; p++)
		j->retry[p].at = j->retry[p].alone_at = INT64_MAX;
}

void joins_free(struct joins *j)
{
	for (int i = 0; i < JOIN_FLOODS_MAX; i++)
		free(j->floods[i].name);
}

/* ---- the log ---- */

void joins_log_begin(struct agent *a, enum gossip_pool pool, struct list names)
{
	struct buf all = {0};
	const struct slice *at = names.items;
	for (uint32_t i = 0; i < names.n; i++)
		buf_fmt(&all, "%s%.*s", i ? " " : "", PS(at[i]));
	log_info(a->log, "agent: (%s) joining: [%.*s]", pool_names[pool], PS(buf_view(&all)));
	buf_free(&all);
}

void joins_log_end(struct agent *a, enum gossip_pool pool, const struct gossip_effect *x)
{
	log_info(a->log, "agent: (%s) joined: %u Err: %.*s", pool_names[pool], x->done.n,
	        PS(x->done.err ? x->done.text : S("<nil>")));
}

/* ---- at the start, and again ---- */

static struct list retry_names(const struct agent *a, enum gossip_pool pool)
{
	return pool == GOSSIP_WAN ? a->config->retry_join_wan : a->config->retry_join;
}

static void join(struct agent *a, enum gossip_pool pool, uint64_t tag, struct list names)
{
	joins_log_begin(a, pool, names);
	pools_join(a, pool, tag, names);
}

void joins_start(struct agent *a)
{
	const struct list first[JOIN_POOLS] = {a->config->start_join, a->config->start_join_wan};
	for (int p = 0; p < JOIN_POOLS; p++) {
		if (!a->pools[p])
			continue;
		if (first[p].n)
			join(a, (enum gossip_pool)p, TAG_START, first[p]);
		if (!retry_names(a, (enum gossip_pool)p).n)
			continue;
		log_info(a->log, "agent: Joining %s cluster...", pool_names[p]);
		a->joins.retry[p].at = a->now;
		a->joins.retry[p].alone_at = a->now + JOIN_ALONE_INTERVAL;
	}
	if (a->pools[GOSSIP_WAN])
		a->joins.flood_at = a->now + JOIN_FLOOD_INTERVAL;
}

static void started(struct agent *a, enum gossip_pool pool, const struct gossip_effect *x)
{
	struct effect *e = effect_add(a->out, EFF_JOINED);
	e->joined.pool = (int)pool;
	e->joined.n = x->done.n;
	if (x->done.err)
		e->joined.why = arena_str(&a->out->mem, "%.*s", PS(x->done.text));
}

/* A list of errors without its line breaks. */
static void put_one_line(struct buf *out, struct slice text)
{
	for (struct slice line; text.n;) {
		line = slice_next(&text, '\n');
		if (line.n && out->n)
			buf_char(out, ' ');
		buf_slice(out, line);
	}
}

static void tried(struct agent *a, enum gossip_pool pool, const struct gossip_effect *x)
{
	struct join_retry *r = &a->joins.retry[pool];
	const struct agent_config *c = a->config;
	int64_t most = pool == GOSSIP_WAN ? c->retry_max_wan : c->retry_max;
	dur_ns interval = pool == GOSSIP_WAN ? c->retry_interval_wan : c->retry_interval;
	if (!x->done.err) {
		log_info(
		        a->log, "agent: Join %s completed. Synced with %u initial agents", pool_names[pool], x->done.n);
		return;
	}
	if (most > 0 && ++r->attempts > most) {
		log_err(a->log, "agent: Retry join failed: agent: max join %s retry exhausted, exiting",
		        pool_names[pool]);
		effect_add(a->out, EFF_STOP)->stop.exit_code = 1;
		return;
	}
	struct buf why = {0};
	put_one_line(&why, x->done.text);
	BUF_LIT(&why, ", retrying in ");
	dur_print(&why, interval);
	log_warn(a->log, "agent: Join %s failed: %.*s", pool_names[pool], PS(buf_view(&why)));
	buf_free(&why);
	r->at = a->now + interval;
}

static bool is_alone(const struct agent *a, enum gossip_pool pool)
{
	struct gossip_stats s;
	gossip_stats(a->pools[pool], &s);
	return s.alive == 1 && s.failed + s.left > 0;
}

static void join_if_alone(struct agent *a, enum gossip_pool pool)
{
	struct join_retry *r = &a->joins.retry[pool];
	r->alone_at = a->now + JOIN_ALONE_INTERVAL;
	if (r->at != INT64_MAX || !is_alone(a, pool))
		return;
	log_info(a->log, "agent: (%s) all other members are gone", pool_names[pool]);
	join(a, pool, TAG_ALONE, retry_names(a, pool));
}

/* ---- the servers of the LAN into the WAN ---- */

void joins_flood_soon(struct agent *a)
{
	if (a->joins.flood_at != INT64_MAX)
		a->joins.flood_at = a->now;
}

static struct join_flood *flood_slot(struct joins *j, struct slice name)
{
	struct join_flood *free_one = NULL;
	for (int i = 0; i < JOIN_FLOODS_MAX; i++) {
		struct join_flood *f = &j->floods[i];
		if (f->name && slice_is(name, f->name))
			return NULL; /* under way */
		if (!f->name)
			free_one = f;
	}
	return free_one;
}

/* Known in the WAN pool, alive or not? Names there are "node.dc". */
static bool in_wan(struct agent *a, const struct server *s)
{
	struct arena mem = {0};
	struct slice name = arena_str(&mem, "%.*s.%.*s", PS(s->name), PS(a->config->datacenter));
	struct gossip_member m;
	bool there = gossip_find(a->pools[GOSSIP_WAN], name, &m);
	arena_free(&mem);
	return there;
}

static void flood_one(struct agent *a, const struct server *s)
{
	struct join_flood *f = flood_slot(&a->joins, s->name);
	if (!f)
		return;
	char name[GOSSIP_NAME_MAX + 1];
	f->name = strdup(slice_cstr(s->name, name, sizeof name));
	if (!f->name)
		return;
	bool bare = slice_find(s->host, ':') < 0;
	if (s->wan_join_port > 0)
		snprintf(f->address, sizeof f->address, bare ? "%.*s:%d" : "[%.*s]:%d", PS(s->host),
		        (int)s->wan_join_port);
	else
		snprintf(f->address, sizeof f->address, "%.*s", PS(s->host));
	struct slice *at = ARENA_NEW(&a->out->mem, struct slice);
	if (at) {
		*at = slice_of(f->address);
		pools_join(a, GOSSIP_WAN, TAG_FLOOD + (uint64_t)(f - a->joins.floods), (struct list){at, 1});
	}
}

static void flood(struct agent *a)
{
	struct cursor c;
	servers_lan(&c, db_working(a->db));
	for (const struct server *s; (s = server_next(&c));)
		if (s->alive && !in_wan(a, s))
			flood_one(a, s);
}

static void flooded(struct agent *a, struct join_flood *f, const struct gossip_effect *x)
{
	if (x->done.err)
		log_debug(a->log, "consul: Failed to flood-join \"%s\" at %s: %.*s", f->name, f->address,
		        PS(x->done.text));
	else
		log_debug(a->log, "consul: Successfully performed flood-join for \"%s\" at %s", f->name, f->address);
	free(f->name);
	f->name = NULL;
}

/* ---- time ---- */

void joins_done(struct agent *a, enum gossip_pool pool, const struct gossip_effect *x)
{
	if (x->done.tag >= TAG_FLOOD) {
		flooded(a, &a->joins.floods[x->done.tag - TAG_FLOOD], x);
		return;
	}
	joins_log_end(a, pool, x);
	if (x->done.tag == TAG_START)
		started(a, pool, x);
	else if (x->done.tag == TAG_RETRY)
		tried(a, pool, x);
}

void joins_tick(struct agent *a)
{
	struct joins *j = &a->joins;
	for (int p = 0; p < JOIN_POOLS; p++) {
		if (j->retry[p].alone_at <= a->now)
			join_if_alone(a, (enum gossip_pool)p);
		if (j->retry[p].at > a->now)
			continue;
		j->retry[p].at = INT64_MAX;
		join(a, (enum gossip_pool)p, TAG_RETRY, retry_names(a, (enum gossip_pool)p));
	}
	if (j->flood_at <= a->now) {
		j->flood_at = a->now + JOIN_FLOOD_INTERVAL;
		flood(a);
	}
}

mono_ns joins_next(const struct joins *j)
{
	mono_ns at = j->flood_at;
	for (int p = 0; p < JOIN_POOLS; p++) {
		const struct join_retry *r = &j->retry[p];
		mono_ns next = r->at < r->alone_at ? r->at : r->alone_at;
		at = next < at ? next : at;
	}
	return at;
}
