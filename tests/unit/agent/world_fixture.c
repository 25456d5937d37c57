#include "tests/unit/agent/world_fixture.h"

#include <stdlib.h>

#include "core/base/num.h"

void bench_begin(struct bench *b)
{
	*b = (struct bench){.now = NS_PER_S, .wall = 1500000000 * NS_PER_S};
	b->config = (struct agent_config){
	        .node_name = S("a"),
	        .node_id = S("00000000-0000-0000-0000-00000000000a"),
	        .datacenter = S("dc1"),
	        .dev_mode = true,
	        .server_mode = true,
	        .advertise_addr = S("127.0.0.1"),
	        .server_advertise = {CONFIG_ADDR_TCP, {"127.0.0.1", 9}, 8300},
	        .serf_lan_advertise = {CONFIG_ADDR_TCP, {"127.0.0.1", 9}, 8301},
	        .ae_interval = NS_PER_MIN,
	        .check_update_interval = 5 * NS_PER_MIN,
	        .check_deregister_interval_min = NS_PER_MIN,
	        .check_reap_interval = 30 * NS_PER_S,
	        .data_dir = S("/data"),
	};
	b->db = db_new(NULL);
	ASSERT(b->db);
	state_init(&b->state, b->db);
	rand_seed(&b->rand, 7);
	b->log.level = LOG_TRACE;
	const struct agent_host host = {.db = b->db, .log = &b->log, .rand = &b->rand, .config = &b->config};
	b->agent = agent_new(&host);
	ASSERT(b->agent);
	struct fail f;
	struct gossip_config c = {.timing = gossip_local, .name = S("a"), .log = &b->log, .seed = 7};
	ASSERT(gossip_addr_parse(S("127.0.0.1"), 8301, &c.addr));
	b->pool = gossip_new(&c, &f);
	ASSERT(b->pool);
	agent_pools(b->agent, b->pool, NULL);
}

/* Commands to the pool, and what it answers. */
static void step_pool(struct bench *b, struct gossip_event *command)
{
	command->now = b->now;
	gossip_step(b->pool, command, &b->news);
	for (size_t i = 0; i < b->news.n; i++) {
		struct event ev = {.kind = EV_GOSSIP, .now = b->now, .wall = b->wall};
		ev.gossip.pool = GOSSIP_LAN;
		ev.gossip.effect = &b->news.items[i];
		agent_gossip(b->agent, &ev, &b->out);
	}
}

void bench_packet(struct bench *b, struct slice data)
{
	struct gossip_event ev = {.kind = GE_PACKET};
	ASSERT(gossip_addr_parse(S("127.0.0.2"), 8301, &ev.packet.from));
	ev.packet.data = data;
	step_pool(b, &ev);
}

static void take_gossip(struct bench *b)
{
	for (; b->carried < b->out.n; b->carried++)
		if (b->out.items[b->carried].kind == EFF_GOSSIP)
			step_pool(b, b->out.items[b->carried].gossip.command);
}

void bench_forget(struct bench *b)
{
	take_gossip(b);
	b->carried = 0;
	b->out.n = 0;
	arena_reset(&b->out.mem, 0);
}

void bench_end(struct bench *b)
{
	b->keep = false;
	bench_release(b);
	bench_settle(b);
	agent_free(b->agent);
	gossip_free(b->pool);
	gossip_effects_free(&b->news);
	state_free(&b->state);
	db_free(b->db);
	free(b->out.items);
	arena_free(&b->out.mem);
	arena_free(&b->mem);
	buf_free(&b->log.lines);
}

static void answer(struct bench *b, struct message *m)
{
	if (!m->done) {
		b->coordinates += m->ask == ASK_COORDINATE;
		arena_free(&m->mem);
		free(m);
		return;
	}
	if (b->refuse) {
		m->err = ERR_FAILED;
		m->why = S("No cluster leader");
	} else {
		state_apply(&b->state, ++b->index, m->command, b->now, &m->mem, &m->result);
		b->commands++;
	}
	m->done(b->agent, m);
}

static bool take_out(struct bench *b)
{
	struct message *out = agent_outbox(b->agent);
	bool some = out != NULL;
	for (struct message *m = out, *next; m; m = next) {
		next = m->next;
		if (b->keep) {
			m->next = b->kept;
			b->kept = m;
		} else {
			answer(b, m);
		}
	}
	return some;
}

