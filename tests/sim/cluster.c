#include "tests/sim/cluster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/core.h"
#include "core/gossip/gossip.h"
#include "core/gossip/tags.h"
#include "core/method/call.h"
#include "core/raft/raft_wire.h"
#include "core/state/archive.h"
#include "core/state/command.h"
#include "core/state/kv.h"

enum { SERVERS_MAX = 5, CHANNELS = 3, KEYS = 3, CLIENTS = 6, BIG = 1 << 20, STILL_MAX = 100000 };

#define WALL_BEGIN (INT64_C(1500000000) * NS_PER_S)

enum sim_kind {
	SIM_SYNCED,   /* an append is on disk */
	SIM_SNAPSHOT, /* a snapshot is */
	SIM_REQUEST,  /* arrives */
	SIM_ANSWER,
	SIM_LOST,
	SIM_CLOSED,
	SIM_CALLED, /* EV_CALL_DONE: nobody has begun */
	SIM_CLIENT, /* may ask again */
};

struct sim_event {
	struct sim_event *next;
	mono_ns at;
	enum sim_kind kind;
	unsigned node, life; /* whom it is for: nothing, if he died meanwhile */
	unsigned peer, channel, client;
	uint64_t conn, tag, sequence;
	struct buf bytes, state;
};

struct disk_entry {
	raft_index index;
	raft_term term;
	uint8_t type;
	struct buf data;
};

/* What survives: `synced` entries and states, and what is being written behind them. */
struct sim_disk {
	struct disk_entry *entries;
	size_t n, cap;
	raft_term term, vote_term;
	char vote[64];
	raft_index commit;
	struct buf state; /* of the snapshot */
	raft_index snapshot, configuration;
	raft_term snapshot_term;
	struct raft_server servers[SERVERS_MAX];
	char texts[SERVERS_MAX][2][64];
	size_t servers_n;
};

struct link_out { /* to one peer on one channel */
	bool open;
	uint64_t conn;   /* at the peer */
	mono_ns arrives; /* the latest request: in order */
	uint64_t tags[1024];
	unsigned first, count;
};

struct server_node {
	unsigned number, life;
	bool up;
	char name[16], id[48], host[24], address[32];
	struct agent_config config;
	struct epoch *epoch;
	struct core *core;
	struct logbuf log;
	struct effects out;
	struct sim_disk disk;    /* durable */
	struct sim_disk written; /* … and what is not synced yet */
	struct link_out links[SERVERS_MAX][CHANNELS];
	bool stepped;
	bool led;
	struct {
		uint64_t conn;
		unsigned peer, channel, life;
		mono_ns answers;  /* the latest answer: in order */
		bool gone;        /* the connection is; the state is still lent */
		struct buf state; /* lent to the core until the answer */
	} in[256];
};

struct client {
	unsigned number, life_of_node, node;
	bool reading, busy;
	unsigned key;
	raft_index floor; /* what had been acknowledged when it asked */
	struct message *message;
};

struct sim {
	struct rand rand;
	mono_ns now;
	unsigned n;
	struct server_node nodes[SERVERS_MAX];
	struct sim_event *events;
	uint64_t conns, values;
	bool cut[SERVERS_MAX][SERVERS_MAX], calm, quiet, big;
	struct client clients[CLIENTS];
	raft_index acknowledged[KEYS]; /* the newest version that anybody was told of */
	struct cluster_report *report;
};

static void wrong(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct sim *s, const char *fmt, ...)
{
	va_list ap;
	if (s->report->wrong[0])
		return;
	int n = snprintf(s->report->wrong, sizeof s->report->wrong, "at %.6f s: ", (double)s->now / 1e9);
	va_start(ap, fmt);
	vsnprintf(s->report->wrong + n, sizeof s->report->wrong - (size_t)n, fmt, ap);
	va_end(ap);
}

static dur_ns some(struct sim *s, dur_ns least, dur_ns most)
{
	return least + (dur_ns)rand_below(&s->rand, (uint64_t)(most - least + 1));
}

/* ---- what is to happen ---- */

static struct sim_event *later(struct sim *s, mono_ns at, enum sim_kind kind, unsigned node)
{
	struct sim_event *e = calloc(1, sizeof *e), **p = &s->events;
	MUST(e);
	e->at = at;
	e->kind = kind;
	e->node = node;
	e->life = s->nodes[node].life;
	while (*p && (*p)->at <= at)
		p = &(*p)->next;
	e->next = *p;
	*p = e;
	return e;
}

