#include "tests/unit/store/wal_fixture.h"

#include "core/base/must.h"

size_t wal_test_data(raft_index index, raft_term term, char out[static DATA_MAX])
{
	size_t n = (size_t)((index * 37 + term * 101) % 300);
	if (index % 23 == 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(1 + (index * 7 + term * 13 + i) % 255);
	return n;
}

void wal_test_entry(struct wal_entry *e, raft_index index, raft_term term, char out[static DATA_MAX])
{
	*e = (struct wal_entry){index, term, (uint8_t)(index % 6), {out, 0}};
	e->data.n = wal_test_data(index, term, out);
}

enum err wal_test_append(struct wal *w, size_t n, raft_term term, struct fail *f)
{
	static char data[64][DATA_MAX];
	struct wal_entry e[64];
	MUST(n <= 64);
	for (size_t i = 0; i < n; i++)
		wal_test_entry(&e[i], wal_last(w) + 1 + i, term, data[i]);
	return wal_append(w, NULL, e, n, f);
}

enum err wal_test_put(struct wal *w, size_t n, raft_term term, struct fail *f)
{
	enum err e = wal_test_append(w, n, term, f);
	return e ? e : wal_sync(w, f);
}

enum err wal_test_open(struct wal **w, struct sim_disk *d, uint64_t segment, struct fail *f)
{
	struct wal_options opt = {.segment_bytes = segment, .salt = SALT};
	return wal_open(w, &d->disk, "raft/wal", &opt, NULL, f);
}

bool wal_test_reads_well(struct wal *w)
{
	struct wal_cursor c;
	struct wal_entry e, want;
	struct fail f;
	char data[DATA_MAX];
	raft_index next = wal_first(w);
	wal_cursor_open(&c, w, next);
	while (!wal_next(&c, &e, &f) && e.index) {
		wal_test_entry(&want, next, wal_term_of(w, next), data);
		if (e.index != next || e.term != want.term || e.type != want.type || !slice_eq(e.data, want.data))
			break;
		next++;
	}
	wal_cursor_close(&c);
	return next == wal_last(w) + 1;
}

const char *const wal_names[] = {
        "raft/wal/0000000001.wal", "raft/wal/0000000002.wal", "raft/wal/0000000003.wal", "raft/wal/0000000004.wal"};
