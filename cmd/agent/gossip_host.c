#include "cmd/agent/gossip_host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cmd/agent/gossip_config.h"
#include "cmd/agent/gossip_files.h"
#include "cmd/agent/gossip_resolve.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/gossip_link.h"

enum { POOLS = GOSSIP_WAN + 1, RESOLVES_MAX = 16 };

_Static_assert(GOSSIP_STREAM_THEIRS == LINK_THEIRS, "both number streams alike");

struct host_pool {
	struct gossip_host *host;
	enum gossip_pool kind;
	struct gossip *g; /* NULL: we have no such pool */
	struct gossip_link link;
	struct gossip_files files;
	struct gossip_effects effects;
	struct timer timer;
	uint16_t port; /* for names without one */
	bool stepping;
};

struct gossip_host {
	struct watch resolved; /* first: an eventfd, written when names are resolved */
	struct gossip_host_options o;
	struct host_pool pools[POOLS];
	struct job *jobs; /* being resolved */
	unsigned jobs_n;
	_Atomic(struct job *) done;
};

/* One resolving thread. */
struct job {
	struct job *next, *next_done;
	pthread_t thread;
	struct gossip_host *host;
	struct resolve *resolve;
};

/* ---- addresses of net and of core ---- */

static struct address to_net(const struct gossip_addr *a)
{
	struct address out = {.kind = ADDRESS_IP6, .port = a->port};
	if (ip_is_v4(&a->ip)) {
		out.kind = ADDRESS_IP4;
		memcpy(out.ip, ip_v4(&a->ip), 4);
	} else {
		memcpy(out.ip, a->ip.b, IP_BYTES);
	}
	return out;
}

static struct gossip_addr of_net(const struct address *a)
{
	struct gossip_addr out = {.port = a->port};
	if (a->kind == ADDRESS_IP4)
		out.ip = ip_of_v4(a->ip);
	else
		memcpy(out.ip.b, a->ip, IP_BYTES);
	return out;
}

/* ---- a step ---- */

static void carry_out(struct host_pool *p, const struct gossip_effect *x)
{
	struct gossip_host *h = p->host;
	struct address to;
	switch (x->kind) {
	case GX_PACKET:
		to = to_net(&x->packet.to);
		link_send(&p->link, &to, x->packet.data);
		break;
	case GX_STREAM_OPEN:
		to = to_net(&x->stream.to);
		link_connect(&p->link, x->stream.id, &to);
		break;
	case GX_STREAM_WRITE: link_write(&p->link, x->stream.id, x->stream.data); break;
	case GX_STREAM_CLOSE: link_close(&p->link, x->stream.id); break;
	case GX_KEYRING: gossip_files_save_keys(&p->files, x->keyring, h->o.log); break;
	case GX_SNAPSHOT:
		gossip_files_snapshot(&p->files, x->snapshot.bytes, x->snapshot.replace, x->snapshot.sync, h->o.log);
		break;
	default: h->o.news(h->o.owner, p->kind, x);
	}
}

static void step(struct host_pool *p, struct gossip_event *ev)
{
	MUST(p->g && !p->stepping);
	p->stepping = true;
	ev->now = p->host->o.loop->now;
	gossip_step(p->g, ev, &p->effects);
	for (size_t i = 0; i < p->effects.n; i++)
		carry_out(p, &p->effects.items[i]);
	p->stepping = false;
	loop_timer(p->host->o.loop, &p->timer, gossip_next(p->g));
}

void gossip_host_step(struct gossip_host *h, enum gossip_pool pool, struct gossip_event *ev)
{
	step(&h->pools[pool], ev);
	link_flush(&h->pools[pool].link);
}

static void timer_fired(struct timer *t)
{
	struct host_pool *p = HEAP_OWNER(t, struct host_pool, timer);
	struct gossip_event ev = {.kind = GE_TIMER};
	gossip_host_step(p->host, p->kind, &ev);
}

/* ---- what the link brings ---- */

