#include "core/agent/sync.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/state/command.h"
#include "core/state/health.h"
#include "core/state/rows.h"

/* After a failure, doubled with each that follows, and up to twice that at random. The reference waits 15 to 30 s after
 * a comparison, and after a change until something else happens: what was registered while a leader was replaced is
 * missing that long. */
#define RETRY_FIRST (500 * NS_PER_MS)
#define RETRY_LAST (15 * NS_PER_S)

enum write_kind { WRITE_SERVICE, WRITE_CHECK, WRITE_NODE, DELETE_SERVICE, DELETE_CHECK, READ_SERVICES, READ_CHECKS };

struct entry_mark {
	struct slice id;
	uint64_t change;
};

/* What a message of ours is about; in its memory. */
struct sync_work {
	enum write_kind kind;
	struct entry_mark about;
	struct list checks; /* of struct entry_mark: those that went with a service */
};

void sync_init(struct sync *s, struct local *l, const struct agent_config *c, struct rand *r, struct logbuf *log)
{
	*s = (struct sync){.local = l, .config = c, .rand = r, .log = log, .full_at = INT64_MAX};
	s->out_tail = &s->out;
}

static void message_free(struct message *m)
{
	arena_free(&m->mem);
	free(m);
}

static void free_all(struct message *m)
{
	for (struct message *next; m; m = next) {
		next = m->next;
		message_free(m);
	}
}

void sync_free(struct sync *s)
{
	free_all(s->out);
	free_all(s->waiting);
	free_all(s->riding);
	free_all(s->answered);
	free_all(s->told[0]);
	free_all(s->told[1]);
}

/* ---- questions that wait ---- */

static void move_all(struct message **from, struct message **to)
{
	while (*to)
		to = &(*to)->next;
	*to = *from;
	*from = NULL;
}

static void push(struct message **list, struct message *m)
{
	m->next = *list;
	*list = m;
}

void sync_wait(struct sync *s, struct message *m)
{
	push(s->leader ? &s->waiting : &s->answered, m);
}

struct message *sync_answered(struct sync *s)
{
	struct message *m = s->answered;
	s->answered = NULL;
	return m;
}

/* ---- leadership ---- */

void sync_leader(struct sync *s, bool known, mono_ns now)
{
	if (known == s->leader)
		return;
	s->leader = known;
	s->full_at = known ? now : INT64_MAX;
	if (!known)
		move_all(&s->waiting, &s->answered);
}

mono_ns sync_next(const struct sync *s)
{
	if (!s->leader || s->flying)
		return INT64_MAX;
	return s->local->changed || s->waiting ? 0 : s->full_at;
}

static dur_ns stagger(struct sync *s, dur_ns d)
{
	return d > 0 ? (dur_ns)rand_below(s->rand, (uint64_t)d) : 0;
}

/* ---- requests ---- */

static struct slice token_of(const struct sync *s, struct slice own)
{
	return own.n ? own : s->config->acl_token;
}

static struct slice agent_token(const struct sync *s)
{
	return s->config->acl_agent_token.n ? s->config->acl_agent_token : s->config->acl_token;
}

static struct message *message_new(enum write_kind kind, const struct local_entry *e)
{
	struct message *m = calloc(1, sizeof *m);
	struct sync_work *w = m ? ARENA_NEW(&m->mem, struct sync_work) : NULL;
	if (!w) {
		free(m);
		return NULL;
	}
	m->front = -1;
	m->ask = ASK_COMMAND;
	m->context = w;
	w->kind = kind;
	if (e)
		w->about = (struct entry_mark){arena_copy(&m->mem, e->id), e->change};
	return m;
}

static void out_add(struct sync *s, struct message *m)
{
	m->next = NULL;
	*s->out_tail = m;
	s->out_tail = &m->next;
	s->flying++;
}

/* False: out of memory, the message is gone. */
static bool send(struct sync *s, struct message *m, enum command_type type, const struct schema *schema, const void *q)
{
	struct buf b = {0};
	command_write(&b, type, schema, q);
	m->command = b.failed ? S_NONE : arena_copy(&m->mem, buf_view(&b));
	buf_free(&b);
	if (!m->command.p || m->mem.failed) {
		message_free(m);
		return false;
	}
	out_add(s, m);
	return true;
}

/* Every registration carries the node, too. */
static struct register_request node_request(const struct sync *s, struct slice token, struct arena *a)
{
	const struct agent_config *c = s->config;
	return (struct register_request){
	        .datacenter = c->datacenter,
	        .id = c->node_id,
	        .node = c->node_name,
	        .address = c->advertise_addr,
	        .tagged_addresses = c->tagged_addresses,
	        .node_meta = local_metadata(c, a),
	        .token = token,
	};
}

