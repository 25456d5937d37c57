#include "cmd/agent/watches.h"

#include <stdlib.h>

#include "cmd/agent/exchange.h"
#include "cmd/agent/watch_handler.h"
#include "core/agent/config.h"
#include "core/base/enc.h"
#include "core/base/heap.h"
#include "core/base/must.h"
#include "core/base/num.h"
#include "core/base/slice.h"

enum { ASK_KEEP = 64 << 10 };

/* One watch:  ask --> (waits in the agent) --> answer --> nothing new: ask
 *                                                    `--> handler --> ask
 *                                                    `--> an error: a while, then ask */
struct watch_run {
	struct watches *all;
	struct watch_run *next;
	struct config_watch what;
	struct arena mem; /* what `what` points to */
	struct watch_plan plan;
	struct arena turn;           /* of one question and its answer */
	struct watch_question asked; /* in `turn` … */
	struct buf target;           /* … and as a request says it; both as long as the exchange */
	struct exchange exchange;
	struct timer again;
	struct watch_handler handler;
	bool stopped; /* by a reload; goes when its handler is over */
};

struct watches {
	struct front *front;
	const struct agent_config *config; /* whose watches these are */
	struct watch_run *first;
};

static struct logbuf *log_of(struct watch_run *w)
{
	struct front *f = w->all->front;
	front_world(f);
	return &f->api.log;
}

/* ---- asking ---- */

static void request_of(struct watch_run *w, struct http_request *r)
{
	struct slice target = buf_view(&w->target), query = target;
	struct slice path = slice_next(&query, '?');
	*r = (struct http_request){
	        .verb = HTTP_GET,
	        .method = S("GET"),
	        .target = target,
	        .path = path,
	        .query = query,
	        .has_query = path.n < target.n,
	        .minor = 1,
	        .content_length = -1,
	        .remote = S("127.0.0.1:0"),
	        .began = w->all->front->loop.now,
	};
	if (w->what.token.n)
		r->headers[r->header_count++] = (struct http_header){S("X-Consul-Token"), w->what.token};
}

static const struct carrier carrier;

static void ask(struct watch_run *w)
{
	struct http_request r;
	arena_reset(&w->turn, ASK_KEEP);
	watch_plan_ask(&w->plan, &w->turn, &w->asked);
	buf_reset(&w->target, ASK_KEEP);
	percent_put_path(&w->target, w->asked.path);
	for (size_t i = 0; i < w->asked.n; i++) {
		buf_char(&w->target, i ? '&' : '?');
		percent_put_query(&w->target, w->asked.params[i].key);
		buf_char(&w->target, '=');
		percent_put_query(&w->target, w->asked.params[i].val);
	}
	request_of(w, &r);
	exchange_serve(w->all->front, &carrier, w, &r, NULL);
}

static void ask_after(struct watch_run *w, dur_ns wait)
{
	struct loop *l = &w->all->front->loop;
	MUST(loop_timer(l, &w->again, l->now + wait));
}

static void ask_again(struct timer *t)
{
	ask(HEAP_OWNER(t, struct watch_run, again));
}

/* ---- hearing ---- */

static raft_index index_of(const struct buf *headers)
{
	uint64_t index = 0;
	ptrdiff_t at = slice_search(buf_view(headers), S("X-Consul-Index: "));
	struct slice rest = at < 0 ? S_NONE : slice_from(buf_view(headers), (size_t)at + 16);
	struct fail ignored;
	return num_u64(slice_next(&rest, '\r'), &index, &ignored) ? 0 : index;
}

static void failed(struct watch_run *w, const struct fail *f)
{
	struct buf text = {0};
	dur_ns wait = watch_plan_failed(&w->plan);
	dur_print(&text, wait);
	log_err(log_of(w), "consul.watch: Watch (type: %s) errored: %s, retry in %.*s",
	        config_watch_type_name(w->what.type), f->text, PS(buf_view(&text)));
	buf_free(&text);
	ask_after(w, wait);
}

