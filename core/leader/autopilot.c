#include "core/leader/autopilot.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/gotime.h"
#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/gossip/tags.h"

#define HEALTH_INTERVAL (2 * NS_PER_S)
#define LOOK_INTERVAL (10 * NS_PER_S)
#define NOT_YET (HEALTH_INTERVAL / 20)
#define ANSWERS_WITHIN (HEALTH_INTERVAL / 2)
#define UNKNOWN_CONTACT (-1)

enum { PROTOCOL_NEEDED = 3, ID_MAX = 128 };

struct autopilot_asked {
	char id[ID_MAX], name[ID_MAX];
	uint64_t tag;
	bool waiting, fresh; /* a call is under way; `stats` are of this round */
	bool unreachable;    /* … and the last one found nobody at the address */
	dur_ns contact;
	raft_index last_index;
	raft_term last_term;
};

struct autopilot_seen {
	char id[ID_MAX];
	bool healthy;
	wall_ns since; /* 0: never judged */
	mono_ns from;  /* the same by the clock that nobody sets */
};

static const struct field health_fields[] = {
        FIELD(struct server_health, id, "ID", F_STR, 0),
        FIELD(struct server_health, name, "Name", F_STR, 0),
        FIELD(struct server_health, address, "Address", F_STR, 0),
        FIELD(struct server_health, serf_status, "SerfStatus", F_INT, 0),
        FIELD(struct server_health, version, "Version", F_STR, 0),
        FIELD(struct server_health, leader, "Leader", F_BOOL, 0),
        FIELD(struct server_health, last_contact, "LastContact", F_DUR, 0),
        FIELD(struct server_health, last_term, "LastTerm", F_UINT, 0),
        FIELD(struct server_health, last_index, "LastIndex", F_UINT, 0),
        FIELD(struct server_health, healthy, "Healthy", F_BOOL, 0),
        FIELD(struct server_health, voter, "Voter", F_BOOL, 0),
        FIELD(struct server_health, stable_since, "StableSince", F_BYTES, 0),
};
const struct schema server_health_schema = SCHEMA(struct server_health, "autopilot.ServerHealth", health_fields);

static const struct field stats_fields[] = {
        FIELD(struct raft_stats, last_contact, "LastContact", F_STR, 0),
        FIELD(struct raft_stats, last_index, "LastIndex", F_UINT, 0),
        FIELD(struct raft_stats, last_term, "LastTerm", F_UINT, 0),
};
const struct schema raft_stats_schema = SCHEMA(struct raft_stats, "autopilot.ServerStats", stats_fields);

/* ---- orders ---- */

static void orders_clear(struct autopilot *a)
{
	a->orders_n = a->orders_at = 0;
	arena_reset(&a->mem, 4096);
}

/* Texts are copied: the trees they come from may change before the order is carried out. */
static void order(struct autopilot *a, struct autopilot_order o)
{
	if (a->orders_n == a->orders_cap) {
		a->orders_cap = a->orders_cap ? 2 * a->orders_cap : 8;
		a->orders = realloc(a->orders, a->orders_cap * sizeof *a->orders);
		MUST(a->orders);
	}
	o.id = arena_copy(&a->mem, o.id);
	o.address = arena_copy(&a->mem, o.address);
	o.name = arena_copy(&a->mem, o.name);
	MUST(!a->mem.failed);
	a->orders[a->orders_n++] = o;
}

const struct autopilot_order *autopilot_order(struct autopilot *a)
{
	return a->orders_at < a->orders_n ? &a->orders[a->orders_at++] : NULL;
}

/* ---- begin, end ---- */

void autopilot_begin(struct autopilot *a, struct db *db, mono_ns now)
{
	autopilot_end(a);
	a->on = true;
	a->health_due = now;
	a->look_due = now + LOOK_INTERVAL;
	a->answers_due = INT64_MAX;
	db_remove_prefix(db, TREE_SERVER_HEALTH, S_NONE);
}

void autopilot_end(struct autopilot *a)
{
	uint64_t tag = a->next_tag; /* a late answer must not meet a new question */
	free(a->asked);
	free(a->seen);
	free(a->orders);
	arena_free(&a->mem);
	*a = (struct autopilot){.next_tag = tag, .answers_due = INT64_MAX};
}

mono_ns autopilot_next(const struct autopilot *a)
{
	mono_ns at = a->health_due < a->look_due ? a->health_due : a->look_due;
	return !a->on ? INT64_MAX : a->answers_due < at ? a->answers_due : at;
}

/* ---- asking ---- */

