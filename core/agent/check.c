#include "core/agent/check.h"

#include <stdlib.h>

#include "core/agent/check_run.h"
#include "core/base/must.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/state/rows.h"

#define RUN_LOST (5 * NS_PER_MIN)
#define SCRIPT_TIMEOUT (30 * NS_PER_S)
#define HTTP_TIMEOUT (10 * NS_PER_S)

static const struct slice passing = {"passing", 7}, warning = {"warning", 7}, critical = {"critical", 8};

struct check_row {
	struct heap_node due; /* the next run; a TTL's end */
	bool is_ttl, is_script;
	enum check_kind kind;
	dur_ns period;     /* interval or TTL */
	dur_ns reap_after; /* 0: never */
	uint64_t run;      /* the one under way; 0: none */
	struct slice set;  /* TTL: the last status that was set, one of the constants; and its output */
	struct buf said;
	struct slice id;
	char bytes[];
};

void checks_due_init(struct checks_due *d, struct local *l, struct rand *r, struct logbuf *log)
{
	*d = (struct checks_due){.local = l, .rand = r, .log = log};
	map_init(&d->rows, rand_u64(r));
}

static void row_free(struct check_row *c)
{
	buf_free(&c->said);
	free(c);
}

void checks_due_free(struct checks_due *d)
{
	size_t at = 0;
	heap_free(&d->due); /* before what is in it */
	for (struct check_row *c; (c = map_next(&d->rows, &at));)
		row_free(c);
	map_free(&d->rows);
}

/* ---- rows ---- */

static struct check_row *row_new(struct slice id)
{
	struct check_row *c = calloc(1, sizeof *c + id.n);
	if (!c)
		return NULL;
	if (id.n)
		memcpy(c->bytes, id.p, id.n);
	c->id = (struct slice){c->bytes, id.n};
	return c;
}

static void cancel(const struct check_row *c, struct effects *out)
{
	if (!c->run)
		return;
	struct check_run *r = ARENA_NEW(&out->mem, struct check_run);
	MUST(r);
	r->id = arena_copy(&out->mem, c->id);
	r->run = c->run;
	effect_add(out, EFF_CHECK_CANCEL)->check = r;
}

void checks_due_remove(struct checks_due *d, struct slice id, struct effects *out)
{
	struct check_row *c = map_remove(&d->rows, id);
	if (!c)
		return;
	cancel(c, out);
	heap_remove(&d->due, &c->due);
	d->ttls -= c->is_ttl;
	d->scripts -= c->is_script;
	row_free(c);
}

static dur_ns reap_after(struct checks_due *d, const struct local_check *c)
{
	dur_ns after = c->type->deregister_after, least = d->local->config->check_deregister_interval_min;
	if (after <= 0 || after >= least)
		return after > 0 ? after : 0;
	struct buf text = {0};
	dur_print(&text, least);
	log_warn(d->log, "agent: check '%.*s' has deregister interval below minimum of %.*s", PS(c->check.check_id),
	        PS(buf_view(&text)));
	buf_free(&text);
	return least;
}

static enum check_kind kind_of(const struct check_definition *t)
{
	if (t->http.n)
		return CHECK_HTTP;
	if (t->tcp.n)
		return CHECK_TCP;
	if (t->grpc.n)
		return CHECK_GRPC;
	return t->docker_container_id.n ? CHECK_DOCKER : CHECK_SCRIPT;
}

/* What is said about a definition when it is taken on. */
static void warn_about(struct checks_due *d, const struct local_check *c, const struct check_row *row)
{
	if (c->type->interval < CHECK_INTERVAL_MIN)
		log_warn(d->log, "agent: check '%.*s' has interval below minimum of 1s", PS(c->check.check_id));
	if ((row->kind == CHECK_SCRIPT || row->kind == CHECK_DOCKER) && c->type->script.n)
		log_warn(d->log,
		        "agent: check \"%.*s\" has the 'script' field, which has been deprecated and replaced with the "
		        "'args' field. See https://www.consul.io/docs/agent/checks.html",
		        PS(c->check.check_id));
}

