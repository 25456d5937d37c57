/* What is committed, as far as anybody has applied it, and what the logs may say. It outlives the crashes of all. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/state/command.h"
#include "tests/sim/cluster_world.h"

enum { COMPARE_ONE_IN = 24 };

/* ---- entries: by index and term they are what they are ---- */

static uint64_t hash_of(uint8_t type, struct slice data)
{
	const uint64_t seed[2] = {type, 1};
	return hash_bytes(seed, data);
}

static struct known **place(struct truth *t, raft_index index, raft_term term)
{
	struct known **at = &t->all[(index * 31 + term * 2654435761u) % ARRAY_LEN(t->all)];
	while (*at && ((*at)->index != index || (*at)->term != term))
		at = &(*at)->next;
	return at;
}

/* 2 */
static struct known *known(struct cluster *c, struct host *h, raft_index index, raft_term term, raft_term prev,
        uint8_t type, struct slice data)
{
	struct known **at = place(&c->dc[h->dc].truth, index, term), *k = *at;
	uint64_t hash = hash_of(type, data);
	if (!k) {
		*at = k = calloc(1, sizeof *k + data.n + 1);
		MUST(k);
		*k = (struct known){
		        .index = index, .term = term, .prev = prev, .type = type, .hash = hash, .n = data.n};
		if (data.n)
			memcpy(k->data, data.p, data.n);
	}
	if (k->hash != hash || k->type != type || (prev && k->prev && prev != k->prev))
		cluster_wrong(c, "%s has another entry %llu of term %llu than somebody had", h->name,
		        (unsigned long long)index, (unsigned long long)term);
	k->prev = k->prev ? k->prev : prev;
	return k;
}

static void mirror_add(struct mirror *m, const struct known *k)
{
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 256;
		m->entries = realloc(m->entries, m->cap * sizeof *m->entries);
		MUST(m->entries);
	}
	m->entries[m->n++] = k;
}

static const struct known *mirror_at(const struct mirror *m, raft_index index)
{
	return index > m->base && index <= m->base + m->n ? m->entries[index - m->base - 1] : NULL;
}

void truth_appended(struct cluster *c, struct host *h, const struct effect *e)
{
	struct mirror *m = &h->mirror;
	raft_index cut = e->append.cut_after;
	if (cut < m->base + m->n)
		m->n = cut > m->base ? cut - m->base : 0;
	for (size_t i = 0; i < e->append.n; i++) {
		const struct raft_entry *x = &e->append.entries[i];
		const struct known *before = mirror_at(m, x->index - 1);
		if (x->index != m->base + m->n + 1) {
			cluster_wrong(c, "%s appends %llu to a log that ends at %llu", h->name,
			        (unsigned long long)x->index, (unsigned long long)(m->base + m->n));
			return;
		}
		mirror_add(m, known(c, h, x->index, x->term, before ? before->term : 0, x->type, x->data));
	}
}

void truth_recovered(struct cluster *c, struct host *h)
{
	struct wal *wal = h->disk.writer.wal;
	struct mirror *m = &h->mirror;
	struct wal_cursor at;
	struct wal_entry e;
	struct fail f;
	raft_term prev = 0;
	m->n = 0;
	m->base = wal_first(wal) - 1;
	h->applied = m->base;
	wal_cursor_open(&at, wal, wal_first(wal));
	while (!wal_next(&at, &e, &f) && e.index) {
		if (!*place(&c->dc[h->dc].truth, e.index, e.term))
			cluster_wrong(c, "%s finds an entry %llu of term %llu on its disk that nobody wrote", h->name,
			        (unsigned long long)e.index, (unsigned long long)e.term);
		mirror_add(m, known(c, h, e.index, e.term, prev, e.type, e.data));
		prev = e.term;
	}
	wal_cursor_close(&at);
}

void truth_installed(struct cluster *c, struct host *h, raft_index index)
{
	if (!h->server)
		return;
	if (index > c->dc[h->dc].truth.n)
		cluster_wrong(c, "%s installs a snapshot of %llu that nobody has applied", h->name,
		        (unsigned long long)index);
	h->mirror.base = h->applied = index;
	h->mirror.n = 0;
}

/* ---- committed ---- */

static void push(struct cluster *c, struct host *h, struct known *k)
{
	struct truth *t = &c->dc[h->dc].truth;
	if (!t->model)
		t->model = model_new();
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 256;
		t->log = realloc(t->log, t->cap * sizeof *t->log);
		t->committed_in = realloc(t->committed_in, t->cap * sizeof *t->committed_in);
		MUST(t->log && t->committed_in);
	}
	t->log[t->n] = k;
	t->committed_in[t->n++] = h->world.term;
	uint64_t number = model_apply(t->model, k);
	if (!number)
		return;
	MUST(number < c->ops_n);
	struct op *op = &c->ops[number];
	if (&c->dc[op->dc].truth != t)
		cluster_wrong(c, "operation %llu, asked of %s, is done by %s", (unsigned long long)number,
		        datacenter_name(op->dc).p, h->name);
	if (op->index)
		cluster_wrong(c, "operation %llu was done as %llu, and again as %llu", (unsigned long long)number,
		        (unsigned long long)op->index, (unsigned long long)k->index);
	op->index = k->index;
}