static void on_packet(struct gossip_link *l, const struct address *from, struct slice data)
{
	struct gossip_event ev = {.kind = GE_PACKET};
	ev.packet.from = of_net(from);
	ev.packet.data = data;
	step(l->owner, &ev);
}

static void on_stream(struct gossip_link *l, struct gossip_event *ev)
{
	step(l->owner, ev);
	link_flush(l);
}

static void on_opened(struct gossip_link *l, uint32_t stream, const struct address *peer)
{
	struct gossip_event ev = {.kind = GE_STREAM_OPENED};
	ev.stream.id = stream;
	ev.stream.peer = of_net(peer);
	on_stream(l, &ev);
}

static void on_data(struct gossip_link *l, uint32_t stream, struct slice data)
{
	struct gossip_event ev = {.kind = GE_STREAM_DATA};
	ev.stream.id = stream;
	ev.stream.data = data;
	on_stream(l, &ev);
}

static void on_closed(struct gossip_link *l, uint32_t stream, struct slice why)
{
	struct gossip_event ev = {.kind = GE_STREAM_CLOSED};
	ev.stream.id = stream;
	ev.stream.why = why;
	on_stream(l, &ev);
}

static const struct link_calls link_calls = {
        .packet = on_packet, .opened = on_opened, .data = on_data, .closed = on_closed, .idle = link_flush};

/* ---- joining by name ---- */

static void joined_names(struct gossip_host *h, struct resolve *r)
{
	struct gossip_event ev = {.kind = GE_JOIN, .tag = r->tag};
	ev.join.addrs = r->addrs;
	ev.join.n = r->n;
	ev.join.errors = r->errors;
	gossip_host_step(h, (enum gossip_pool)r->pool, &ev);
	resolve_free(r);
}

static void *resolve_thread(void *arg)
{
	struct job *j = arg;
	struct gossip_host *h = j->host;
	resolve_all(j->resolve);
	j->next_done = atomic_load(&h->done);
	while (!atomic_compare_exchange_weak(&h->done, &j->next_done, j))
		;
	uint64_t one = 1;
	ssize_t n = write(h->resolved.fd, &one, sizeof one);
	(void)n; /* full means that it is readable, which is all we want */
	return NULL;
}

static struct resolve *job_end(struct gossip_host *h, struct job *j)
{
	struct job **at = &h->jobs;
	struct resolve *r = j->resolve;
	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	h->jobs_n--;
	pthread_join(j->thread, NULL);
	free(j);
	return r;
}

static void resolved_ready(struct watch *w, uint32_t events)
{
	struct gossip_host *h = (struct gossip_host *)(void *)w;
	uint64_t count;
	ssize_t n = read(w->fd, &count, sizeof count);
	(void)n;
	(void)events;
	for (struct job *j = atomic_exchange(&h->done, NULL), *next; j; j = next) {
		next = j->next_done;
		joined_names(h, job_end(h, j));
	}
}

static void refuse_join(struct gossip_host *h, enum gossip_pool pool, uint64_t tag, const char *why)
{
	struct gossip_effect x = {.kind = GX_DONE};
	x.done.tag = tag;
	x.done.err = ERR_FULL;
	x.done.text = slice_of(why);
	h->o.news(h->o.owner, pool, &x);
}

void gossip_host_join(struct gossip_host *h, enum gossip_pool pool, uint64_t tag, struct list names)
{
	struct resolve *r = resolve_new(names, h->pools[pool].port, (int)pool, tag);
	if (r && resolve_here(r)) {
		joined_names(h, r);
		return;
	}
	struct job *j = r && h->jobs_n < RESOLVES_MAX ? calloc(1, sizeof *j) : NULL;
	if (j) {
		*j = (struct job){.next = h->jobs, .host = h, .resolve = r};
		h->jobs = j;
		h->jobs_n++;
		if (!pthread_create(&j->thread, NULL, resolve_thread, j))
			return;
		h->jobs = j->next;
		h->jobs_n--;
		free(j);
	}
	if (r)
		resolve_free(r);
	refuse_join(h, pool, tag, "too many names are being resolved");
}

