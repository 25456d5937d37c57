#include "core/agent/datacenters.h"

#include <stdlib.h>

#include "core/agent/agent_parts.h"
#include "core/agent/servers.h"
#include "core/base/crc.h"
#include "core/base/slice.h"
#include "core/state/rows.h"

/* One server of the pool. */
struct spot {
	struct slice datacenter, node;
	const struct vivaldi_point *at; /* NULL: not known */
	dur_ns distance;
};

static int by_spot(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;
	int c = slice_cmp(x->datacenter, y->datacenter);
	if (!c)
		c = (x->distance > y->distance) - (x->distance < y->distance);
	return c ? c : slice_cmp(x->node, y->node);
}

static struct coordinate *coordinate_of(const struct vivaldi_point *p, struct arena *a)
{
	struct coordinate *c = ARENA_NEW(a, struct coordinate);
	double *vec = ARENA_ARRAY(a, double, VIVALDI_DIMENSIONS);
	if (!c || !vec)
		return NULL;
	memcpy(vec, p->vec, sizeof p->vec);
	*c = (struct coordinate){{vec, VIVALDI_DIMENSIONS}, p->error, p->adjustment, p->height};
	return c;
}

/* Without the datacenter behind it. */
static struct slice node_of(struct slice name, struct slice datacenter)
{
	size_t tail = datacenter.n + 1;
	if (name.n > tail && slice_ends(name, datacenter) && name.p[name.n - tail] == '.')
		return slice_cut(name, 0, name.n - tail);
	return name;
}

/* The servers of the pool, those of one datacenter together, near ones first. */
static struct list spots(const struct agent *a, struct arena *mem)
{
	const struct gossip *wan = a->pools[GOSSIP_WAN];
	struct slice own = arena_str(mem, "%.*s.%.*s", PS(a->config->node_name), PS(a->config->datacenter));
	struct rows rows = ROWS(mem, struct spot);
	struct gossip_member m;
	uint32_t at = 0;
	while (wan && gossip_member_next(wan, &at, &m)) {
		struct server s;
		if (!server_of(&m, mem, &s))
			continue;
		struct spot *p = rows_add(&rows);
		if (!p)
			break;
		p->datacenter = arena_copy(mem, s.datacenter);
		p->node = arena_copy(mem, node_of(m.name, s.datacenter));
		p->at = slice_eq(m.name, own) ? gossip_coordinate(wan) : m.coordinate;
		bool here = slice_eq(s.datacenter, a->config->datacenter);
		p->distance = here ? 0 : p->at ? vivaldi_distance(gossip_coordinate(wan), p->at) : INT64_MAX;
	}
	struct list l = rows_list(&rows);
	if (l.n)
		qsort(l.items, l.n, sizeof(struct spot), by_spot);
	return l;
}

static uint32_t end_of_datacenter(struct list spots, uint32_t from)
{
	const struct spot *p = spots.items;
	uint32_t to = from + 1;
	while (to < spots.n && slice_eq(p[to].datacenter, p[from].datacenter))
		to++;
	return to;
}

/* ---- the questions ---- */

static int by_distance(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;
	int c = (x->distance > y->distance) - (x->distance < y->distance);
	return c ? c : slice_cmp(x->datacenter, y->datacenter);
}

static struct list names(struct agent *a, struct arena *mem)
{
	struct list all = spots(a, mem);
	const struct spot *p = all.items;
	struct rows medians = ROWS(mem, struct spot), out = ROWS(mem, struct slice);
	for (uint32_t i = 0, end; i < all.n; i = end) {
		end = end_of_datacenter(all, i);
		struct spot *median = rows_add(&medians);
		if (median)
			*median = p[i + (end - i) / 2];
	}
	struct list sorted = rows_list(&medians);
	if (sorted.n)
		qsort(sorted.items, sorted.n, sizeof(struct spot), by_distance);
	p = sorted.items;
	for (uint32_t i = 0; i < (sorted.n ? sorted.n : 1); i++) { /* without a WAN pool: ourselves */
		struct slice *name = rows_add(&out);
		if (name)
			*name = sorted.n ? p[i].datacenter : a->config->datacenter;
	}
	return rows_list(&out);
}

