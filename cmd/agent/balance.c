#include "cmd/agent/balance.h"

#include "cmd/agent/front_thread.h"
#include "core/base/slice.h"

static void next_time(struct balance *b, const struct world *w)
{
	struct cursor c;
	size_t servers = 0;
	servers_lan(&c, w->db);
	while (server_next(&c))
		servers++;
	dur_ns wait = router_rebalance_after(&b->front->api.rand, w->lan.members, servers);
	loop_timer(&b->front->loop, &b->timer, b->front->loop.now + wait);
}

static void ping(struct balance *b);

static void answered(void *balance, const struct call_answer *a)
{
	struct balance *b = balance;
	struct front *f = b->front;
	const struct world *w = front_world(f);
	b->ping = NULL;
	if (a->kind == ANSWER_REPLY) {
		f->api.router = b->drawn;
		log_debug(&f->api.log, "manager: Rebalanced servers, next active server is %.*s", PS(a->from));
		next_time(b, w);
		return;
	}
	log_debug(&f->api.log, "manager: pinging server \"%.*s\" failed: %.*s", PS(a->from), PS(a->text));
	router_failed(&b->drawn, a->from, f->loop.now);
	ping(b);
}

/* The first that answers; when all were tried, everything stays as it is. */
static void ping(struct balance *b)
{
	struct front *f = b->front;
	const struct world *w = front_world(f);
	struct slice own = w->config->datacenter;
	const struct server *s = router_pick(&b->drawn, w->db, own, own);
	if (s && b->tries-- && !router_resting(&b->drawn, s->address, f->loop.now)) {
		const struct call_forward what = {
		        .to = s->address,
		        .datacenter = s->datacenter,
		        .tls = s->use_tls,
		        .method = S("Status.Ping"),
		        .args = S("\x80"),
		};
		b->ping = forward_begin(f->forward, &what, answered, b);
	} else if (s) {
		log_debug(&f->api.log, "manager: No healthy servers during rebalance, aborting");
	}
	if (!b->ping)
		next_time(b, w);
}

static void due(struct timer *t)
{
	struct balance *b = (struct balance *)t;
	b->drawn = b->front->api.router;
	router_rebalance(&b->drawn, &b->front->api.rand, b->front->loop.now);
	b->tries = ROUTER_FAILED_MAX;
	ping(b);
}

void balance_init(struct balance *b, struct front *f)
{
	*b = (struct balance){.timer.fire = due, .front = f};
	loop_read_clocks(&f->loop);
	loop_timer(&f->loop, &b->timer, f->loop.now + router_rebalance_after(&f->api.rand, 0, 0));
}

void balance_free(struct balance *b)
{
	loop_timer_stop(&b->front->loop, &b->timer);
}