static void take_answered(struct bench *b)
{
	for (struct message *m = agent_answered(b->agent), *next; m; m = next) {
		next = m->next;
		b->answered++;
		if (m->ask == ASK_EVENT_FIRE && m->err)
			b->refused = arena_copy(&b->mem, m->why);
		arena_free(&m->mem);
		free(m);
	}
}

void bench_settle(struct bench *b)
{
	do {
		take_gossip(b);
		take_answered(b);
	} while (take_out(b) && !b->keep);
	take_answered(b);
}

void bench_release(struct bench *b)
{
	struct message *m = b->kept;
	b->kept = NULL;
	b->keep = false;
	for (struct message *next; m; m = next) {
		next = m->next;
		answer(b, m);
	}
}

void bench_lead(struct bench *b)
{
	struct gossip_event start = {.kind = GE_START};
	agent_start(b->agent, b->now, b->wall, &b->out);
	step_pool(b, &start);
	agent_new_leader(b->agent, b->now, b->wall, &b->out);
	agent_leader(b->agent, true, b->now);
	bench_settle(b);
}

void bench_pass(struct bench *b, dur_ns d)
{
	mono_ns end = b->now + d;
	for (mono_ns next; (next = agent_next(b->agent)) <= end;) {
		if (next > b->now) {
			b->wall += next - b->now;
			b->now = next;
		}
		agent_tick(b->agent, b->now, b->wall, &b->out);
		bench_settle(b);
	}
	b->wall += end - b->now;
	b->now = end;
	agent_tick(b->agent, b->now, b->wall, &b->out);
	bench_settle(b);
}

/* ---- questions ---- */

struct slice bench_ask(struct bench *b, enum ask ask, void *request)
{
	struct message *m = calloc(1, sizeof *m);
	struct slice why = S("");
	ASSERT(m);
	m->ask = ask;
	m->request = request;
	b->refused = S("");
	if (agent_message(b->agent, m, b->now, b->wall, &b->out)) {
		if (m->err)
			why = arena_copy(&b->mem, m->why);
		b->answered++;
		arena_free(&m->mem);
		free(m);
	}
	bench_settle(b);
	return b->refused.n ? b->refused : why;
}

struct slice bench_service(struct bench *b, const char *id, const char *name, const char *ttl)
{
	struct service_definition d = {.id = slice_of(id), .name = slice_of(name), .port = 80};
	if (ttl)
		dur_parse(slice_of(ttl), &d.check.ttl, NULL);
	return bench_ask(b, ASK_SERVICE_REGISTER, &d);
}

struct slice bench_check(struct bench *b, struct check_definition d)
{
	return bench_ask(b, ASK_CHECK_REGISTER, &d);
}

struct slice bench_set(struct bench *b, const char *id, const char *status, const char *output)
{
	struct ask_check_update ask = {slice_of(id), slice_of(status), slice_of(output)};
	return bench_ask(b, ASK_CHECK_UPDATE, &ask);
}

/* ---- looking ---- */

const struct effect *bench_effect(const struct bench *b, enum effect_kind kind, unsigned n)
{
	for (size_t i = 0; i < b->out.n; i++)
		if (b->out.items[i].kind == kind && n-- == 0)
			return &b->out.items[i];
	return NULL;
}

unsigned bench_effects(const struct bench *b, enum effect_kind kind)
{
	unsigned n = 0;
	while (bench_effect(b, kind, n))
		n++;
	return n;
}

static const struct health_check *known(struct bench *b, const char *id)
{
	const struct health_check *c;
	health_check_of_node(db_working(b->db), NULL, S("a"), slice_of(id), &b->mem, &c);
	return c;
}

struct slice bench_status(struct bench *b, const char *id)
{
	const struct health_check *c = known(b, id);
	return c ? c->status : S("");
}

struct slice bench_output(struct bench *b, const char *id)
{
	const struct health_check *c = known(b, id);
	return c ? c->output : S("");
}

unsigned bench_services(struct bench *b)
{
	struct list l = catalog_services_of_node(db_working(b->db), NULL, S("a"), &b->mem);
	const struct node_service *s = l.items;
	unsigned n = 0;
	for (uint32_t i = 0; i < l.n; i++)
		n += !slice_is(s[i].id, "consul");
	return n;
}

const struct health_check *bench_own(struct bench *b, const char *id)
{
	const struct local_check *c = local_check_get(db_working(b->db), slice_of(id));
	return c ? &c->check : NULL;
}

bool bench_logged(const struct bench *b, const char *text)
{
	return slice_search(buf_view(&b->log.lines), slice_of(text)) >= 0;
}
