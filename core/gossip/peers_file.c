#include "core/gossip/peers_file.h"

#include "core/base/map.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/gossip/swim.h"

/* ---- reading ---- */

struct reading {
	struct map alive; /* name → struct previous_peer */
	struct arena *a;
	struct logbuf *log;
	struct peers_file *out;
	bool rejoin;
};

static bool take_prefix(struct slice *line, const char *prefix)
{
	struct slice p = slice_of(prefix);
	if (!slice_starts(*line, p))
		return false;
	*line = slice_from(*line, p.n);
	return true;
}

static void read_alive(struct reading *r, struct slice info)
{
	ptrdiff_t blank = slice_find_last(info, ' ');
	if (blank < 0) {
		log_warn(r->log, "serf: Failed to parse address: alive: %.*s", PS(info));
		return;
	}
	struct slice name = slice_cut(info, 0, (size_t)blank);
	struct previous_peer *p = map_get(&r->alive, name);
	if (!p && r->alive.n < PEERS_FILE_PREVIOUS_MAX && (p = ARENA_NEW(r->a, struct previous_peer))) {
		p->name = name;
		map_put(&r->alive, p->name, p, NULL);
	}
	if (p)
		p->addr = slice_from(info, (size_t)blank + 1);
}

static void read_clock(struct reading *r, struct slice text, const char *what, uint64_t *to)
{
	struct fail f;
	uint64_t v;
	if (num_u64(text, &v, &f))
		log_warn(r->log, "serf: Failed to convert %s: %s", what, f.text);
	else
		*to = v;
}

static void read_leave(struct reading *r)
{
	if (r->rejoin) {
		log_info(r->log, "serf: Ignoring previous leave in snapshot");
		return;
	}
	size_t at = 0;
	for (struct previous_peer *p; (p = map_next(&r->alive, &at));)
		map_remove(&r->alive, p->name);
	*r->out = (struct peers_file){0};
}

static void read_line(struct reading *r, struct slice line)
{
	struct slice all = line;
	if (take_prefix(&line, "alive: "))
		read_alive(r, line);
	else if (take_prefix(&line, "not-alive: "))
		map_remove(&r->alive, line);
	else if (take_prefix(&line, "clock: "))
		read_clock(r, line, "clock time", &r->out->clock);
	else if (take_prefix(&line, "event-clock: "))
		read_clock(r, line, "event clock time", &r->out->event_clock);
	else if (take_prefix(&line, "query-clock: "))
		read_clock(r, line, "query clock time", &r->out->query_clock);
	else if (slice_is(line, "leave"))
		read_leave(r);
	else if (!slice_starts(line, S("#")) && !slice_starts(line, S("coordinate: ")))
		log_warn(r->log, "serf: Unrecognized snapshot line: %.*s", PS(all));
}

void peers_file_read(struct slice bytes, bool rejoin_after_leave, struct arena *a, struct logbuf *log,
        struct peers_file *out, struct previous_peer **alive, uint32_t *n)
{
	struct reading r = {.a = a, .log = log, .out = out, .rejoin = rejoin_after_leave};
	size_t whole = bytes.n, at = 0;
	*out = (struct peers_file){0};
	map_init(&r.alive, 1);
	for (ptrdiff_t end; (end = slice_find(bytes, '\n')) >= 0;) { /* a last line without its end is not whole */
		read_line(&r, slice_cut(bytes, 0, (size_t)end));
		bytes = slice_from(bytes, (size_t)end + 1);
	}
	out->size = whole;
	*n = 0;
	*alive = ARENA_ARRAY(a, struct previous_peer, r.alive.n + 1);
	for (struct previous_peer *p; *alive && (p = map_next(&r.alive, &at));)
		(*alive)[(*n)++] = *p;
	map_free(&r.alive);
}

/* ---- writing ---- */

static void emit(struct gossip *g, struct slice bytes, bool replace, bool sync)
{
	struct gossip_effect *x = gossip_effect_add(g, GX_SNAPSHOT);
	x->snapshot.bytes = gossip_keep(g, bytes);
	x->snapshot.replace = replace;
	x->snapshot.sync = sync;
}

static void put_alive(struct buf *b, const struct peer *p)
{
	char addr[GOSSIP_ADDR_TEXT];
	gossip_addr_print(&p->card->addr, addr);
	buf_fmt(b, "alive: %.*s %s\n", PS(peer_name(p)), addr);
}

static void compact(struct gossip *g)
{
	struct peers_file *f = &g->peers_file;
	struct buf b = {0};
	uint32_t at = 0;
	for (const struct peer *p; (p = peer_next(g, &at));)
		if (p->status == GOSSIP_ALIVE || p->status == GOSSIP_LEAVING)
			put_alive(&b, p);
	buf_fmt(&b, "clock: %llu\nevent-clock: %llu\nquery-clock: %llu\n", (unsigned long long)f->clock,
	        (unsigned long long)f->event_clock, (unsigned long long)f->query_clock);
	if (!b.failed)
		emit(g, buf_view(&b), true, false);
	/* When all that is alive does not fit, the file may grow to twice that before the next time. */
	f->size = b.n > PEERS_FILE_MAX / 2 ? 0 : b.n;
	buf_free(&b);
}

static void append(struct gossip *g, struct slice line, bool sync)
{
	struct peers_file *f = &g->peers_file;
	if (!g->c.snapshot || f->closed)
		return;
	emit(g, line, false, sync);
	f->size += line.n;
	if (f->size > PEERS_FILE_MAX)
		compact(g);
}

void peers_file_clock(struct gossip *g)
{
	struct peers_file *f = &g->peers_file;
	uint64_t last = g->serf.clock.at - 1;
	if (last <= f->clock)
		return;
	f->clock = last;
	append(g, arena_str(&g->scratch, "clock: %llu\n", (unsigned long long)last), false);
}

void peers_file_alive(struct gossip *g, const struct peer *p)
{
	struct buf b = {0};
	put_alive(&b, p);
	append(g, buf_view(&b), false);
	buf_free(&b);
	peers_file_clock(g);
}

void peers_file_not_alive(struct gossip *g, const struct peer *p)
{
	append(g, arena_str(&g->scratch, "not-alive: %.*s\n", PS(peer_name(p))), false);
	peers_file_clock(g);
}

void peers_file_event(struct gossip *g, uint64_t ltime)
{
	struct peers_file *f = &g->peers_file;
	if (ltime <= f->event_clock)
		return;
	f->event_clock = ltime;
	append(g, arena_str(&g->scratch, "event-clock: %llu\n", (unsigned long long)ltime), false);
}

void peers_file_query(struct gossip *g, uint64_t ltime)
{
	struct peers_file *f = &g->peers_file;
	if (ltime <= f->query_clock)
		return;
	f->query_clock = ltime;
	append(g, arena_str(&g->scratch, "query-clock: %llu\n", (unsigned long long)ltime), false);
}

void peers_file_leave(struct gossip *g)
{
	append(g, S("leave\n"), true);
	g->peers_file.closed = true;
}