static void event_free(struct sim_event *e)
{
	buf_free(&e->bytes);
	buf_free(&e->state);
	free(e);
}

/* ---- disk ---- */

static void entry_set(struct sim_disk *d, const struct raft_entry *e)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 256;
		d->entries = realloc(d->entries, d->cap * sizeof *d->entries);
		MUST(d->entries);
	}
	struct disk_entry *to = &d->entries[d->n++];
	*to = (struct disk_entry){e->index, e->term, e->type, {0}};
	buf_slice(&to->data, e->data);
}

static void cut_after(struct sim_disk *d, raft_index index)
{
	while (d->n && d->entries[d->n - 1].index > index)
		buf_free(&d->entries[--d->n].data);
}

static void forget_below(struct sim_disk *d, raft_index index)
{
	size_t gone = 0;
	while (gone < d->n && d->entries[gone].index < index)
		buf_free(&d->entries[gone++].data);
	memmove(d->entries, d->entries + gone, (d->n - gone) * sizeof *d->entries);
	d->n -= gone;
}

static void disk_free(struct sim_disk *d)
{
	cut_after(d, 0);
	free(d->entries);
	buf_free(&d->state);
	*d = (struct sim_disk){0};
}

/* An append takes effect at once in `written`; the sync copies it. One at a time is under way, so all of it. */
static void disk_append(struct sim_disk *d, const struct effect *e)
{
	if (e->append.cut_after != UINT64_MAX)
		cut_after(d, e->append.cut_after);
	for (size_t i = 0; i < e->append.n; i++) {
		MUST(!d->n || d->entries[d->n - 1].index + 1 == e->append.entries[i].index);
		entry_set(d, &e->append.entries[i]);
	}
	d->term = e->append.term;
	d->vote_term = e->append.vote_term;
	slice_cstr(e->append.voted_for, d->vote, sizeof d->vote);
	if (e->append.commit > d->commit)
		d->commit = e->append.commit;
}

static void append(struct sim *s, struct server_node *n, const struct effect *e)
{
	disk_append(&n->written, e);
	mono_ns at = s->now + some(s, 20 * NS_PER_US, s->calm ? NS_PER_MS : 8 * NS_PER_MS);
	for (struct sim_event *o = s->events; o; o = o->next) /* in order */
		if (o->kind == SIM_SYNCED && o->node == n->number && o->life == n->life && o->at > at)
			at = o->at;
	later(s, at, SIM_SYNCED, n->number)->sequence = e->append.sequence;
}

static void copy_disk(struct sim_disk *to, const struct sim_disk *from)
{
	/* Both begin with the same entry; what is equal stays. */
	while (to->n && (to->n > from->n || to->entries[to->n - 1].index != from->entries[to->n - 1].index ||
	                        to->entries[to->n - 1].term != from->entries[to->n - 1].term))
		buf_free(&to->entries[--to->n].data);
	for (size_t i = to->n; i < from->n; i++) {
		const struct disk_entry *e = &from->entries[i];
		const struct raft_entry r = {e->index, e->term, e->type, buf_view(&e->data), NULL, NULL};
		entry_set(to, &r);
	}
	to->term = from->term;
	to->vote_term = from->vote_term;
	memcpy(to->vote, from->vote, sizeof to->vote);
	to->commit = from->commit;
}

static bool syncs_open(const struct sim *s, const struct server_node *n)
{
	for (const struct sim_event *e = s->events; e; e = e->next)
		if (e->kind == SIM_SYNCED && e->node == n->number && e->life == n->life)
			return true;
	return false;
}

static void snapshot(struct sim *s, struct server_node *n, const struct effect *e)
{
	struct sim_event *done = later(s, s->now + some(s, NS_PER_MS, 20 * NS_PER_MS), SIM_SNAPSHOT, n->number);
	struct sim_disk *d = &n->written;
	done->sequence = e->snapshot.index;
	buf_reset(&d->state, BIG);
	if (e->snapshot.state.n) {
		buf_slice(&d->state, e->snapshot.state);
	} else {
		struct archive_writer w;
		archive_write_begin(&w, db_published(core_db(n->core)), ARCHIVE_WHOLE);
		while (archive_write_next(&w, &d->state, 1 << 16))
			;
		archive_write_end(&w);
	}
	d->snapshot = e->snapshot.index;
	d->snapshot_term = e->snapshot.term;
	d->configuration = e->snapshot.configuration;
	d->servers_n = e->snapshot.n;
	for (size_t i = 0; i < d->servers_n; i++) {
		const struct raft_server *from = &e->snapshot.servers[i];
		d->servers[i] = *from;
		d->servers[i].id = slice_of(slice_cstr(from->id, d->texts[i][0], 64));
		d->servers[i].address = slice_of(slice_cstr(from->address, d->texts[i][1], 64));
	}
}