static struct list coordinates(struct list all, uint32_t from, uint32_t to, struct arena *mem)
{
	const struct spot *p = all.items;
	struct rows out = ROWS(mem, struct coordinate_entry);
	for (uint32_t i = from; i < to; i++) {
		struct coordinate_entry *e = p[i].at ? rows_add(&out) : NULL;
		if (e)
			*e = (struct coordinate_entry){.node = p[i].node, .coord = coordinate_of(p[i].at, mem)};
	}
	return rows_list(&out);
}

static struct list maps(struct agent *a, struct arena *mem)
{
	struct list all = spots(a, mem);
	const struct spot *p = all.items;
	struct rows out = ROWS(mem, struct datacenter_coordinates);
	for (uint32_t i = 0, end; i < all.n; i = end) {
		end = end_of_datacenter(all, i);
		struct list found = coordinates(all, i, end, mem);
		struct datacenter_coordinates *dc = found.n ? rows_add(&out) : NULL;
		if (dc)
			*dc = (struct datacenter_coordinates){p[i].datacenter, S("wan"), found};
	}
	return rows_list(&out);
}

void datacenters_ask(struct agent *a, struct message *m)
{
	struct list *reply = ARENA_NEW(&m->mem, struct list);
	if (reply)
		*reply = m->ask == ASK_DATACENTERS ? names(a, &m->mem) : maps(a, &m->mem);
	m->reply = reply;
	if (m->mem.failed) {
		m->err = ERR_NO_MEMORY;
		m->why = S("out of memory");
	}
}

/* ---- for the fronts ---- */

static uint32_t name_hash(struct slice name)
{
	return crc32c(0, name.p, name.n);
}

void datacenters_tick(struct agent *a)
{
	struct arena mem = {0};
	if (a->now < a->order_due || !a->pools[GOSSIP_WAN])
		return;
	a->order_due = a->now + NS_PER_S;
	a->order.n = 0;
	struct list all = names(a, &mem);
	for (uint32_t i = 0; i < all.n && i < WORLD_DATACENTERS; i++)
		a->order.names[a->order.n++] = name_hash(((const struct slice *)all.items)[i]);
	arena_free(&mem);
}

struct ranked {
	uint32_t rank, at; /* `at`: by name */
	struct slice name;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int c = (x->rank > y->rank) - (x->rank < y->rank);
	return c ? c : (x->at > y->at) - (x->at < y->at);
}

static uint32_t rank_of(const struct datacenter_order *o, struct slice name)
{
	uint32_t i = 0, hash = name_hash(name);
	while (i < o->n && o->names[i] != hash)
		i++;
	return i;
}

struct list datacenters_near(const struct world *w, struct arena *a)
{
	struct rows found = ROWS(a, struct ranked), out = ROWS(a, struct slice);
	struct slice last = w->config->datacenter;
	struct cursor c;
	servers_wan(&c, w->db);
	for (const struct server *s; (s = server_next(&c));) {
		if (slice_eq(s->datacenter, last) || slice_eq(s->datacenter, w->config->datacenter))
			continue;
		last = s->datacenter;
		struct ranked *r = rows_add(&found);
		if (r)
			*r = (struct ranked){rank_of(&w->datacenters, last), found.n, last};
	}
	struct ranked *r = rows_list(&found).items;
	if (found.n)
		qsort(r, found.n, sizeof *r, by_rank);
	for (uint32_t i = 0; i < found.n; i++) {
		struct slice *name = rows_add(&out);
		if (name)
			*name = r[i].name;
	}
	return rows_list(&out);
}

static const struct field fields[] = {
        FIELD(struct datacenter_coordinates, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct datacenter_coordinates, area_id, "AreaID", F_STR, 0),
        FIELD_SUB(struct datacenter_coordinates, coordinates, "Coordinates", F_LIST, 0, &coordinate_entry_schema),
};
const struct schema datacenter_coordinates_schema =
        SCHEMA(struct datacenter_coordinates, "structs.DatacenterMap", fields);