static struct autopilot_asked *asked_find(struct autopilot *a, struct slice id)
{
	for (uint32_t i = 0; i < a->asked_n; i++)
		if (slice_is(id, a->asked[i].id))
			return &a->asked[i];
	return NULL;
}

static struct autopilot_asked *asked_add(struct autopilot *a, struct slice id)
{
	if (a->asked_n == a->asked_cap) {
		a->asked_cap = a->asked_cap ? 2 * a->asked_cap : 8;
		a->asked = realloc(a->asked, a->asked_cap * sizeof *a->asked);
		MUST(a->asked);
	}
	struct autopilot_asked *q = &a->asked[a->asked_n++];
	*q = (struct autopilot_asked){0};
	slice_cstr(id, q->id, sizeof q->id);
	return q;
}

/* Those that nothing is heard of any more, and whose last question is answered. */
static void asked_forget(struct autopilot *a, const struct db_root *r)
{
	for (uint32_t i = 0; i < a->asked_n;)
		if (!a->asked[i].waiting && !server_by_id(r, slice_of(a->asked[i].id)))
			a->asked[i] = a->asked[--a->asked_n];
		else
			i++;
}

static void ask(struct autopilot *a, const struct autopilot_view *v, const struct server *s)
{
	struct autopilot_asked *q = asked_find(a, s->id);
	q = q ? q : asked_add(a, s->id);
	q->fresh = false;
	slice_cstr(s->name, q->name, sizeof q->name);
	if (slice_eq(s->id, v->id)) {
		q->fresh = true;
		q->contact = 0;
		q->last_index = v->last;
		q->last_term = v->last_term;
		return;
	}
	if (q->waiting) {
		log_warn(v->raft.log,
		        "consul: error getting server health from \"%.*s\": last request still outstanding",
		        PS(s->name));
		return;
	}
	q->waiting = true;
	q->tag = ++a->next_tag;
	order(a, (struct autopilot_order){AUTOPILOT_CALL, .tag = q->tag, .address = s->address, .name = s->name});
}

static void round_begin(struct autopilot *a, const struct autopilot_view *v)
{
	struct cursor c;
	const struct server *s;
	a->health_due = v->now + HEALTH_INTERVAL;
	int64_t protocol = servers_raft_protocol(v->raft.root);
	bool configured = db_count(v->raft.root, TREE_AUTOPILOT);
	if (!configured && (protocol < 0 || protocol >= PROTOCOL_NEEDED))
		a->health_due = v->now + NOT_YET; /* the first leader of all is about to write it */
	if (!configured || protocol < PROTOCOL_NEEDED)
		return;
	asked_forget(a, v->raft.root);
	a->target = v->last;
	servers_lan(&c, v->raft.root);
	while ((s = server_next(&c)))
		if (s->id.n && s->id.n < ID_MAX)
			ask(a, v, s);
	a->answers_due = v->now + ANSWERS_WITHIN;
}

static void answer_take(struct autopilot_asked *q, struct slice body, struct logbuf *log)
{
	struct arena mem = {0};
	struct mp_reader r = mp_read(body);
	struct raft_stats stats = {0};
	struct fail f;
	schema_mp_read(&r, &raft_stats_schema, &stats, &mem);
	q->fresh = !r.failed;
	q->last_index = stats.last_index;
	q->last_term = stats.last_term;
	q->contact = UNKNOWN_CONTACT;
	if (!slice_is(stats.last_contact, "never") && dur_parse(stats.last_contact, &q->contact, &f)) {
		q->contact = UNKNOWN_CONTACT;
		log_warn(log, "autopilot: Error updating server %s health: error parsing last_contact duration: %s",
		        q->id, f.text);
	}
	arena_free(&mem);
}

/* What is wrong is said each round; what could mend it, once. */
static void answer_failed(struct autopilot_asked *q, struct slice error, struct logbuf *log)
{
	bool unreachable = slice_search(error, S("failed to get conn")) >= 0;
	if (unreachable && !q->unreachable)
		log_warn(log,
		        "consul: server \"%s\" can't be reached at the address it advertises: %.*s; if others have to "
		        "use "
		        "another one, start it with -advertise",
		        q->name, PS(error));
	else
		log_warn(log, "consul: error getting server health from \"%s\": %.*s", q->name, PS(error));
	q->unreachable = unreachable;
}

void autopilot_answer(struct autopilot *a, uint64_t tag, struct slice error, struct slice body, struct logbuf *log)
{
	bool waiting = false;
	for (uint32_t i = 0; i < a->asked_n; i++) {
		struct autopilot_asked *q = &a->asked[i];
		if (!q->waiting || q->tag != tag)
			continue;
		q->waiting = false;
		if (error.n) {
			answer_failed(q, error, log);
			continue;
		}
		answer_take(q, body, log);
		q->unreachable = false;
	}
	for (uint32_t i = 0; i < a->asked_n; i++)
		waiting |= a->asked[i].waiting;
	if (!waiting && a->answers_due != INT64_MAX)
		a->answers_due = 0; /* that was the last: the round ends with the next tick */
}