static void snapshot_durable(struct server_node *n)
{
	struct sim_disk *to = &n->disk, *from = &n->written;
	buf_reset(&to->state, BIG);
	buf_slice(&to->state, buf_view(&from->state));
	to->snapshot = from->snapshot;
	to->snapshot_term = from->snapshot_term;
	to->configuration = from->configuration;
	to->servers_n = from->servers_n;
	memcpy(to->texts, from->texts, sizeof to->texts);
	for (size_t i = 0; i < to->servers_n; i++) {
		to->servers[i] = from->servers[i];
		to->servers[i].id = slice_of(to->texts[i][0]);
		to->servers[i].address = slice_of(to->texts[i][1]);
	}
}

static void forget(struct server_node *n, const struct effect *e)
{
	raft_index below = e->snapshot.term ? UINT64_MAX : e->snapshot.index + 1;
	forget_below(&n->written, below);
	forget_below(&n->disk, below);
}

/* ---- network ---- */

static unsigned node_at(const struct sim *s, struct slice address)
{
	for (unsigned i = 0; i < s->n; i++)
		if (slice_is(address, s->nodes[i].address))
			return i;
	return SERVERS_MAX;
}

static dur_ns delay(struct sim *s)
{
	if (!s->calm && rand_below(&s->rand, 200) == 0)
		return some(s, 50 * NS_PER_MS, 600 * NS_PER_MS);
	return some(s, 50 * NS_PER_US, s->calm ? NS_PER_MS : 10 * NS_PER_MS);
}

static void lose(struct sim *s, struct server_node *n, unsigned peer, unsigned channel)
{
	struct link_out *l = &n->links[peer][channel];
	if (l->open)
		later(s, s->now + delay(s), SIM_CLOSED, peer)->conn = l->conn;
	*l = (struct link_out){0};
	struct sim_event *e = later(s, s->now + some(s, 10 * NS_PER_US, 5 * NS_PER_MS), SIM_LOST, n->number);
	e->peer = peer;
	e->channel = channel;
}

static void send(struct sim *s, struct server_node *n, const struct effect *x)
{
	unsigned peer = node_at(s, x->raft.address);
	unsigned channel = x->kind == EFF_RAFT_INSTALL ? RAFT_INSTALL : x->raft.channel;
	if (peer == SERVERS_MAX)
		return;
	struct link_out *l = &n->links[peer][channel];
	if (!s->nodes[peer].up || s->cut[n->number][peer] || l->count == 1024) {
		lose(s, n, peer, channel);
		return;
	}
	if (!l->open) {
		l->open = true;
		l->conn = ++s->conns;
		l->arrives = s->now;
	}
	mono_ns at = s->now + delay(s);
	l->arrives = at = at > l->arrives ? at : l->arrives;
	l->tags[(l->first + l->count++) % 1024] = x->raft.tag;
	struct sim_event *e = later(s, at, SIM_REQUEST, peer);
	e->conn = l->conn;
	e->peer = n->number;
	e->channel = channel;
	if (x->kind == EFF_RAFT_INSTALL) {
		struct archive_writer w;
		archive_write_begin(&w, db_published(core_db(n->core)), ARCHIVE_WHOLE);
		while (archive_write_next(&w, &e->state, 1 << 16))
			;
		archive_write_end(&w);
		MUST(raft_wire_sized(x->raft.bytes, (int64_t)e->state.n, &e->bytes));
		s->report->installs++;
	} else {
		buf_slice(&e->bytes, x->raft.bytes);
	}
}