static void heard(struct watch_run *w, const struct http_answer *a)
{
	const struct watch_heard h = {a->status, index_of(&a->headers), buf_view(&a->body)};
	struct fail f;
	bool news;
	if (watch_plan_answer(&w->plan, &h, &w->turn, &news, &f))
		failed(w, &f);
	else if (news)
		watch_handler_run(&w->handler);
	else /* what has no index yet does not block */
		ask_after(w, h.index ? 0 : NS_PER_S);
}

/* ---- as a carrier of exchanges ---- */

static struct exchange *begin(void *conn)
{
	return &((struct watch_run *)conn)->exchange;
}

static void answer(void *conn, const struct http_answer *a)
{
	heard(conn, a);
}

static void wait(void *conn)
{
	(void)conn;
}

static bool park(void *conn)
{
	(void)conn;
	return true;
}

static void request(void *conn, struct http_request *r)
{
	request_of(conn, r);
}

/* Nothing that is watched answers so. */
static void stream(struct front *f, void *conn, struct http_answer *a, enum log_level level)
{
	(void)f;
	(void)level;
	a->status = 501;
	heard(conn, a);
}

static const struct carrier carrier = {
        .begin = begin, .answer = answer, .wait = wait, .park = park, .request = request, .stream = stream};

/* ---- handlers ---- */

static void run_free(struct watch_run *w)
{
	struct watch_run **at = &w->all->first;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	watch_handler_drop(&w->handler);
	watch_plan_free(&w->plan);
	buf_free(&w->target);
	arena_free(&w->turn);
	arena_free(&w->mem);
	free(w);
}

static struct logbuf *handler_log(struct watch_handler *h)
{
	return log_of(h->owner);
}

static void handler_done(struct watch_handler *h)
{
	struct watch_run *w = h->owner;
	if (w->stopped)
		run_free(w);
	else
		ask_after(w, 0);
}

/* ---- beginning and end ---- */

static void run_new(struct watches *all, const struct value *v)
{
	struct watch_run *w = calloc(1, sizeof *w);
	struct fail f;
	MUST(w);
	w->all = all;
	w->next = all->first;
	all->first = w;
	if (config_watch_read(v, &w->mem, &w->what, &f)) {
		log_err(log_of(w), "agent: Failed reloading watches: %s", f.text);
		run_free(w);
		return;
	}
	if (w->what.handler.n)
		log_warn(log_of(w),
		        "agent: The 'handler' field in watches has been deprecated and replaced with the 'args' "
		        "field. See https://www.consul.io/docs/agent/watches.html");
	w->plan.what = &w->what;
	w->again.fire = ask_again;
	w->handler = (struct watch_handler){
	        .plan = &w->plan, .loop = &all->front->loop, .owner = w, .log = handler_log, .done = handler_done};
	ask_after(w, 0);
}

static void stop(struct watch_run *w)
{
	w->stopped = true;
	loop_timer_stop(&w->all->front->loop, &w->again);
	exchange_abandon(&w->exchange);
	if (!w->handler.running)
		run_free(w);
}

void watches_look(struct watches *all)
{
	const struct agent_config *now = all ? atomic_load(&all->front->process->watched) : NULL;
	if (!all || all->config == now)
		return;
	all->config = now;
	for (struct watch_run *w = all->first, *next; w; w = next) {
		next = w->next;
		if (!w->stopped)
			stop(w);
	}
	const struct value *v = now->watches.items;
	for (uint32_t i = 0; i < now->watches.n; i++)
		run_new(all, &v[i]);
}

struct watches *watches_new(struct front *f)
{
	struct watches *all = calloc(1, sizeof *all);
	if (all)
		all->front = f;
	return all;
}

void watches_free(struct watches *all)
{
	if (!all)
		return;
	for (struct watch_run *w = all->first, *next; w; w = next) {
		next = w->next;
		watch_handler_drop(&w->handler);
		stop(w);
	}
	free(all);
}

void watches_configure(struct process *p, const struct agent_config *c)
{
	atomic_store(&p->watched, c);
	bell_ring(&p->fronts[0]->bell);
}