/* ---- judging ---- */

static bool is_healthy(
        const struct server_health *h, const struct autopilot_config *c, raft_term term, raft_index target)
{
	return h->serf_status == MEMBER_ALIVE && h->last_contact >= 0 && h->last_contact <= c->last_contact_threshold &&
	       h->last_term == term &&
	       (target <= c->max_trailing_logs || h->last_index >= target - c->max_trailing_logs);
}

static const struct autopilot_seen *seen_find(const struct autopilot *a, struct slice id)
{
	for (uint32_t i = 0; i < a->seen_n; i++)
		if (slice_is(id, a->seen[i].id))
			return &a->seen[i];
	return NULL;
}

/* "1.0.8" of "1.0.8:1a2b3c4d" */
static struct slice version_text(struct slice build, struct arena *mem)
{
	uint32_t v[3];
	return tags_build(build, v) ? arena_str(mem, "%u.%u.%u", v[0], v[1], v[2]) : S_NONE;
}

/* What was found about one of Raft's servers; `now` gets what is to be remembered of it. */
static void judge(struct autopilot *a, const struct autopilot_view *v, const struct autopilot_config *config,
        const struct raft_server *r, struct arena *mem, struct server_health *h, struct autopilot_seen *now)
{
	const struct server *s = server_by_id(v->raft.root, r->id);
	const struct autopilot_asked *q = asked_find(a, r->id);
	const struct autopilot_seen *before = seen_find(a, r->id);
	*h = (struct server_health){
	        .id = r->id,
	        .address = r->address,
	        .leader = slice_eq(r->address, v->leader),
	        .last_contact = UNKNOWN_CONTACT,
	        .voter = r->suffrage == RAFT_VOTER,
	};
	slice_cstr(r->id, now->id, sizeof now->id);
	now->since = 0;
	now->from = v->now;
	if (s) {
		h->name = s->name;
		h->serf_status = s->status;
		h->version = version_text(s->build, mem);
	}
	if (s && q && q->fresh) {
		h->last_term = q->last_term;
		h->last_index = q->last_index;
		h->last_contact = q->contact;
		h->healthy = is_healthy(h, config, v->last_term, a->target);
		bool same = before && before->healthy == h->healthy;
		now->since = same ? before->since : v->wall;
		now->from = same ? before->from : v->now;
	}
	now->healthy = h->healthy;
	char since[GOTIME_BYTES];
	gotime_put(since, now->since);
	h->stable_since = arena_copy(mem, slice_at(since, sizeof since));
}

static void keep(struct db *db, size_t position, const struct server_health *h)
{
	char key[12];
	snprintf(key, sizeof key, "%05u", (unsigned)position);
	struct item *it = model_item(db, slice_of(key), &server_health_schema, h);
	MUST(it && db_put(db, TREE_SERVER_HEALTH, it));
}

static void round_end(struct autopilot *a, struct db *db, const struct autopilot_view *v)
{
	const struct autopilot_config *config;
	struct arena mem = {0};
	a->answers_due = INT64_MAX;
	for (uint32_t i = 0; i < a->asked_n; i++)
		if (a->asked[i].waiting)
			log_warn(v->raft.log,
			        "consul: error getting server health from \"%s\": context deadline exceeded",
			        a->asked[i].name);
	autopilot_config_get(v->raft.root, NULL, &config);
	struct autopilot_seen *seen = calloc(v->raft.n + 1, sizeof *seen);
	struct server_health *all = arena_zalloc(&mem, (v->raft.n + 1) * sizeof *all);
	MUST(seen && all);
	for (size_t i = 0; i < v->raft.n && config; i++)
		judge(a, v, config, &v->raft.servers[i], &mem, &all[i], &seen[i]);
	free(a->seen);
	a->seen = seen;
	a->seen_n = config ? (uint32_t)v->raft.n : 0;
	db_remove_prefix(db, TREE_SERVER_HEALTH, S_NONE);
	for (size_t i = 0; i < a->seen_n; i++)
		keep(db, i, &all[i]);
	arena_free(&mem);
}

static bool round_complete(const struct autopilot *a, mono_ns now)
{
	bool waiting = false;
	for (uint32_t i = 0; i < a->asked_n; i++)
		waiting |= a->asked[i].waiting;
	return a->answers_due != INT64_MAX && (!waiting || now >= a->answers_due);
}