static bool send_node(struct sync *s)
{
	struct message *m = message_new(WRITE_NODE, NULL);
	if (!m)
		return false;
	struct register_request q = node_request(s, agent_token(s), &m->mem);
	return send(s, m, COMMAND_REGISTER, &register_request_schema, &q);
}

static bool send_deletion(struct sync *s, enum write_kind kind, const struct local_entry *e)
{
	struct message *m = message_new(kind, e);
	struct deregister_request q = {
	        .datacenter = s->config->datacenter,
	        .node = s->config->node_name,
	        .service_id = kind == DELETE_SERVICE ? e->id : S_NONE,
	        .check_id = kind == DELETE_CHECK ? e->id : S_NONE,
	        .token = token_of(s, e->token),
	};
	return m && send(s, m, COMMAND_DEREGISTER, &deregister_request_schema, &q);
}

/* The checks that ride with a service: their rows for the request, their marks for the answer. */
static struct list gather_checks(struct sync *s, struct message *m, struct local_entry *service)
{
	struct sync_work *w = m->context;
	struct rows checks = ROWS(&m->mem, struct health_check), marks = ROWS(&m->mem, struct entry_mark);
	for (struct local_entry *e = service->ride; e; e = e->next) {
		const struct local_check *row = local_check_get(db_working(s->local->db), e->id);
		struct health_check *to = rows_add(&checks);
		struct entry_mark *mark = rows_add(&marks);
		if (!to || !mark)
			break;
		*to = row->check;
		*mark = (struct entry_mark){arena_copy(&m->mem, e->id), e->change};
	}
	w->checks = rows_list(&marks);
	return rows_list(&checks);
}

static bool send_service(struct sync *s, struct local_entry *e)
{
	struct message *m = message_new(WRITE_SERVICE, e);
	if (!m)
		return false;
	struct node_service service = local_service_get(db_working(s->local->db), e->id)->service;
	struct register_request q = node_request(s, token_of(s, e->token), &m->mem);
	struct list checks = gather_checks(s, m, e);
	q.service = &service;
	if (checks.n == 1) /* as servers before 0.5 want it */
		q.check = checks.items;
	else
		q.checks = checks;
	return send(s, m, COMMAND_REGISTER, &register_request_schema, &q);
}

static bool send_check(struct sync *s, struct local_entry *e)
{
	struct message *m = message_new(WRITE_CHECK, e);
	if (!m)
		return false;
	struct health_check check = local_check_get(db_working(s->local->db), e->id)->check;
	const struct local_service *of = local_service_get(db_working(s->local->db), check.service_id);
	struct node_service service;
	struct register_request q = node_request(s, token_of(s, e->token), &m->mem);
	q.check = &check;
	if (of && check.service_id.n) {
		service = of->service;
		q.service = &service;
	}
	local_check_undefer(s->local, e);
	return send(s, m, COMMAND_REGISTER, &register_request_schema, &q);
}

/* ---- a pass ---- */

/* The list in the order in which it grew. */
static struct local_entry *take_list(struct local_entry **list)
{
	struct local_entry *reversed = NULL;
	for (struct local_entry *e = *list, *next; e; e = next) {
		next = e->next;
		e->next = reversed;
		reversed = e;
	}
	*list = NULL;
	return reversed;
}

/* Checks that are out of step go with their service if that is out of step, too, and has the same token: then both
 * appear at once. The others go alone. Returns those. */
static struct local_entry *seat_checks(struct sync *s, struct local_entry *checks)
{
	struct local_entry *alone = NULL, **tail = &alone;
	for (struct local_entry *e = checks, *next; e; e = next) {
		next = e->next;
		e->next = NULL;
		e->queued = false;
		const struct local_check *row = e->deleted ? NULL : local_check_get(db_working(s->local->db), e->id);
		struct local_entry *service =
		        row && row->check.service_id.n ? local_entry_of_service(s->local, row->check.service_id) : NULL;
		if (service && service->queued && !service->deleted &&
		        slice_eq(token_of(s, service->token), token_of(s, e->token))) {
			e->next = service->ride;
			service->ride = e;
		} else {
			*tail = e;
			tail = &e->next;
		}
	}
	return alone;
}

static void again_with_riders(struct sync *s, struct local_entry *e)
{
	local_service_again(s->local, e);
	for (struct local_entry *c = e->ride, *next; c; c = next) {
		next = c->next;
		local_check_again(s->local, c);
	}
}