static void answer(struct sim *s, struct server_node *n, const struct effect *x)
{
	for (unsigned i = 0; i < 256; i++) {
		if (n->in[i].conn != x->raft.conn)
			continue;
		unsigned peer = n->in[i].peer, channel = n->in[i].channel;
		buf_free(&n->in[i].state);
		if (n->in[i].gone)
			n->in[i].conn = 0;
		mono_ns at = s->now + delay(s);
		n->in[i].answers = at = at > n->in[i].answers ? at : n->in[i].answers;
		struct sim_event *e = later(s, at, SIM_ANSWER, peer);
		e->life = n->in[i].life;
		e->conn = x->raft.conn;
		e->peer = n->number;
		e->channel = channel;
		buf_slice(&e->bytes, x->raft.bytes);
		return;
	}
}

/* ---- a server ---- */

static void step(struct sim *s, struct server_node *n, struct event *ev)
{
	ev->now = s->now;
	ev->wall = WALL_BEGIN + s->now;
	core_step(n->core, ev, &n->out);
	n->stepped = true;
}

static void client_answered(struct sim *s, struct server_node *n, struct message *m);

static void carry_out(struct sim *s, struct server_node *n, const struct effect *e)
{
	struct sim_event *called;
	switch (e->kind) {
	case EFF_APPEND: append(s, n, e); break;
	case EFF_RAFT_SEND:
	case EFF_RAFT_INSTALL: send(s, n, e); break;
	case EFF_RAFT_ANSWER: answer(s, n, e); break;
	case EFF_RAFT_DROP:
		for (unsigned i = 0; i < s->n; i++)
			for (unsigned c = 0; slice_is(e->raft.peer, s->nodes[i].id) && c < CHANNELS; c++)
				n->links[i][c] = (struct link_out){0};
		break;
	case EFF_SNAPSHOT: snapshot(s, n, e); break;
	case EFF_LOG_FORGET: forget(n, e); break;
	case EFF_REPLY: client_answered(s, n, e->message); break;
	case EFF_CALL:
		called = later(s, s->now + delay(s), SIM_CALLED, n->number);
		called->tag = e->call.tag;
		break;
	default: break;
	}
}

static void flush(struct sim *s, struct server_node *n)
{
	struct world w;
	core_flush(n->core, s->now, &n->out);
	n->stepped = false;
	if (n->out.publish) {
		db_publish(core_db(n->core));
		core_world(n->core, &w);
		epoch_advance(n->epoch);
		s->report->leaders += w.ready && !n->led;
		n->led = w.ready;
		n->out.publish = false;
	}
	for (size_t i = 0; i < n->out.n; i++)
		carry_out(s, n, &n->out.items[i]);
	n->out.n = 0;
	arena_reset(&n->out.mem, 1 << 16);
	buf_reset(&n->log.lines, 1 << 16);
}

static void tell_members(struct sim *s, struct server_node *n)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct server_node *o = &s->nodes[i];
		const struct pair tags[] = {
		        {S("build"), S("1.0.8:12345678")},
		        {S("dc"), S("dc1")},
		        {S("expect"), s->n == 1   ? S("1")
		                      : s->n == 3 ? S("3")
		                                  : S("5")},
		        {S("id"), slice_of(o->id)},
		        {S("port"), S("8300")},
		        {S("raft_vsn"), S("3")},
		        {S("role"), S("consul")},
		        {S("vsn"), S("2")},
		};
		struct pair copy[ARRAY_LEN(tags)];
		struct buf meta = {0};
		memcpy(copy, tags, sizeof tags);
		tags_put(&meta, (struct list){copy, ARRAY_LEN(copy)});
		tags_mark(&meta);
		struct gossip_member m = {.name = slice_of(o->name), .status = GOSSIP_ALIVE, .meta = buf_view(&meta)};
		static const uint8_t vsn[6] = {1, 5, 2, 2, 5, 4};
		m.vsn = vsn;
		MUST(gossip_addr_parse(slice_of(o->host), 8301, &m.addr));
		struct gossip_effect x = {.kind = GX_MEMBER, .member = {CHANGE_JOIN, &m}};
		struct event ev = {.kind = EV_GOSSIP};
		ev.gossip.pool = GOSSIP_LAN;
		ev.gossip.effect = &x;
		step(s, n, &ev);
		buf_free(&meta);
	}
}

