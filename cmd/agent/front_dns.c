#include "cmd/agent/front_dns.h"

#include <stdlib.h>
#include <time.h>

#include "cmd/agent/waiting.h"
#include "core/api/dns.h"
#include "core/api/dns_remote.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/method/method.h"
#include "net/dns_client.h"
#include "net/dns_server.h"

enum { ARENA_KEEP = 64 << 10, ARENA_MAX = 16 << 20, DNS_PORT = 53 };

/* A question that waits: for a recursor's answer to it, or for one of its needs, which a recursor or another server
 * knows. */
struct pending {
	struct waiting waiting; /* first: a call under way */
	struct pending *next, **prev;
	uint64_t ticket;
	mono_ns began;
	struct dns_ask ask;
	enum dns_handled handled;
	bool recursing;
	bool fresh;           /* the call is made again: its answer was too old */
	struct dns_need need; /* else; in known.mem */
	struct dns_known known;
	uint8_t packet[];
};

struct front_dns {
	struct front *front;
	struct dns_server *server;
	struct dns_client *client; /* NULL: no recursors */
	struct dns_settings set;
	struct arena arena;
	struct pending *pending;
	unsigned pending_n;
	uint8_t out[DNS_SERVER_ANSWER_MAX];
};

static mono_ns clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* ---- the moment ---- */

/* Stale data will do unless they are too old: then the leader is asked, and without one there are no others. */
static void view_local(const struct front_dns *d, const struct world *w, struct dns_view *v)
{
	const struct agent_config *c = w->config;
	dur_ns contact = w->leader_contact ? d->front->loop.now - w->leader_contact : INT64_MAX;
	v->local = DNS_LOCAL_READ;
	if (!c->server_mode) {
		v->local = DNS_LOCAL_ASK;
	} else if (!world_leading(w) && (!c->dns_allow_stale || contact > c->dns_max_stale)) {
		v->local = w->leader.n ? DNS_LOCAL_ASK : DNS_LOCAL_FAIL;
		v->too_stale = c->dns_allow_stale;
		v->why = S("No cluster leader");
	}
}

static struct dns_view view_now(struct front_dns *d)
{
	struct front *f = d->front;
	const struct world *w = front_world(f);
	struct dns_view v = {.set = &d->set,
	        .db = w->db,
	        .datacenters = {&d->set.datacenter, 1},
	        .now = f->loop.wall,
	        .rand = &f->api.rand,
	        .log = &f->api.log};
	view_local(d, w, &v);
	return v;
}

/* ---- questions that wait ---- */

static void log_question(
        struct logbuf *log, const struct dns_ask *ask, bool recursed, enum dns_handled handled, mono_ns began)
{
	dur_ns took = clock_now() - began;
	if (recursed)
		dns_log(log, ask, DNS_BY_RECURSOR, took);
	if (handled != DNS_BY_RECURSOR)
		dns_log(log, ask, handled, took);
}

static void pending_free(struct front_dns *d, struct pending *p)
{
	waiting_end(&p->waiting);
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	d->pending_n--;
	dns_known_free(&p->known);
	free(p);
}

static void run_again(struct waiting *w, const struct call_again *again);

static struct pending *pending_new(struct front_dns *d, const struct dns_ask *ask, uint64_t ticket)
{
	static const struct waiting_calls calls = {.again = run_again};
	if (!ticket || d->pending_n == DNS_PENDING_MAX)
		return NULL;
	struct pending *p = calloc(1, sizeof(*p) + ask->packet.n);
	if (!p)
		return NULL;
	p->waiting = (struct waiting){.calls = &calls, .front = d->front};
	p->ticket = ticket;
	p->began = clock_now();
	p->ask = *ask;
	memcpy(p->packet, ask->packet.p, ask->packet.n);
	p->ask.packet = slice_at(p->packet, ask->packet.n);
	p->known.seed = rand_u64(&d->front->api.rand);
	p->prev = &d->pending;
	p->next = d->pending;
	if (p->next)
		p->next->prev = &p->next;
	d->pending = p;
	d->pending_n++;
	return p;
}

static void finish(struct front_dns *d, struct pending *p, struct slice answer)
{
	dns_server_reply(d->server, p->ticket, answer);
	if (dns_log_wanted(&d->front->api.log))
		log_question(&d->front->api.log, &p->ask, p->recursing, p->handled, p->began);
	pending_free(d, p);
}

/* Hands the question itself to the recursors. False: they cannot be asked. */
static bool recurse(struct front_dns *d, struct pending *p)
{
	p->recursing = true;
	return d->client &&
	       dns_client_ask(d->client, (uintptr_t)p, dns_recurse_question(&p->ask), p->ask.tcp, DNS_WANT_ANY);
}

static bool knows_a_server(struct front *f)
{
	struct cursor c;
	servers_lan(&c, front_world(f)->db);
	return server_next(&c);
}