/* 4 */
static void applied(struct cluster *c, struct host *h, raft_index index)
{
	struct truth *t = &c->dc[h->dc].truth;
	const struct known *k = mirror_at(&h->mirror, index);
	if (index <= h->mirror.base)
		return;
	if (!k || index > t->n + 1) {
		cluster_wrong(c, "%s applies %llu; its log ends at %llu, and nobody was behind %zu", h->name,
		        (unsigned long long)index, (unsigned long long)(h->mirror.base + h->mirror.n), t->n);
		return;
	}
	if (index == t->n + 1)
		push(c, h, *place(t, index, k->term));
	else if (t->log[index - 1] != k)
		cluster_wrong(c, "%s applies entry %llu of term %llu, another applied one of term %llu", h->name,
		        (unsigned long long)index, (unsigned long long)k->term,
		        (unsigned long long)t->log[index - 1]->term);
}

/* 1, 3 */
static void leads(struct cluster *c, struct host *h)
{
	struct truth *t = &c->dc[h->dc].truth;
	raft_term term = h->world.term;
	h->led = term;
	while (t->terms <= term) {
		t->leaders = realloc(t->leaders, (t->terms + 64) * sizeof *t->leaders);
		MUST(t->leaders);
		memset(t->leaders + t->terms, 0, 64 * sizeof *t->leaders);
		t->terms += 64;
	}
	if (t->leaders[term] && t->leaders[term] != h)
		cluster_wrong(c, "%s and %s both lead in term %llu", h->name, t->leaders[term]->name,
		        (unsigned long long)term);
	t->leaders[term] = h;
	for (raft_index i = h->mirror.base + 1; i <= t->n; i++)
		if (t->committed_in[i - 1] < term && mirror_at(&h->mirror, i) != t->log[i - 1])
			cluster_wrong(c, "%s leads in term %llu without entry %llu", h->name, (unsigned long long)term,
			        (unsigned long long)i);
}

void truth_published(struct cluster *c, struct host *h)
{
	if (!h->server)
		return;
	while (h->applied < h->world.applied && !cluster_over(c))
		applied(c, h, ++h->applied);
	if (h->world.ready && h->led != h->world.term)
		leads(c, h);
	if (!cluster_over(c) && c->dc[h->dc].truth.model && cluster_below(c, COMPARE_ONE_IN) == 0)
		model_compare(c, h);
}

/* A server that got its tables as a snapshot has other indexes in the catalog than one that has applied each change:
 * the records of Consul's snapshots do not carry them. Everything else has to be the same. */
static void put_registration(struct buf *out, struct slice body)
{
	struct register_request q;
	struct arena a = {0};
	MUST(command_read(body, &register_request_schema, &q, &a));
	if (q.service)
		q.service->create_index = q.service->modify_index = 0;
	if (q.check)
		q.check->create_index = q.check->modify_index = 0;
	command_write(out, COMMAND_REGISTER, &register_request_schema, &q);
	arena_free(&a);
}

static void tables(const struct db_root *r, struct buf *out)
{
	struct buf all = {0};
	platter_state(r, &all);
	struct slice rest = slice_from(buf_view(&all), mp_whole(buf_view(&all)));
	while (rest.n) {
		size_t n = mp_whole(slice_from(rest, 1));
		struct slice record = slice_cut(rest, 0, n + 1);
		MUST(n <= rest.n - 1);
		if (record.p[0] == COMMAND_REGISTER)
			put_registration(out, slice_from(record, 1));
		else
			buf_slice(out, record);
		rest = slice_from(rest, n + 1);
	}
	buf_free(&all);
}

void truth_same(struct cluster *c, struct datacenter *d)
{
	struct buf first = {0}, state = {0};
	const struct host *of = NULL;
	for (unsigned i = 0; i < c->hosts_n && !cluster_over(c); i++) {
		struct host *h = &c->hosts[i];
		if (!h->up || !h->server || &c->dc[h->dc] != d)
			continue;
		if (h->world.applied < d->floor && !h->late)
			cluster_wrong(c, "in the end %s has applied %llu, but %llu was told somebody", h->name,
			        (unsigned long long)h->world.applied, (unsigned long long)d->floor);
		model_compare(c, h);
		services_compare(c, h);
		buf_reset(&state, 1 << 20);
		tables(h->world.db, of ? &state : &first);
		if (!of)
			of = h;
		else if (of->world.applied == h->world.applied && !slice_eq(buf_view(&first), buf_view(&state)))
			cluster_wrong(c, "in the end the tables of %s are not those of %s", h->name, of->name);
	}
	buf_free(&first);
	buf_free(&state);
}

void truth_free(struct truth *t)
{
	for (size_t i = 0; i < ARRAY_LEN(t->all); i++)
		while (t->all[i]) {
			struct known *k = t->all[i];
			t->all[i] = k->next;
			free(k);
		}
	free(t->log);
	free(t->committed_in);
	free(t->leaders);
	model_free(t->model);
}
