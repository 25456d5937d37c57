/* What the store costs: bytes an entry, lookups, inserts, scans, publications. A program of its own, built by the
 * bench.
 *
 * One line a figure: name, value, unit. `store_bench [entries]` measures with that many keys instead of 100,000 and
 * 1,000,000. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/must.h"
#include "core/base/rand.h"
#include "store/epoch.h"
#include "store/model.h"

enum { VALUE_N = 100, LOOKUPS = 3000000, SCANS = 200000, PUBLICATIONS = 100000, BATCH = 64 };

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void say(const char *what, size_t entries, const char *keys, double value, const char *unit)
{
	printf("%-28s %8zu %-8s keys %14.1f %s\n", what, entries, keys, value, unit);
	fflush(stdout);
}

/* ---- keys of three kinds ---- */

typedef size_t key_maker(uint64_t i, char out[static 80]);

static size_t key_path(uint64_t i, char out[static 80])
{
	return (size_t)snprintf(out, 80, "service/app-%04u/config/key-%04u", (unsigned)(i / 100), (unsigned)(i % 100));
}

static size_t key_short(uint64_t i, char out[static 80])
{
	return (size_t)snprintf(out, 80, "k%u", (unsigned)i);
}

static size_t key_uuid(uint64_t i, char out[static 80])
{
	struct rand r;
	rand_seed(&r, i);
	uuid_make(&r, out);
	return UUID_TEXT;
}

struct keys {
	const char *kind;
	key_maker *make;
	size_t n;
	struct slice *at;
	char *bytes;
};

static struct keys keys_new(const char *kind, key_maker *make, size_t n)
{
	struct keys k = {kind, make, n, malloc(n * sizeof(struct slice)), malloc(n * 80)};
	MUST(k.at && k.bytes);
	for (size_t i = 0; i < n; i++) {
		char *to = k.bytes + i * 80;
		k.at[i] = (struct slice){to, make(i, to)};
	}
	return k;
}

static void keys_shuffle(struct keys *k)
{
	struct rand r;
	rand_seed(&r, 7);
	for (size_t i = k->n; i > 1; i--) {
		size_t j = rand_below(&r, i);
		struct slice s = k->at[i - 1];
		k->at[i - 1] = k->at[j];
		k->at[j] = s;
	}
}

/* The keys one after the other as they will be asked for: a request has its key at hand. */
static void keys_line_up(struct keys *k)
{
	char *bytes = malloc(k->n * 80);
	MUST(bytes);
	for (size_t i = 0; i < k->n; i++) {
		memcpy(bytes + i * 80, k->at[i].p, k->at[i].n);
		k->at[i].p = bytes + i * 80;
	}
	free(k->bytes);
	k->bytes = bytes;
}

static void keys_free(struct keys *k)
{
	free(k->at);
	free(k->bytes);
}

/* ---- measuring ---- */

static void entry_put(struct db *db, struct slice key, raft_index index)
{
	static const char value[VALUE_N];
	struct dir_entry e = {
	        .key = key, .value = {value, VALUE_N}, .create_index = index, .modify_index = index, .flags = 0};
	struct item *it = kv_item_new(db, &e);
	MUST(it);
	MUST(db_put(db, TREE_KV, it));
}

static void publish(struct db *db, struct epoch *e)
{
	db_publish(db);
	epoch_advance(e);
}

static void fill(struct db *db, struct epoch *e, const struct keys *k)
{
	size_t used = db_memory(db).used, held = db_memory(db).held, net = 0;
	double start = now_s();
	for (size_t i = 0; i < k->n; i++) {
		entry_put(db, k->at[i], i + 1);
		net += k->at[i].n + VALUE_N;
		if (i % BATCH == BATCH - 1)
			publish(db, e);
	}
	publish(db, e);
	say("inserts, 64 a publication", k->n, k->kind, (double)k->n / (now_s() - start), "/s");
	while (db_reclaim(db))
		;
	double n = (double)k->n;
	say("overhead, pieces in use", k->n, k->kind, (double)(db_memory(db).used - used - net) / n, "bytes an entry");
	say("overhead, pages held", k->n, k->kind, (double)(db_memory(db).held - held - net) / n, "bytes an entry");
}