/* Calls the method that knows the need, first or once more. False: the fact is there, good or bad. */
static bool call_need(struct front_dns *d, struct pending *p, const struct call_again *again)
{
	struct front *f = d->front;
	const struct agent_config *config = front_world(f)->config;
	struct dns_fact *fact = &p->known.facts[p->known.n - 1];
	struct dns_remote r = dns_remote_call(config, &p->need, config->dns_allow_stale && !p->fresh, &f->api.arena);
	struct api_wait wait = {0};
	if (!r.method) {
		if (!config->server_mode && !knows_a_server(f))
			dns_remote_failed(&p->known, fact, ERR_FAILED, S("No known Consul servers"));
		return false;
	}
	struct call c = api_call(&f->api, r.method, r.request, r.reply, again);
	enum call_state state = method_run(&c);
	api_put_off(&c, &wait);
	switch (state) {
	case CALL_FORWARD: return waiting_begin(&p->waiting, API_FORWARD, &wait);
	case CALL_WAIT_LEADER: return waiting_begin(&p->waiting, API_WAIT_LEADER, &wait);
	case CALL_VERIFY: return waiting_begin(&p->waiting, API_VERIFY, &wait);
	case CALL_DONE:
		if (dns_remote_too_old(config, &r, &f->api.log)) {
			p->fresh = true;
			return call_need(d, p, &(struct call_again){0});
		}
		dns_remote_take(&r, &p->known, fact);
		return false;
	default: dns_remote_failed(&p->known, fact, c.err, slice_of(c.fail.text)); return false;
	}
}

/* Asks for what is missing. False: what can be known of it is known. */
static bool ask_need(struct front_dns *d, struct pending *p, const struct dns_need *need)
{
	struct dns_fact *fact = dns_known_add(&p->known, need);
	if (!fact)
		return false;
	p->need = fact->need;
	if (need->kind != DNS_NEED_NAME) {
		p->fresh = false;
		bool waits = call_need(d, p, &(struct call_again){0});
		front_over(d->front);
		return waits;
	}
	uint8_t question[DNS_HEADER + DNS_WIRE_MAX + 8];
	size_t n = dns_need_question(need, 0, question, sizeof(question));
	return n && d->client && dns_client_ask(d->client, (uintptr_t)p, slice_at(question, n), false, DNS_WANT_WHOLE);
}

/* Runs the question with what is known, again and again while nothing has to be waited for. */
static size_t advance(struct front_dns *d, struct pending *p, uint8_t *out)
{
	for (unsigned round = 0; round <= DNS_FACTS_MAX; round++) {
		struct dns_view v = view_now(d);
		struct dns_result res;
		enum dns_verdict verdict =
		        dns_answer(&v, &p->ask, &p->known, &d->arena, out, DNS_SERVER_ANSWER_MAX, &res);
		bool waits = verdict == DNS_LATER ? ask_need(d, p, &res.need) : verdict == DNS_RECURSE && recurse(d, p);
		p->handled = res.handled;
		arena_reset(&d->arena, ARENA_KEEP);
		if (waits)
			return DNS_SERVER_LATER;
		if (verdict == DNS_RECURSE)
			return dns_recurse_given_up(&v, &p->ask, out, DNS_SERVER_ANSWER_MAX);
		if (verdict != DNS_LATER)
			return res.out_n;
	}
	return DNS_SERVER_SILENT;
}

static void go_on(struct front_dns *d, struct pending *p)
{
	size_t n = advance(d, p, d->out);
	if (n != DNS_SERVER_LATER)
		finish(d, p, slice_at(d->out, n));
}

/* For waiting: another server has answered, or there may be a leader. */
static void run_again(struct waiting *w, const struct call_again *again)
{
	struct pending *p = (struct pending *)w;
	struct front_dns *d = w->front->dns;
	front_world(w->front);
	bool waits = call_need(d, p, again);
	front_over(w->front);
	if (!waits)
		go_on(d, p);
}

static void on_recursor(void *host, uint64_t owner, enum dns_client_event e, struct slice bytes, dur_ns rtt)
{
	struct front_dns *d = host;
	struct pending *p = (struct pending *)(uintptr_t)owner;
	const struct dns_need *need = p->recursing ? NULL : &p->need;
	front_world(d->front); /* sets the log's clock and level */
	struct logbuf *log = &d->front->api.log;
	struct dns_fact *fact = p->known.n ? &p->known.facts[p->known.n - 1] : NULL;
	switch (e) {
	case DNS_CLIENT_FAILED: dns_recurse_failed(log, need, bytes); return;
	case DNS_CLIENT_ANSWERED:
		dns_recurse_answered(log, &p->ask, need, rtt);
		if (!need) {
			finish(d, p, bytes);
			return;
		}
		fact->reply = arena_copy(&p->known.mem, bytes);
		fact->got = fact->reply.p ? DNS_GOT : DNS_GOT_ABSENT;
		break;
	case DNS_CLIENT_GAVE_UP:
		if (!need) {
			struct dns_view v = view_now(d);
			size_t n = dns_recurse_given_up(&v, &p->ask, d->out, sizeof(d->out));
			finish(d, p, slice_at(d->out, n));
			return;
		}
		dns_recurse_need_given_up(log, need);
		break;
	}
	go_on(d, p);
}