/* ---- birth and death ---- */

static enum err open_pool(struct gossip_host *h, enum gossip_pool kind, struct arena *a, struct fail *f)
{
	struct host_pool *p = &h->pools[kind];
	struct gossip_config c;
	struct address at;
	char text[256];
	if (!gossip_config_of(h->o.config, kind, a, &c))
		return OK;
	const struct config_addr *bind = gossip_config_bind(h->o.config, kind);
	if (!address_parse_ip(slice_at(slice_cstr(bind->host, text, sizeof text), bind->host.n), &at))
		return fail_set(f, ERR_INVALID, "\"%.*s\" is no address to bind to", PS(bind->host));
	at.port = p->port = (uint16_t)bind->port;
	c.log = h->o.log;
	c.seed = h->o.seed + kind;
	enum err e = gossip_files_open(&p->files, h->o.config, kind, a, &c.snapshot_bytes, f);
	e = e ? e : gossip_files_keys(&p->files, h->o.config, a, &c.keys, f);
	if (e)
		return e;
	e = link_open(&p->link, h->o.loop, &at, &link_calls, p, f);
	if (e)
		return fail_wrap(f,
		        "Failed to create memberlist: Could not set up network transport: failed to obtain an address: "
		        "Failed to start TCP listener on \"%.*s\" port %u",
		        PS(bind->host), at.port);
	p->g = gossip_new(&c, f);
	return p->g ? OK : fail_wrap(f, "Failed to create memberlist");
}

static const char *const titles[POOLS] = {"LAN Serf", "WAN Serf"};

struct gossip_host *gossip_host_new(const struct gossip_host_options *o, struct fail *f)
{
	struct arena a = {0};
	struct gossip_host *h = calloc(1, sizeof *h);
	if (!h) {
		fail_set(f, ERR_NO_MEMORY, "out of memory");
		return NULL;
	}
	h->o = *o;
	h->resolved.ready = resolved_ready;
	for (int i = 0; i < POOLS; i++)
		h->pools[i] = (struct host_pool){
		        .host = h, .kind = (enum gossip_pool)i, .timer = {.fire = timer_fired}, .files = {.fd = -1}};
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	enum err e =
	        fd >= 0 && loop_add(o->loop, fd, EPOLLIN, &h->resolved) ? OK : fail_set(f, ERR_IO, "no descriptors");
	/* Consul starts the WAN first; its port is in the LAN's tags. */
	for (int i = POOLS; i-- > 0 && !e;) {
		e = open_pool(h, (enum gossip_pool)i, &a, f);
		if (e)
			fail_wrap(f, "Failed to start %s", o->config->server_mode ? titles[i] : "lan serf");
	}
	arena_free(&a);
	if (!e)
		return h;
	gossip_host_free(h);
	return NULL;
}

void gossip_host_start(struct gossip_host *h)
{
	struct gossip_event ev = {.kind = GE_START};
	for (int i = POOLS; i-- > 0;)
		if (h->pools[i].g)
			gossip_host_step(h, (enum gossip_pool)i, &ev);
}

void gossip_host_free(struct gossip_host *h)
{
	while (h->jobs)
		resolve_free(job_end(h, h->jobs));
	if (h->resolved.fd > 0) {
		loop_del(h->o.loop, &h->resolved);
		close(h->resolved.fd);
	}
	for (int i = 0; i < POOLS; i++) {
		struct host_pool *p = &h->pools[i];
		loop_timer_stop(h->o.loop, &p->timer);
		link_free(&p->link);
		gossip_files_close(&p->files);
		gossip_effects_free(&p->effects);
		if (p->g)
			gossip_free(p->g);
	}
	free(h);
}

const struct gossip *gossip_host_pool(const struct gossip_host *h, enum gossip_pool pool)
{
	return h->pools[pool].g;
}
