/* A disk in memory with faults by seed. */
#include "tests/sim/disk.h"

#include "core/base/must.h"
#include "core/base/slice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct entry {
	char name[SIM_NAME_MAX + 1];
	struct sim_node *node;
};

/* A directory's names at one moment. */
struct names {
	struct entry *items;
	size_t n;
};

struct write {
	size_t at, n;
	char *p;
};

struct sim_node {
	struct sim_node *next; /* of all */
	bool dir;
	/* a directory: its states since the last sync; [0] is on the platter, the last is what is seen */
	struct names *states;
	size_t n_states;
	/* a file: what is seen, what is on the platter, what was written since */
	char *now, *disk;
	size_t now_n, disk_n;
	struct write *pending;
	size_t n_pending;
};

/* ---- plain memory ---- */

static void *must_alloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	MUST(p);
	return p;
}

static void resize(char **p, size_t *n, size_t to)
{
	*p = must_alloc(*p, to);
	if (to > *n)
		memset(*p + *n, 0, to - *n);
	*n = to;
}

static struct sim_node *node_new(struct sim_disk *d, bool dir)
{
	struct sim_node *n = must_alloc(NULL, sizeof *n);
	*n = (struct sim_node){.next = d->all, .dir = dir};
	d->all = n;
	if (dir) {
		n->states = must_alloc(NULL, sizeof *n->states);
		n->states[0] = (struct names){0};
		n->n_states = 1;
	}
	return n;
}

static void drop_pending(struct sim_node *n)
{
	for (size_t i = 0; i < n->n_pending; i++)
		free(n->pending[i].p);
	n->n_pending = 0;
}

static void node_free(struct sim_node *n)
{
	for (size_t i = 0; i < n->n_states; i++)
		free(n->states[i].items);
	drop_pending(n);
	free(n->states);
	free(n->pending);
	free(n->now);
	free(n->disk);
	free(n);
}

/* ---- names ---- */

static struct names *seen(struct sim_node *dir)
{
	return &dir->states[dir->n_states - 1];
}

static struct entry *find_in(struct sim_node *dir, struct slice name)
{
	struct names *s = seen(dir);
	for (size_t i = 0; i < s->n; i++)
		if (slice_is(name, s->items[i].name))
			return &s->items[i];
	return NULL;
}

static struct sim_node *lookup(struct sim_disk *d, struct slice path)
{
	struct sim_node *n = d->root;
	while (path.n && n) {
		struct entry *e = n->dir ? find_in(n, slice_next(&path, '/')) : NULL;
		n = e ? e->node : NULL;
	}
	return n;
}

static struct sim_node *parent_of(struct sim_disk *d, const char *path, struct slice *last)
{
	struct slice s = slice_of(path);
	ptrdiff_t cut = slice_find_last(s, '/');
	*last = slice_from(s, (size_t)(cut + 1));
	MUST(last->n <= SIM_NAME_MAX);
	struct sim_node *n = lookup(d, slice_cut(s, 0, cut < 0 ? 0 : (size_t)cut));
	return n && n->dir ? n : NULL;
}

/* A new state of the directory, a copy of the last, to be changed. */
static struct names *new_state(struct sim_node *dir)
{
	struct names *old;
	dir->states = must_alloc(dir->states, (dir->n_states + 1) * sizeof *dir->states);
	old = seen(dir);
	struct names copy = {must_alloc(NULL, (old->n + 1) * sizeof *copy.items), old->n};
	if (old->n)
		memcpy(copy.items, old->items, old->n * sizeof *copy.items);
	dir->states[dir->n_states++] = copy;
	return seen(dir);
}

static void state_drop(struct names *s, struct slice name)
{
	for (size_t i = 0; i < s->n; i++)
		if (slice_is(name, s->items[i].name))
			s->items[i--] = s->items[--s->n];
}