/* ---- questions ---- */

static struct dns_ask ask_of(const struct dns_server_question *q)
{
	struct dns_ask ask = {.packet = q->packet, .tcp = q->tcp, .client_port = q->client.port};
	if (q->client.kind == ADDRESS_IP4)
		ask.client = ip_of_v4(q->client.ip);
	else
		memcpy(ask.client.b, q->client.ip, IP_BYTES);
	return ask;
}

/* The answer is not to be had at once. */
static size_t begin_waiting(struct front_dns *d, const struct dns_view *v, const struct dns_ask *ask, uint64_t ticket,
        enum dns_verdict verdict, uint8_t *out)
{
	struct pending *p = verdict == DNS_LATER || d->client ? pending_new(d, ask, ticket) : NULL;
	if (!p)
		return dns_recurse_given_up(v, ask, out, DNS_SERVER_ANSWER_MAX);
	size_t n = advance(d, p, out);
	if (n != DNS_SERVER_LATER)
		pending_free(d, p);
	return n;
}

static size_t on_question(void *host, const struct dns_server_question *q, uint8_t *out, size_t cap)
{
	struct front_dns *d = host;
	struct dns_ask ask = ask_of(q);
	struct dns_view v = view_now(d);
	struct dns_result res;
	bool timed = dns_log_wanted(v.log);
	mono_ns began = timed ? clock_now() : 0;
	enum dns_verdict verdict = dns_answer(&v, &ask, NULL, &d->arena, out, cap, &res);
	size_t n = res.out_n;
	if (verdict == DNS_RECURSE || verdict == DNS_LATER)
		n = begin_waiting(d, &v, &ask, q->ticket, verdict, out);
	arena_reset(&d->arena, ARENA_KEEP);
	if (timed && n != DNS_SERVER_LATER)
		log_question(v.log, &ask, verdict == DNS_RECURSE, res.handled, began);
	return n;
}

/* ---- birth and death ---- */

static bool recursor_address(struct slice text, struct address *out)
{
	if (address_parse(text, out))
		return true;
	if (!address_parse_ip(text, out))
		return false;
	out->port = DNS_PORT;
	return true;
}

static bool client_new(struct front_dns *d, const struct agent_config *c, struct fail *why)
{
	struct address all[DNS_CLIENT_RECURSORS_MAX];
	const struct slice *texts = c->recursors.items;
	unsigned n = 0;
	for (; n < c->recursors.n && n < DNS_CLIENT_RECURSORS_MAX; n++)
		if (!recursor_address(texts[n], &all[n])) {
			fail_set(why, ERR_INVALID, "Invalid recursor address: %.*s", PS(texts[n]));
			return false;
		}
	const struct dns_client_settings settings = {
	        .host = d, .event = on_recursor, .recursors = all, .recursor_n = n, .timeout = c->dns_recursor_timeout};
	d->client = dns_client_new(&d->front->loop, &settings);
	return d->client != NULL;
}

bool front_dns_init(struct front *f, struct fail *why)
{
	const struct agent_config *c = f->process->config;
	if (!c->dns_addrs.n)
		return true;
	struct front_dns *d = calloc(1, sizeof(*d));
	fail_set(why, ERR_NO_MEMORY, "out of memory");
	if (!d)
		return false;
	f->dns = d;
	d->front = f;
	arena_init(&d->arena, ARENA_MAX);
	if (!dns_settings_of(&d->set, c)) {
		fail_set(why, ERR_INVALID, "%.*s is no domain", PS(c->domain));
		return false;
	}
	const struct dns_server_settings settings = {.host = d, .answer = on_question, .later_max = DNS_PENDING_MAX};
	d->server = dns_server_new(&f->loop, &settings);
	return d->server && (!c->recursors.n || client_new(d, c, why));
}

bool front_dns_listen(struct front *f, struct fail *why)
{
	struct process *p = f->process;
	bool good = true;
	for (unsigned i = 0; f->dns && i < p->dns_udp_count; i++)
		good = good && (p->dns_udp[i].fd[f->id] < 0 || dns_server_udp(f->dns->server, p->dns_udp[i].fd[f->id]));
	for (unsigned i = 0; f->dns && i < p->dns_tcp_count; i++)
		good = good && (p->dns_tcp[i].fd[f->id] < 0 || dns_server_tcp(f->dns->server, p->dns_tcp[i].fd[f->id]));
	if (!good)
		fail_set(why, ERR_IO, "the DNS listener can't be watched");
	return good;
}

void front_dns_free(struct front *f)
{
	struct front_dns *d = f->dns;
	if (!d)
		return;
	dns_client_free(d->client);
	dns_server_free(d->server);
	while (d->pending)
		pending_free(d, d->pending);
	arena_free(&d->arena);
	free(d);
	f->dns = NULL;
}