static void row_fill(struct checks_due *d, struct check_row *row, const struct local_check *c)
{
	row->is_ttl = c->type->ttl > 0;
	row->kind = kind_of(c->type);
	row->is_script = !row->is_ttl && row->kind == CHECK_SCRIPT;
	row->period = row->is_ttl ? c->type->ttl : c->type->interval;
	if (!row->is_ttl) {
		warn_about(d, c, row);
		if (row->period < CHECK_INTERVAL_MIN)
			row->period = CHECK_INTERVAL_MIN;
	}
	row->reap_after = reap_after(d, c);
}

bool checks_due_put(struct checks_due *d, const struct local_check *c, mono_ns now, struct effects *out)
{
	checks_due_remove(d, c->check.check_id, out);
	struct check_row *row = row_new(c->check.check_id);
	if (!row)
		return false;
	row_fill(d, row, c);
	dur_ns first = row->is_ttl ? row->period : (dur_ns)rand_below(d->rand, (uint64_t)row->period);
	if (!map_put(&d->rows, row->id, row, NULL)) {
		row_free(row);
		return false;
	}
	d->ttls += row->is_ttl;
	d->scripts += row->is_script;
	if (heap_set(&d->due, &row->due, now + first))
		return true;
	checks_due_remove(d, c->check.check_id, out);
	return false;
}

/* ---- TTL ---- */

dur_ns checks_due_ttl(const struct checks_due *d, struct slice id)
{
	const struct check_row *c = map_get(&d->rows, id);
	return c && c->is_ttl ? c->period : 0;
}

bool checks_due_set(struct checks_due *d, struct slice id, struct slice status, struct slice output, mono_ns now)
{
	struct check_row *c = map_get(&d->rows, id);
	if (!c || !c->is_ttl)
		return false;
	log_debug(d->log, "agent: Check \"%.*s\" status is now %.*s", PS(id), PS(status));
	local_check_update(d->local, id, status, output, now);
	c->set = slice_eq(status, passing) ? passing : slice_eq(status, warning) ? warning : critical;
	buf_reset(&c->said, SIZE_MAX);
	buf_slice(&c->said, output);
	heap_set(&d->due, &c->due, now + c->period);
	return true;
}

bool checks_due_state(const struct checks_due *d, struct slice id, struct slice *status, struct slice *output)
{
	const struct check_row *c = map_get(&d->rows, id);
	if (!c || !c->is_ttl || !c->set.n || !c->due.place)
		return false;
	*status = c->set;
	*output = buf_view(&c->said);
	return true;
}

static void ttl_missed(struct checks_due *d, struct check_row *c, mono_ns now)
{
	struct buf text = {0};
	log_warn(d->log, "agent: Check \"%.*s\" missed TTL, is now critical", PS(c->id));
	BUF_LIT(&text, "TTL expired");
	if (c->said.n) {
		BUF_LIT(&text, " (last output before timeout follows): ");
		buf_slice(&text, buf_view(&c->said));
	}
	local_check_update(d->local, c->id, critical, buf_view(&text), now);
	buf_free(&text);
}

/* ---- runs ---- */

/* Checks that run often have to answer before they run again. */
static dur_ns timeout_of(const struct check_row *c, const struct check_definition *t)
{
	if (c->kind == CHECK_SCRIPT)
		return t->timeout > 0 ? t->timeout : SCRIPT_TIMEOUT;
	if (c->kind == CHECK_DOCKER)
		return 0;
	if (t->timeout > 0 && t->timeout < c->period)
		return t->timeout;
	if (c->period < HTTP_TIMEOUT)
		return c->period;
	return c->kind == CHECK_TCP ? 0 : HTTP_TIMEOUT;
}