static void state_put(struct names *s, struct slice name, struct sim_node *n)
{
	state_drop(s, name);
	struct entry *e = &s->items[s->n++];
	slice_cstr(name, e->name, sizeof e->name);
	e->node = n;
}

static void keep_state(struct sim_node *dir, size_t which)
{
	for (size_t i = 0; i < dir->n_states; i++)
		if (i != which)
			free(dir->states[i].items);
	dir->states[0] = dir->states[which];
	dir->n_states = 1;
}

/* ---- contents ---- */

static void note_write(struct sim_node *n, size_t at, const void *p, size_t len)
{
	n->pending = must_alloc(n->pending, (n->n_pending + 1) * sizeof *n->pending);
	struct write *w = &n->pending[n->n_pending++];
	*w = (struct write){at, len, must_alloc(NULL, len)};
	memcpy(w->p, p, len);
	if (at + len > n->now_n)
		resize(&n->now, &n->now_n, at + len);
	memcpy(n->now + at, p, len);
}

static void to_platter(struct sim_node *n)
{
	resize(&n->disk, &n->disk_n, n->now_n);
	if (n->now_n)
		memcpy(n->disk, n->now, n->now_n);
	drop_pending(n);
}

/* Puts the part of a write that lies in a sector onto the platter. */
static void apply_in_sector(struct sim_node *n, const struct write *w, size_t sector)
{
	size_t from = sector * DISK_SECTOR, to = from + DISK_SECTOR;
	from = w->at > from ? w->at : from;
	to = w->at + w->n < to ? w->at + w->n : to;
	to = to < n->disk_n ? to : n->disk_n;
	if (from < to)
		memcpy(n->disk + from, w->p + (from - w->at), to - from);
}

static bool touches(const struct write *w, size_t sector)
{
	return w->at < (sector + 1) * DISK_SECTOR && w->at + w->n > sector * DISK_SECTOR;
}

/* A sector has as many versions as there were writes to it; one of them is on the platter. */
static void settle_sector(struct sim_disk *d, struct sim_node *n, size_t sector, int mood)
{
	size_t versions = 0;
	for (size_t i = 0; i < n->n_pending; i++)
		versions += touches(&n->pending[i], sector);
	size_t keep = mood == 0 ? 0 : mood == 1 ? versions : (size_t)rand_below(&d->rand, versions + 1);
	for (size_t i = 0; i < n->n_pending && keep; i++)
		if (touches(&n->pending[i], sector)) {
			apply_in_sector(n, &n->pending[i], sector);
			keep--;
		}
}

/* Some of what is pending reaches the platter: nothing, all, or any mixture. The rest is lost. */
static void settle_file(struct sim_disk *d, struct sim_node *n)
{
	int mood = (int)rand_below(&d->rand, 5);
	if (n->now_n != n->disk_n && (mood == 1 || (mood > 1 && rand_below(&d->rand, 2))))
		resize(&n->disk, &n->disk_n, n->now_n);
	for (size_t s = 0; n->n_pending && s * DISK_SECTOR < n->disk_n; s++)
		settle_sector(d, n, s, mood);
	drop_pending(n);
}

static uint64_t used(struct sim_node *n)
{
	uint64_t sum = n->now_n;
	for (size_t i = 0; n->dir && i < seen(n)->n; i++)
		sum += used(seen(n)->items[i].node);
	return sum;
}

/* ---- faults ---- */

enum fate { FATE_NORMAL, FATE_FAIL, FATE_OFF, FATE_LAST /* begun, then the machine is off */ };

static enum fate fate_of_call(struct sim_disk *d)
{
	if (d->off)
		return FATE_OFF;
	d->calls++;
	if (d->calls == d->crash_at) {
		d->off = true;
		return FATE_LAST;
	}
	if (d->fail_at && d->calls >= d->fail_at && (d->calls == d->fail_at || d->calls < d->fail_until))
		return FATE_FAIL;
	return FATE_NORMAL;
}

