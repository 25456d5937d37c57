/* Any bytes as commands of the log: applied or refused, never a crash, and the tables stay readable. */
#include <stdint.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/state/apply.h"
#include "core/state/archive.h"
#include "core/state/health.h"
#include "core/state/kv.h"
#include "store/db.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input is cut into commands by its own length bytes. */
static void apply_all(struct state *s, struct slice in, struct arena *a)
{
	struct apply_result out;
	for (raft_index i = 1; in.n > 2; i++) {
		size_t n = (unsigned char)in.p[0] | (size_t)(unsigned char)in.p[1] << 8;
		struct slice command = slice_cut(in, 2, 2 + n);
		state_apply(s, i, command, (mono_ns)i * NS_PER_S, a, &out);
		MUST(out.kind != APPLY_NO_MEMORY);
		in = slice_from(in, 2 + n);
	}
}

static void read_some(const struct db_root *r, struct arena *a)
{
	struct list l;
	kv_list(r, NULL, S_NONE, a, &l);
	catalog_node_dump(r, NULL, a, &l);
	catalog_services(r, NULL, (struct list){0}, a, &l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct state s;
	struct db *db = db_new(NULL);
	struct archive_reader rd;
	size_t used;
	struct fail f;
	state_init(&s, db);
	apply_all(&s, slice_at(data, size), &a);
	read_some(db_publish(db), &a);
	archive_read_begin(&rd, &s);
	enum err err = archive_read(&rd, slice_at(data, size), &used, &f);
	archive_read_end(&rd, err, size - used, &f);
	db_publish(db);
	state_free(&s);
	db_free(db);
	arena_free(&a);
	return 0;
}