static void recover(struct server_node *n)
{
	const struct sim_disk *d = &n->disk;
	struct fail f = {0};
	if (d->snapshot) {
		struct archive_reader rd;
		size_t used;
		archive_read_begin(&rd, core_state(n->core));
		enum err e = archive_read(&rd, buf_view(&d->state), &used, &f);
		MUST(!archive_read_end(&rd, e, d->state.n - used, &f));
		const struct core_snapshot snapshot = {
		        d->snapshot, d->snapshot_term, d->servers, d->servers_n, d->configuration};
		core_restored(n->core, &snapshot);
	}
	raft_term term = d->term > d->snapshot_term ? d->term : d->snapshot_term;
	core_recover_hard(n->core, term, d->vote_term, slice_of(d->vote), d->commit);
	for (size_t i = 0; i < d->n; i++) {
		const struct disk_entry *e = &d->entries[i];
		const struct raft_entry r = {e->index, e->term, e->type, buf_view(&e->data), NULL, NULL};
		if (e->index > d->snapshot)
			MUST(!core_replay(n->core, &r, &f));
	}
}

static void start(struct sim *s, struct server_node *n)
{
	n->epoch = epoch_new();
	const struct core_options o = {
	        .config = &n->config, .epoch = n->epoch, .log = &n->log, .seed = rand_u64(&s->rand), .durable = true};
	n->core = core_new(&o);
	MUST(n->epoch && n->core);
	n->up = true;
	n->led = false;
	recover(n);
	copy_disk(&n->written, &n->disk);
	struct event ev = {.kind = EV_START};
	step(s, n, &ev);
	tell_members(s, n);
	n->out.publish = true;
	flush(s, n);
}

/* The core is gone, and with it whatever was asked of it. */
static void forget_asked(struct client *c)
{
	arena_free(&c->message->mem);
	free(c->message);
	c->message = NULL;
	c->busy = false;
}

/* What was not synced may be there or not: all of it or nothing here, parts are the log's own tests. */
static void crash(struct sim *s, struct server_node *n)
{
	if (syncs_open(s, n) && rand_below(&s->rand, 2))
		copy_disk(&n->disk, &n->written);
	core_free(n->core);
	for (unsigned i = 0; i < CLIENTS; i++)
		if (s->clients[i].busy && s->clients[i].node == n->number) {
			forget_asked(&s->clients[i]); /* never answered */
			s->report->refused++;
			later(s, s->now + some(s, NS_PER_MS, 50 * NS_PER_MS), SIM_CLIENT, n->number)->client = i;
		}
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned c = 0; c < CHANNELS; c++) {
			if (n->links[i][c].open)
				later(s, s->now + delay(s), SIM_CLOSED, i)->conn = n->links[i][c].conn;
			n->links[i][c] = (struct link_out){0};
			if (s->nodes[i].links[n->number][c].open)
				lose(s, &s->nodes[i], n->number, c);
		}
	epoch_free(n->epoch);
	n->out.n = 0;
	arena_reset(&n->out.mem, 0);
	for (unsigned i = 0; i < 256; i++)
		buf_free(&n->in[i].state);
	memset(n->in, 0, sizeof n->in);
	n->core = NULL;
	n->up = false;
	n->life++;
	s->report->crashes++;
}

/* ---- clients ---- */

static void client_ask(struct sim *s, struct client *c)
{
	struct server_node *n = &s->nodes[rand_below(&s->rand, s->n)];
	mono_ns again = s->now + some(s, NS_PER_MS, 30 * NS_PER_MS);
	if (!n->up) {
		later(s, again, SIM_CLIENT, 0)->client = c->number;
		return;
	}
	struct message *m = calloc(1, sizeof *m);
	MUST(m);
	c->node = n->number;
	c->life_of_node = n->life;
	c->key = (unsigned)rand_below(&s->rand, KEYS);
	c->reading = rand_below(&s->rand, 2);
	c->floor = s->acknowledged[c->key];
	c->busy = true;
	c->message = m;
	m->owner = c;
	m->ask = c->reading ? ASK_VERIFY : ASK_COMMAND;
	if (!c->reading) {
		char key[8], value[32];
		static char large[128 << 10];
		bool big = s->big && rand_below(&s->rand, 3) == 0; /* so that followers need snapshots */
		snprintf(key, sizeof key, "k%u", c->key);
		snprintf(value, sizeof value, "%llu", (unsigned long long)++s->values);
		struct kvs_request q = {.datacenter = S("dc1"), .op = S("set")};
		q.dir_entry.key = slice_of(key);
		q.dir_entry.value = big ? (struct slice){large, sizeof large} : slice_of(value);
		struct buf b = {0};
		command_write(&b, COMMAND_KVS, &kvs_request_schema, &q);
		m->command = arena_copy(&m->mem, buf_view(&b));
		buf_free(&b);
	}
	struct event ev = {.kind = EV_MESSAGE, .message = m};
	step(s, n, &ev);
}