static void start(struct checks_due *d, struct check_row *c, mono_ns now, struct effects *out)
{
	const struct local_check *row = local_check_get(db_working(d->local->db), c->id);
	MUST(row && row->type);
	/* A copy: the row may be gone when the effect is carried out. */
	const struct check_definition *t = schema_copy(&check_type_schema, row->type, &out->mem);
	struct check_run *r = ARENA_NEW(&out->mem, struct check_run);
	MUST(t && r);
	c->run = ++d->runs;
	*r = (struct check_run){
	        .id = arena_copy(&out->mem, c->id),
	        .run = c->run,
	        .kind = c->kind,
	        .timeout = timeout_of(c, t),
	        .script = t->script,
	        .script_args = t->script_args,
	        .shell = t->shell,
	        .docker_container_id = t->docker_container_id,
	        .http = t->http,
	        .method = t->method,
	        .header = t->header,
	        .tls_skip_verify = t->tls_skip_verify,
	        .tcp = t->tcp,
	        .user_agent = S("Consul Health Check"),
	};
	effect_add(out, EFF_CHECK_RUN)->check = r;
	heap_set(&d->due, &c->due, now + c->period + r->timeout + RUN_LOST);
}

static void tell_result(struct checks_due *d, const struct check_row *c, struct slice status, struct slice output)
{
	struct logbuf *l = d->log;
	if (c->kind == CHECK_SCRIPT || c->kind == CHECK_DOCKER)
		log_trace(l, "agent: Check \"%.*s\" output: %.*s", PS(c->id), PS(output));
	if (slice_eq(status, passing))
		log_debug(l, "agent: Check \"%.*s\" is passing", PS(c->id));
	else if (slice_eq(status, warning))
		log_warn(l, "agent: Check \"%.*s\" is now warning", PS(c->id));
	else if (c->kind == CHECK_HTTP && !slice_starts(output, S("HTTP ")))
		log_warn(l, "agent: Check \"%.*s\" HTTP request failed: %.*s", PS(c->id), PS(output));
	else if (c->kind == CHECK_TCP)
		log_warn(l, "agent: Check \"%.*s\" socket connection failed: %.*s", PS(c->id), PS(output));
	else
		log_warn(l, "agent: Check \"%.*s\" is now critical", PS(c->id));
}

void checks_due_done(struct checks_due *d, const struct event *ev, struct effects *out)
{
	struct check_row *c = map_get(&d->rows, ev->check.id);
	(void)out;
	if (!c || c->run != ev->check.run)
		return; /* removed or replaced meanwhile */
	c->run = 0;
	heap_set(&d->due, &c->due, ev->now + c->period);
	tell_result(d, c, ev->check.status, ev->check.output);
	local_check_update(d->local, c->id, ev->check.status, ev->check.output, ev->now);
}

void checks_due_tick(struct checks_due *d, mono_ns now, struct effects *out)
{
	for (struct heap_node *n; (n = heap_first(&d->due)) && n->key <= now;) {
		struct check_row *c = HEAP_OWNER(n, struct check_row, due);
		if (c->is_ttl) {
			heap_remove(&d->due, n);
			ttl_missed(d, c, now);
		} else {
			start(d, c, now, out);
		}
	}
}

mono_ns checks_due_next(const struct checks_due *d)
{
	const struct heap_node *n = heap_first(&d->due);
	mono_ns at = n ? n->key : INT64_MAX;
	return d->rows.n && d->reap_at < at ? d->reap_at : at;
}

/* ---- services that were critical for too long ---- */

static bool too_long(const struct checks_due *d, const struct check_row *c, mono_ns now)
{
	const struct local_entry *e = c->reap_after ? local_entry_of_check(d->local, c->id) : NULL;
	return e && e->critical_since != INT64_MAX && now - e->critical_since > c->reap_after;
}

bool checks_due_reap(struct checks_due *d, mono_ns now, struct arena *a, struct list *services)
{
	struct rows found = ROWS(a, struct check_reap);
	size_t at = 0;
	if (now < d->reap_at)
		return false;
	d->reap_at = now + d->local->config->check_reap_interval;
	for (struct check_row *c; (c = map_next(&d->rows, &at));) {
		const struct local_check *row =
		        too_long(d, c, now) ? local_check_get(db_working(d->local->db), c->id) : NULL;
		struct check_reap *r = row && row->check.service_id.n ? rows_add(&found) : NULL;
		if (r)
			*r = (struct check_reap){arena_copy(a, c->id), arena_copy(a, row->check.service_id)};
	}
	*services = rows_list(&found);
	return services->n > 0;
}