/* ---- promoting and removing ---- */

static bool is_stable(const struct autopilot_seen *s, const struct autopilot_config *c, mono_ns now)
{
	return s && s->healthy && now - s->from >= c->server_stabilization_time;
}

static bool promote(struct autopilot *a, const struct autopilot_view *v, const struct autopilot_config *c)
{
	if (servers_raft_protocol(v->raft.root) < PROTOCOL_NEEDED)
		return false;
	for (size_t i = 0; i < v->raft.n; i++) {
		const struct raft_server *r = &v->raft.servers[i];
		if (r->suffrage != RAFT_NONVOTER || !is_stable(seen_find(a, r->id), c, v->now))
			continue;
		log_info(v->raft.log, "autopilot: Promoting Server (ID: \"%.*s\" Address: \"%.*s\") to voter",
		        PS(r->id), PS(r->address));
		order(a, (struct autopilot_order){
		                 AUTOPILOT_CHANGE, .kind = RAFT_ADD_VOTER, .id = r->id, .address = r->address});
		return true;
	}
	return false;
}

/* At the end of each round, so that nobody waits for his vote until the next look (the reference: up to 10 s longer).
 */
static void promote_stable(struct autopilot *a, const struct autopilot_view *v)
{
	const struct autopilot_config *config;
	autopilot_config_get(v->raft.root, NULL, &config);
	if (config && !a->changing)
		a->changing = promote(a, v, config);
}

static bool is_stale(const struct db_root *root, const struct raft_server *r)
{
	return !server_by_address(root, r->address) && !server_by_id(root, r->id);
}

/* Both kinds of the dead, counted or, with `carry_out`, removed: all the failed, and the first of the stale. */
static unsigned dead(struct autopilot *a, const struct autopilot_view *v, bool carry_out, bool *changes)
{
	struct cursor c;
	const struct server *s;
	unsigned n = 0;
	servers_lan(&c, v->raft.root);
	while ((s = server_next(&c))) {
		if (s->status != MEMBER_FAILED)
			continue;
		n++;
		if (carry_out) {
			log_info(v->raft.log, "autopilot: Attempting removal of failed server node \"%.*s\"",
			        PS(s->name));
			order(a, (struct autopilot_order){AUTOPILOT_FORCE_LEAVE, .name = s->name});
		}
	}
	for (size_t i = 0; i < v->raft.n; i++) {
		const struct raft_server *r = &v->raft.servers[i];
		if (!is_stale(v->raft.root, r))
			continue;
		n++;
		if (carry_out && !*changes) {
			log_info(v->raft.log,
			        "autopilot: Attempting removal of stale Server (ID: \"%.*s\" Address: \"%.*s\")",
			        PS(r->id), PS(r->address));
			order(a, (struct autopilot_order){
			                 AUTOPILOT_CHANGE, .kind = RAFT_REMOVE, .id = r->id, .address = r->address});
			*changes = true;
		}
	}
	return n;
}

/* Only while those that remain are plainly more. */
static bool prune(struct autopilot *a, const struct autopilot_view *v, const struct autopilot_config *c)
{
	bool changes = false;
	size_t voters = servers_voters(v->raft.servers, v->raft.n);
	unsigned n = c->cleanup_dead_servers ? dead(a, v, false, &changes) : 0;
	if (n && n < voters / 2)
		dead(a, v, true, &changes);
	else if (n)
		log_debug(v->raft.log, "autopilot: Failed to remove dead servers: too many dead servers: %u/%zu", n,
		        voters);
	return changes;
}

static void look(struct autopilot *a, const struct autopilot_view *v)
{
	const struct autopilot_config *config;
	a->look_due = v->now + LOOK_INTERVAL;
	autopilot_config_get(v->raft.root, NULL, &config);
	if (!config || a->changing)
		return;
	a->changing = promote(a, v, config) || prune(a, v, config);
}

void autopilot_changed(struct autopilot *a, mono_ns now)
{
	if (a->on && a->changing)
		a->look_due = now;
	a->changing = false;
}

bool autopilot_tick(struct autopilot *a, struct db *db, const struct autopilot_view *v)
{
	bool judged = false;
	orders_clear(a);
	if (!a->on)
		return false;
	if (round_complete(a, v->now)) {
		round_end(a, db, v);
		judged = true;
	}
	if (v->now >= a->health_due)
		round_begin(a, v);
	if (round_complete(a, v->now)) { /* alone there is nobody to wait for */
		round_end(a, db, v);
		judged = true;
	}
	if (judged)
		promote_stable(a, v);
	if (v->now >= a->look_due)
		look(a, v);
	return judged;
}