static raft_index version(const struct server_node *n, unsigned key)
{
	struct arena a = {0};
	struct dir_entry e;
	char name[8];
	bool found;
	snprintf(name, sizeof name, "k%u", key);
	kv_get(db_published(core_db(n->core)), NULL, slice_of(name), &a, &e, &found);
	raft_index index = found ? e.modify_index : 0;
	arena_free(&a);
	return index;
}

static void client_answered(struct sim *s, struct server_node *n, struct message *m)
{
	struct client *c = m->owner;
	raft_index *acknowledged = &s->acknowledged[c->key];
	if (m->err) {
		s->report->refused++;
	} else if (c->reading) {
		raft_index seen = version(n, c->key);
		s->report->reads++;
		if (seen < c->floor)
			wrong(s, "%s reads k%u of %llu, but %llu was known when it was asked", n->name, c->key,
			        (unsigned long long)seen, (unsigned long long)c->floor);
		*acknowledged = seen > *acknowledged ? seen : *acknowledged;
	} else {
		s->report->writes++;
		if (m->index <= c->floor)
			wrong(s, "%s writes k%u as %llu, but %llu was known when it was asked", n->name, c->key,
			        (unsigned long long)m->index, (unsigned long long)c->floor);
		*acknowledged = m->index > *acknowledged ? m->index : *acknowledged;
	}
	forget_asked(c);
	later(s, s->now + some(s, NS_PER_MS / 10, 20 * NS_PER_MS), SIM_CLIENT, n->number)->client = c->number;
}

/* ---- what happens ---- */

static void arrives(struct sim *s, struct server_node *n, struct sim_event *e)
{
	struct link_out *l = &s->nodes[e->peer].links[n->number][e->channel];
	if (!l->open || l->conn != e->conn)
		return; /* the connection is gone */
	unsigned free_at = 256, i;
	for (i = 0; i < 256 && n->in[i].conn != e->conn; i++)
		if (!n->in[i].conn)
			free_at = i;
	if (i == 256) {
		i = free_at;
		MUST(i < 256);
		n->in[i].conn = e->conn;
		n->in[i].peer = e->peer;
		n->in[i].channel = e->channel;
		n->in[i].life = s->nodes[e->peer].life;
		n->in[i].answers = 0;
		n->in[i].gone = false;
	}
	struct event ev = {.kind = EV_RAFT_REQUEST};
	ev.raft.conn = e->conn;
	ev.raft.bytes = buf_view(&e->bytes);
	if (e->state.n) {
		n->in[i].state = e->state;
		e->state = (struct buf){0};
	}
	ev.raft.state = buf_view(&n->in[i].state);
	step(s, n, &ev);
}

static void answered(struct sim *s, struct server_node *n, struct sim_event *e)
{
	struct link_out *l = &n->links[e->peer][e->channel];
	if (!l->open || l->conn != e->conn || !l->count)
		return;
	if (!e->bytes.n) {
		lose(s, n, e->peer, e->channel);
		return;
	}
	struct event ev = {.kind = EV_RAFT_ANSWER};
	ev.raft.peer = slice_of(s->nodes[e->peer].id);
	ev.raft.channel = (uint8_t)e->channel;
	ev.raft.tag = l->tags[l->first];
	ev.raft.bytes = buf_view(&e->bytes);
	l->first = (l->first + 1) % 1024;
	l->count--;
	step(s, n, &ev);
}