static enum err refuse(struct sim_disk *d, enum fate fate, const char *name, const char *what, struct fail *f)
{
	if (fate == FATE_FAIL)
		return fail_set(f, d->fail_with, "%s: %s: %s", name, what,
		        d->fail_with == ERR_FULL ? "No space left on device" : "I/O error");
	return fail_set(f, ERR_IO, "%s: %s: the machine is off", name, what);
}

static enum err absent(const char *name, struct fail *f)
{
	return fail_set(f, ERR_ABSENT, "%s: No such file or directory", name);
}

/* ---- the twelve calls ---- */

static struct sim_disk *sim(struct disk *d)
{
	return (struct sim_disk *)d;
}

static int by_bytes(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static enum err sim_list(struct disk *disk, const char *dir, struct arena *a, struct list *names, struct fail *f)
{
	struct sim_disk *d = sim(disk);
	enum fate fate = fate_of_call(d);
	*names = (struct list){0};
	if (fate != FATE_NORMAL)
		return refuse(d, fate, dir, "listing", f);
	struct sim_node *n = lookup(d, slice_of(dir));
	if (!n || !n->dir)
		return absent(dir, f);
	struct names *s = seen(n);
	struct slice *out = arena_alloc(a, (s->n + 1) * sizeof *out);
	MUST(out);
	for (size_t i = 0; i < s->n; i++)
		out[i] = arena_str(a, "%s", s->items[i].name);
	qsort(out, s->n, sizeof *out, by_bytes);
	*names = (struct list){out, (uint32_t)s->n};
	return OK;
}

static enum err sim_make_dir(struct disk *disk, const char *dir, struct fail *f)
{
	struct sim_disk *d = sim(disk);
	enum fate fate = fate_of_call(d);
	if (fate != FATE_NORMAL)
		return refuse(d, fate, dir, "making the directory", f);
	struct sim_node *n = d->root;
	for (struct slice path = slice_of(dir); path.n;) {
		struct slice name = slice_next(&path, '/');
		struct entry *e = find_in(n, name);
		if (!e) {
			struct sim_node *made = node_new(d, true);
			state_put(new_state(n), name, made);
			keep_state(n, n->n_states - 1);
			n = made;
		} else {
			n = e->node;
		}
	}
	return OK;
}

static int free_handle(const struct sim_disk *d)
{
	for (int i = 0; i < SIM_FILES_MAX; i++)
		if (!d->open[i])
			return i;
	MUST(!"a free handle");
	return -1;
}

static enum err sim_open(
        struct disk *disk, const char *name, enum disk_open how, struct disk_file *file, struct fail *f)
{
	struct sim_disk *d = sim(disk);
	enum fate fate = fate_of_call(d);
	struct slice last;
	if (fate == FATE_FAIL || fate == FATE_OFF)
		return refuse(d, fate, name, "opening", f);
	struct sim_node *dir = parent_of(d, name, &last);
	struct entry *e = dir ? find_in(dir, last) : NULL;
	if (!dir || (!e && how != DISK_CREATE))
		return absent(name, f);
	struct sim_node *n = e ? e->node : NULL;
	if (how == DISK_CREATE) {
		n = node_new(d, false);
		state_put(new_state(dir), last, n);
	}
	if (fate == FATE_LAST)
		return refuse(d, fate, name, "opening", f);
	*file = (struct disk_file){.handle = free_handle(d), .size = n->now_n};
	slice_cstr(slice_of(name), file->name, sizeof file->name);
	d->open[file->handle] = n;
	return OK;
}

static void sim_close(struct disk *disk, struct disk_file *file)
{
	struct sim_disk *d = sim(disk);
	MUST(file->handle >= 0);
	d->open[file->handle] = NULL;
	file->handle = -1;
}

static enum err sim_read(
        struct disk *disk, struct disk_file *file, uint64_t at, void *p, size_t n, size_t *got, struct fail *f)
{
	struct sim_disk *d = sim(disk);
	enum fate fate = fate_of_call(d);
	*got = 0;
	if (fate != FATE_NORMAL)
		return refuse(d, fate, file->name, "reading", f);
	struct sim_node *node = d->open[file->handle];
	MUST(node);
	if (at < node->now_n)
		*got = n < node->now_n - at ? n : node->now_n - (size_t)at;
	if (*got)
		memcpy(p, node->now + at, *got);
	return OK;
}

static enum err sim_write(
        struct disk *disk, struct disk_file *file, uint64_t at, const void *p, size_t n, struct fail *f)
{
	struct sim_disk *d = sim(disk);
	enum fate fate = fate_of_call(d);
	struct sim_node *node = d->open[file->handle];
	if (fate == FATE_OFF)
		return refuse(d, fate, file->name, "writing", f);
	MUST(node);
	size_t fits = n, more = at + n > node->now_n ? (size_t)at + n - node->now_n : 0;
	if (d->capacity && more && used(d->root) + more > d->capacity)
		fits = 0;
	if (fate == FATE_FAIL)
		fits = (size_t)rand_below(&d->rand, n + 1);
	d->writes++;
	if (fits)
		note_write(node, (size_t)at, p, fits);
	if (fate == FATE_LAST)
		return refuse(d, fate, file->name, "writing", f);
	if (fate == FATE_NORMAL && fits == n)
		return OK;
	return fail_set(f, fate == FATE_FAIL ? d->fail_with : ERR_FULL,
	        "%s: writing %zu bytes at offset %" PRIu64 ": a fault", file->name, n, at);
}

static enum err sim_reserve(struct disk *disk, struct disk_file *file, uint64_t size, struct fail *f)
{
	struct sim_disk *d = sim(disk);
	enum fate fate = fate_of_call(d);
	if (fate == FATE_FAIL || fate == FATE_OFF)
		return refuse(d, fate, file->name, "reserving space", f);
	struct sim_node *node = d->open[file->handle];
	MUST(node);
	if (size > node->now_n) {
		if (d->capacity && used(d->root) + (size - node->now_n) > d->capacity)
			return fail_set(f, ERR_FULL, "%s: reserving space: No space left on device", file->name);
		resize(&node->now, &node->now_n, (size_t)size);
	}
	return fate == FATE_LAST ? refuse(d, fate, file->name, "reserving space", f) : OK;
}

static enum err sim_sync(struct disk *disk, struct disk_file *file, struct fail *f)
{
	struct sim_disk *d = sim(disk);
	enum fate fate = fate_of_call(d);
	struct sim_node *node = d->open[file->handle];
	d->syncs++;
	if (fate == FATE_FAIL)
		settle_file(d, node); /* and forgets what it did not write, while `now` still shows it */
	if (fate != FATE_NORMAL)
		return refuse(d, fate, file->name, "syncing", f);
	MUST(node);
	if (d->lies)
		return OK;
	/* What an earlier, failed sync dropped is clean: only what is pending is written. */
	resize(&node->disk, &node->disk_n, node->now_n);
	for (size_t i = 0; i < node->n_pending; i++)
		memcpy(node->disk + node->pending[i].at, node->pending[i].p, node->pending[i].n);
	drop_pending(node);
	return OK;
}

static enum err sim_rename(struct disk *disk, const char *from, const char *to, struct fail *f)
{
	struct sim_disk *d = sim(disk);
	enum fate fate = fate_of_call(d);
	struct slice a, b;
	if (fate == FATE_FAIL || fate == FATE_OFF)
		return refuse(d, fate, from, "renaming", f);
	struct sim_node *dir = parent_of(d, from, &a);
	MUST(dir == parent_of(d, to, &b));
	struct entry *e = dir ? find_in(dir, a) : NULL;
	if (!e)
		return absent(from, f);
	struct sim_node *n = e->node;
	struct names *s = new_state(dir);
	state_drop(s, a);
	state_put(s, b, n);
	return fate == FATE_LAST ? refuse(d, fate, from, "renaming", f) : OK;
}

static enum err remove_entry(struct sim_disk *d, const char *name, bool want_dir, struct fail *f)
{
	enum fate fate = fate_of_call(d);
	struct slice last;
	if (fate == FATE_FAIL || fate == FATE_OFF)
		return refuse(d, fate, name, "removing", f);
	struct sim_node *dir = parent_of(d, name, &last);
	struct entry *e = dir ? find_in(dir, last) : NULL;
	if (!e)
		return absent(name, f);
	if (e->node->dir != want_dir || (want_dir && seen(e->node)->n))
		return fail_set(f, ERR_IO, "%s: removing: not possible", name);
	state_drop(new_state(dir), last);
	return fate == FATE_LAST ? refuse(d, fate, name, "removing", f) : OK;
}

static enum err sim_remove(struct disk *disk, const char *name, struct fail *f)
{
	return remove_entry(sim(disk), name, false, f);
}

static enum err sim_remove_dir(struct disk *disk, const char *dir, struct fail *f)
{
	return remove_entry(sim(disk), dir, true, f);
}

static enum err sim_sync_dir(struct disk *disk, const char *dir, struct fail *f)
{
	struct sim_disk *d = sim(disk);
	enum fate fate = fate_of_call(d);
	d->syncs++;
	if (fate != FATE_NORMAL)
		return refuse(d, fate, dir, "syncing", f);
	struct sim_node *n = lookup(d, slice_of(dir));
	if (!n || !n->dir)
		return absent(dir, f);
	if (!d->lies)
		keep_state(n, n->n_states - 1);
	return OK;
}

/* ---- the disk ---- */

void sim_disk_init(struct sim_disk *d, uint64_t seed)
{
	*d = (struct sim_disk){.disk = {"", sim_list, sim_make_dir, sim_open, sim_close, sim_read, sim_write,
	                               sim_reserve, sim_sync, sim_rename, sim_remove, sim_remove_dir, sim_sync_dir}};
	rand_seed(&d->rand, seed);
	d->root = node_new(d, true);
}

void sim_disk_free(struct sim_disk *d)
{
	while (d->all) {
		struct sim_node *n = d->all;
		d->all = n->next;
		node_free(n);
	}
}

void sim_disk_kill(struct sim_disk *d)
{
	memset(d->open, 0, sizeof d->open);
	d->off = false;
	d->crash_at = d->fail_at = d->fail_until = 0;
}

void sim_disk_crash(struct sim_disk *d)
{
	for (struct sim_node *n = d->all; n; n = n->next) {
		if (n->dir) {
			keep_state(n, (size_t)rand_below(&d->rand, n->n_states));
			continue;
		}
		settle_file(d, n);
		resize(&n->now, &n->now_n, n->disk_n);
		if (n->disk_n)
			memcpy(n->now, n->disk, n->disk_n);
	}
	sim_disk_kill(d);
}

struct slice sim_disk_bytes(struct sim_disk *d, const char *name)
{
	struct sim_node *n = lookup(d, slice_of(name));
	return n && !n->dir ? (struct slice){n->now, n->now_n} : S_NONE;
}

void sim_disk_put(struct sim_disk *d, const char *name, struct slice bytes)
{
	struct slice last;
	struct sim_node *dir = parent_of(d, name, &last);
	MUST(dir);
	struct entry *e = find_in(dir, last);
	struct sim_node *n = e ? e->node : node_new(d, false);
	if (!e) {
		state_put(new_state(dir), last, n);
		keep_state(dir, dir->n_states - 1);
	}
	drop_pending(n);
	resize(&n->now, &n->now_n, bytes.n);
	if (bytes.n)
		memmove(n->now, bytes.p, bytes.n);
	to_platter(n);
}