static void write_services(struct sync *s, struct local_entry *list)
{
	for (struct local_entry *e = list, *next; e; e = next) {
		next = e->next;
		e->queued = false;
		if (!(e->deleted ? send_deletion(s, DELETE_SERVICE, e) : send_service(s, e)))
			again_with_riders(s, e);
		e->ride = NULL;
	}
}

static void write_checks(struct sync *s, struct local_entry *list)
{
	for (struct local_entry *e = list, *next; e; e = next) {
		next = e->next;
		if (!(e->deleted ? send_deletion(s, DELETE_CHECK, e) : send_check(s, e)))
			local_check_again(s->local, e);
	}
}

/* ---- what the catalog has of us ---- */

static bool ask(struct sync *s, enum write_kind kind, enum ask what)
{
	struct message *m = message_new(kind, NULL);
	if (!m)
		return false;
	m->ask = what;
	m->token = arena_copy(&m->mem, agent_token(s));
	out_add(s, m);
	return true;
}

static bool registers(const struct message *m)
{
	for (; m; m = m->next)
		if (((const struct sync_work *)m->context)->kind <= WRITE_CHECK)
			return true;
	return false;
}

static void tell_in_step(struct sync *s)
{
	struct local_entry *e;
	for (size_t at = 0; (e = map_next(&s->local->services, &at));)
		if (e->in_sync)
			log_debug(s->log, "agent: Service \"%.*s\" in sync", PS(e->id));
	for (size_t at = 0; (e = map_next(&s->local->checks, &at));)
		if (e->in_sync)
			log_debug(s->log, "agent: Check \"%.*s\" in sync", PS(e->id));
}

static void end_pass(struct sync *s, mono_ns now)
{
	if (s->fail.code) {
		log_err(s->log,
		        s->full ? "agent: failed to sync remote state: %s" : "agent: failed to sync changes: %s",
		        s->fail.text);
		s->retry = !s->retry ? RETRY_FIRST : s->retry < RETRY_LAST / 2 ? 2 * s->retry : RETRY_LAST;
		if (s->leader)
			s->full_at = now + s->retry + stagger(s, s->retry);
	} else {
		s->retry = 0;
	}
	s->fail.code = OK;
	move_all(&s->riding, &s->answered);
}

static void compare_here(struct sync *s)
{
	const struct db_root *r = db_working(s->local->db);
	struct arena a = {0};
	struct sync_remote remote;
	catalog_node_services(r, NULL, s->config->node_name, &a, &remote.node, &remote.services);
	health_checks_of_node(r, NULL, s->config->node_name, &a, &remote.checks);
	if (!a.failed)
		sync_compare(s->local, &remote);
	arena_free(&a);
}

static void compare_told(struct sync *s)
{
	struct sync_remote remote = *(const struct sync_remote *)s->told[0]->reply;
	remote.checks = ((const struct sync_remote *)s->told[1]->reply)->checks;
	sync_compare(s->local, &remote);
}

/* What is out of step is known: writes it. */
static void write_all(struct sync *s, mono_ns now)
{
	struct local *l = s->local;
	if (s->full && s->log->level <= LOG_DEBUG)
		tell_in_step(s);
	l->changed = false;
	move_all(&s->waiting, &s->riding);
	struct local_entry *services = take_list(&l->services_out);
	struct local_entry *checks = seat_checks(s, take_list(&l->checks_out));
	write_services(s, services);
	write_checks(s, checks);
	if (l->node_in_sync)
		log_debug(s->log, "agent: Node info in sync");
	else if (!registers(s->out))
		send_node(s);
	if (!s->flying)
		end_pass(s, now);
}

static void begin_pass(struct sync *s, mono_ns now)
{
	s->full = now >= s->full_at;
	if (s->full)
		s->full_at = now + s->config->ae_interval + stagger(s, s->config->ae_interval);
	if (s->full && s->remote) {
		if (!ask(s, READ_SERVICES, ASK_OWN_SERVICES) || !ask(s, READ_CHECKS, ASK_OWN_CHECKS))
			fail_set(&s->fail, ERR_NO_MEMORY, "out of memory");
		if (!s->flying)
			end_pass(s, now);
		return;
	}
	if (s->full)
		compare_here(s);
	write_all(s, now);
}

static bool is_due(const struct sync *s, mono_ns now)
{
	return s->leader && !s->flying && (s->local->changed || s->waiting || now >= s->full_at);
}