static void happens(struct sim *s, struct sim_event *e)
{
	struct server_node *n = &s->nodes[e->node];
	struct event ev = {0};
	if (e->kind == SIM_CLIENT) {
		if (!s->quiet)
			client_ask(s, &s->clients[e->client]);
		return;
	}
	if (!n->up || n->life != e->life)
		return;
	switch (e->kind) {
	case SIM_SYNCED:
		if (!syncs_open(s, n))
			copy_disk(&n->disk, &n->written);
		ev = (struct event){.kind = EV_LOGGED, .sequence = e->sequence};
		if (syncs_open(s, n)) /* told only with the last of a row: all of it is durable then */
			return;
		step(s, n, &ev);
		break;
	case SIM_SNAPSHOT:
		snapshot_durable(n);
		ev = (struct event){.kind = EV_SNAPSHOT_DONE, .index = e->sequence};
		step(s, n, &ev);
		break;
	case SIM_REQUEST: arrives(s, n, e); break;
	case SIM_ANSWER: answered(s, n, e); break;
	case SIM_LOST:
		ev.kind = EV_RAFT_LOST;
		ev.raft.peer = slice_of(s->nodes[e->peer].id);
		ev.raft.channel = (uint8_t)e->channel;
		step(s, n, &ev);
		break;
	case SIM_CLOSED:
		for (unsigned i = 0; i < 256; i++)
			if (n->in[i].conn == e->conn) {
				n->in[i].gone = n->in[i].state.n > 0;
				if (!n->in[i].gone)
					n->in[i].conn = 0;
				ev.kind = EV_RAFT_CLOSED;
				ev.raft.conn = e->conn;
				step(s, n, &ev);
			}
		break;
	case SIM_CALLED: {
		const struct call_answer nobody = {.kind = ANSWER_REPLY, .body = S("\x90")};
		ev.kind = EV_CALL_DONE;
		ev.call.tag = e->tag;
		ev.call.answer = &nobody;
		step(s, n, &ev);
		break;
	}
	case SIM_CLIENT: break;
	}
}

static void trouble(struct sim *s)
{
	struct server_node *n = &s->nodes[rand_below(&s->rand, s->n)];
	unsigned other = (unsigned)rand_below(&s->rand, s->n);
	switch (rand_below(&s->rand, 4)) {
	case 0:
		if (n->up)
			crash(s, n);
		break;
	case 1:
		if (!n->up)
			start(s, n);
		break;
	default:
		if (other == n->number)
			break;
		s->cut[n->number][other] ^= true;
		s->report->cuts += s->cut[n->number][other];
		for (unsigned c = 0; s->cut[n->number][other] && c < CHANNELS; c++)
			if (n->links[other][c].open)
				lose(s, n, other, c);
	}
}

static void run_until(struct sim *s, mono_ns end)
{
	unsigned still = 0; /* turns in which no time passes */
	while (s->now < end && !s->report->wrong[0]) {
		mono_ns before = s->now, next = s->events ? s->events->at : end;
		for (unsigned i = 0; i < s->n; i++)
			if (s->nodes[i].up && core_next(s->nodes[i].core) < next)
				next = core_next(s->nodes[i].core);
		s->now = next > end ? end : next > s->now ? next : s->now;
		while (s->events && s->events->at <= s->now) {
			struct sim_event *e = s->events;
			s->events = e->next;
			happens(s, e);
			event_free(e);
		}
		for (unsigned i = 0; i < s->n; i++) {
			struct server_node *n = &s->nodes[i];
			struct event ev = {.kind = EV_TICK};
			if (n->up && core_next(n->core) <= s->now)
				step(s, n, &ev);
			if (n->up && n->stepped)
				flush(s, n);
		}
		still = s->now == before ? still + 1 : 0;
		if (still > STILL_MAX)
			wrong(s, "it goes round in circles: time stands still");
	}
}

static void node_init(struct sim *s, unsigned i)
{
	struct server_node *n = &s->nodes[i];
	n->number = i;
	snprintf(n->name, sizeof n->name, "s%u", i);
	snprintf(n->id, sizeof n->id, "00000000-0000-0000-0000-00000000000%u", i + 1);
	snprintf(n->host, sizeof n->host, "10.0.0.%u", i + 1);
	snprintf(n->address, sizeof n->address, "10.0.0.%u:8300", i + 1);
	n->config = (struct agent_config){
	        .node_name = slice_of(n->name),
	        .node_id = slice_of(n->id),
	        .datacenter = S("dc1"),
	        .server_mode = true,
	        .bootstrap_expect = s->n,
	        .advertise_addr = slice_of(n->host),
	        .server_advertise = {CONFIG_ADDR_TCP, slice_of(n->host), 8300},
	        .serf_lan_advertise = {CONFIG_ADDR_TCP, slice_of(n->host), 8301},
	        .ae_interval = NS_PER_MIN,
	        .check_update_interval = 5 * NS_PER_MIN,
	        .check_deregister_interval_min = NS_PER_MIN,
	        .check_reap_interval = 30 * NS_PER_S,
	        .coordinate_update_period = 5 * NS_PER_S,
	        .server_health_interval = 2 * NS_PER_S,
	        .autopilot_last_contact_threshold = 200 * NS_PER_MS,
	        .autopilot_server_stabilization_time = 10 * NS_PER_S,
	        .autopilot_max_trailing_logs = 250,
	        .raft_heartbeat_timeout = NS_PER_S,
	        .raft_election_timeout = NS_PER_S,
	        .raft_leader_lease_timeout = NS_PER_S / 2,
	        .rpc_hold_timeout = 7 * NS_PER_S,
	};
	n->log.level = LOG_ERR;
}