static void look_up(struct db *db, const struct keys *k)
{
	const struct db_root *r = db_published(db);
	size_t found = 0;
	double start = now_s();
	for (size_t i = 0, at = 0; i < LOOKUPS; i++, at = at + 1 < k->n ? at + 1 : 0)
		found += db_get(r, TREE_KV, k->at[at]) != NULL;
	say("lookups, one core", k->n, k->kind, LOOKUPS / (now_s() - start), "/s");
	MUST(found == LOOKUPS);
}

static void scan(struct db *db, const struct keys *k)
{
	const struct db_root *r = db_published(db);
	struct cursor c;
	size_t items = 0;
	double start = now_s();
	for (size_t i = 0, at = 0; i < SCANS; i++, at = at + 1 < k->n ? at + 1 : 0) {
		struct slice key = k->at[at];
		cursor_prefix(&c, r, TREE_KV, (struct slice){key.p, key.n - 1});
		while (cursor_next(&c))
			items++;
	}
	double s = now_s() - start;
	say("prefix scans", k->n, k->kind, SCANS / s, "/s");
	say("items walked by them", k->n, k->kind, (double)items / s, "/s");
	size_t n = 0;
	start = now_s();
	cursor_prefix(&c, r, TREE_KV, S_NONE);
	while (cursor_next(&c))
		n++;
	say("items walked, whole tree", k->n, k->kind, (double)n / (now_s() - start), "/s");
	MUST(n == k->n);
}

static void publications(struct db *db, struct epoch *e, const struct keys *k)
{
	double start = now_s();
	for (size_t i = 0; i < PUBLICATIONS; i++) {
		entry_put(db, k->at[i % k->n], i);
		publish(db, e);
	}
	say("put and publish", k->n, k->kind, (now_s() - start) / PUBLICATIONS * 1e9, "ns");
	double inside = 0;
	for (size_t i = 0; i < PUBLICATIONS; i++) {
		entry_put(db, k->at[i % k->n], i);
		start = now_s();
		publish(db, e);
		inside += now_s() - start;
	}
	say("publish alone", k->n, k->kind, inside / PUBLICATIONS * 1e9, "ns");
	start = now_s();
	for (size_t i = 0; i < PUBLICATIONS; i++) {
		MUST(db_version_of_key(db_published(db), TREE_KV, k->at[i % k->n]));
	}
	say("look at one watch", k->n, k->kind, (now_s() - start) / PUBLICATIONS * 1e9, "ns");
}

static void drop_all(struct db *db, struct epoch *e, const struct keys *k)
{
	double start = now_s();
	MUST(db_remove_prefix(db, TREE_KV, S_NONE) == k->n);
	publish(db, e);
	say("remove all by prefix", k->n, k->kind, (now_s() - start) * 1e3, "ms");
	start = now_s();
	publish(db, e);
	while (db_reclaim(db))
		;
	say("free all that", k->n, k->kind, (now_s() - start) * 1e3, "ms");
	say("held afterwards", k->n, k->kind, (double)db_memory(db).held / 1024, "KiB");
}

static void measure(const char *kind, key_maker *make, size_t n)
{
	struct epoch *e = epoch_new();
	struct db *db = db_new(e);
	struct keys k = keys_new(kind, make, n);
	MUST(e && db);
	MUST(epoch_reader_add(e) == 0);
	keys_shuffle(&k);
	keys_line_up(&k);
	fill(db, e, &k);
	keys_shuffle(&k);
	keys_line_up(&k);
	look_up(db, &k);
	scan(db, &k);
	publications(db, e, &k);
	drop_all(db, e, &k);
	keys_free(&k);
	db_free(db);
	epoch_free(e);
	putchar('\n');
}

int main(int argc, char **argv)
{
	size_t sizes[] = {100000, 1000000};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : sizes[i];
		measure("path", key_path, n);
		measure("short", key_short, n);
		measure("uuid", key_uuid, n);
		if (argc > 1)
			break;
	}
	return 0;
}