struct message *sync_outbox(struct sync *s, mono_ns now)
{
	if (is_due(s, now))
		begin_pass(s, now);
	struct message *m = s->out;
	s->out = NULL;
	s->out_tail = &s->out;
	return m;
}

/* ---- answers ---- */

static bool in_step(struct local_entry *e, const struct entry_mark *mark)
{
	if (!e || e->change != mark->change)
		return false;
	e->in_sync = true;
	return true;
}

static void written(struct sync *s, const struct sync_work *w)
{
	struct local *l = s->local;
	struct local_entry *e;
	const struct entry_mark *checks = w->checks.items;
	switch (w->kind) {
	case WRITE_SERVICE:
		in_step(local_entry_of_service(l, w->about.id), &w->about);
		for (uint32_t i = 0; i < w->checks.n; i++)
			in_step(local_entry_of_check(l, checks[i].id), &checks[i]);
		log_info(s->log, "agent: Synced service \"%.*s\"", PS(w->about.id));
		break;
	case WRITE_CHECK:
		in_step(local_entry_of_check(l, w->about.id), &w->about);
		log_info(s->log, "agent: Synced check \"%.*s\"", PS(w->about.id));
		break;
	case WRITE_NODE: log_info(s->log, "agent: Synced node info"); break;
	case DELETE_SERVICE:
		e = local_entry_of_service(l, w->about.id);
		if (in_step(e, &w->about))
			local_service_forget(l, e);
		log_info(s->log, "agent: Deregistered service \"%.*s\"", PS(w->about.id));
		break;
	case READ_SERVICES:
	case READ_CHECKS: break;
	case DELETE_CHECK:
		e = local_entry_of_check(l, w->about.id);
		if (in_step(e, &w->about))
			local_check_forget(l, e);
		log_info(s->log, "agent: Deregistered check \"%.*s\"", PS(w->about.id));
		break;
	}
	if (w->kind <= WRITE_NODE)
		l->node_in_sync = true;
}

/* Stays out of step. What changed meanwhile is queued already. */
static void failed(struct sync *s, const struct sync_work *w, struct slice why)
{
	static const char *const texts[] = {
	        [WRITE_SERVICE] = "Syncing service",
	        [WRITE_CHECK] = "Syncing check",
	        [DELETE_SERVICE] = "Deregistering service",
	        [DELETE_CHECK] = "Deregistering check",
	};
	struct local *l = s->local;
	bool service = w->kind == WRITE_SERVICE || w->kind == DELETE_SERVICE;
	const struct entry_mark *checks = w->checks.items;
	struct local_entry *e;
	if (w->kind == WRITE_NODE)
		log_warn(s->log, "agent: Syncing node info failed. %.*s", PS(why));
	else
		log_warn(s->log, "agent: %s \"%.*s\" failed. %.*s", texts[w->kind], PS(w->about.id), PS(why));
	if (service && (e = local_entry_of_service(l, w->about.id)))
		local_service_again(l, e);
	if (!service && w->kind != WRITE_NODE && (e = local_entry_of_check(l, w->about.id)))
		local_check_again(l, e);
	for (uint32_t i = 0; i < w->checks.n; i++)
		if ((e = local_entry_of_check(l, checks[i].id)))
			local_check_again(l, e);
	if (!s->fail.code)
		fail_set(&s->fail, ERR_FAILED, "%.*s", PS(why));
}

/* Both answers are needed; with one of them the other waits. */
static void told(struct sync *s, struct message *m, bool services, mono_ns now)
{
	if (m->err && !s->fail.code)
		fail_set(&s->fail, m->err, "%.*s", PS(m->why));
	m->next = NULL;
	s->told[services ? 0 : 1] = m;
	if (s->flying)
		return;
	bool both = s->told[0] && s->told[1] && !s->fail.code;
	if (both)
		compare_told(s);
	for (int i = 0; i < 2; i++) {
		if (s->told[i])
			message_free(s->told[i]);
		s->told[i] = NULL;
	}
	if (both)
		write_all(s, now);
	else
		end_pass(s, now);
}

void sync_done(struct sync *s, struct message *m, mono_ns now)
{
	const struct sync_work *w = m->context;
	MUST(s->flying > 0);
	s->flying--;
	if (w->kind >= READ_SERVICES) {
		told(s, m, w->kind == READ_SERVICES, now);
		return;
	}
	if (m->err)
		failed(s, w, m->why);
	else if (m->result.kind == APPLY_ERROR)
		failed(s, w, m->result.text);
	else
		written(s, w);
	message_free(m);
	if (!s->flying)
		end_pass(s, now);
}