static void describe(const struct server_node *n, char out[static 128])
{
	struct world w;
	core_world(n->core, &w);
	snprintf(out, 128, "%s: role %d, term %llu, last %llu, commit %llu, applied %llu; ", n->name, (int)w.role,
	        (unsigned long long)w.term, (unsigned long long)w.last_log, (unsigned long long)w.commit,
	        (unsigned long long)w.applied);
}

/* In the end: faults are over, all have to come to the same. */
static void check_end(struct sim *s)
{
	raft_index seen[KEYS];
	char all[SERVERS_MAX * 128 + 1] = "", one[128];
	for (unsigned i = 0; i < s->n; i++) {
		describe(&s->nodes[i], one);
		strcat(all, one);
	}
	for (unsigned k = 0; k < KEYS; k++)
		seen[k] = version(&s->nodes[0], k);
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; k < KEYS; k++) {
			raft_index v = version(&s->nodes[i], k);
			if (v != seen[k] || v < s->acknowledged[k])
				wrong(s, "in the end %s has k%u of %llu, s0 of %llu; acknowledged was %llu. %s",
				        s->nodes[i].name, k, (unsigned long long)v, (unsigned long long)seen[k],
				        (unsigned long long)s->acknowledged[k], all);
		}
}

void cluster_run(uint64_t seed, unsigned servers, unsigned seconds, struct cluster_report *out)
{
	struct sim *s = calloc(1, sizeof *s);
	MUST(s && servers <= SERVERS_MAX);
	*out = (struct cluster_report){0};
	s->n = servers;
	s->big = seed % 4 == 3;
	s->report = out;
	s->now = NS_PER_S;
	rand_seed(&s->rand, seed);
	for (unsigned i = 0; i < servers; i++)
		node_init(s, i);
	for (unsigned i = 0; i < servers; i++)
		start(s, &s->nodes[i]);
	for (unsigned i = 0; i < CLIENTS; i++) {
		s->clients[i].number = i;
		later(s, s->now + some(s, 0, NS_PER_S), SIM_CLIENT, 0)->client = i;
	}
	mono_ns end = s->now + seconds * NS_PER_S;
	run_until(s, s->now + 4 * NS_PER_S);
	while (s->now < end && !out->wrong[0]) {
		run_until(s, s->now + some(s, 10 * NS_PER_MS, 1500 * NS_PER_MS));
		trouble(s);
	}
	s->calm = true;
	memset(s->cut, 0, sizeof s->cut);
	for (unsigned i = 0; i < servers; i++)
		if (!s->nodes[i].up)
			start(s, &s->nodes[i]);
	unsigned before = out->writes;
	run_until(s, s->now + 20 * NS_PER_S);
	if (out->writes == before)
		wrong(s, "nothing is written any more");
	s->quiet = true; /* no more questions: let all catch up */
	run_until(s, s->now + 3 * NS_PER_S);
	check_end(s);
	for (unsigned i = 0; i < servers; i++) {
		struct server_node *n = &s->nodes[i];
		core_free(n->core);
		epoch_free(n->epoch);
		for (unsigned k = 0; k < 256; k++)
			buf_free(&n->in[k].state);
		disk_free(&n->disk);
		disk_free(&n->written);
		free(n->out.items);
		arena_free(&n->out.mem);
		buf_free(&n->log.lines);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		if (s->clients[i].busy)
			forget_asked(&s->clients[i]);
	for (struct sim_event *e = s->events, *next; e; e = next) {
		next = e->next;
		event_free(e);
	}
	free(s);
}
