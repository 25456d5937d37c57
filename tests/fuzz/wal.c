/* Recovery of the log, from any bytes: total, and whatever it accepts can be read, appended to and recovered again.
 *
 * Random bytes hardly ever carry a right checksum, so the input is one of two things, by its first byte: the file as it
 * is, or a recipe for one or two segments of records with any fields and right checksums, some bytes then changed. */
#include "core/base/must.h"
#include "core/base/slice.h"
#include "store/wal.h"
#include "store/wal_record.h"
#include "tests/sim/disk.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SALT = 5, SEGMENT = 4096 };

struct input {
	const uint8_t *at, *end;
};

static uint8_t next(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static void begin_segment(struct buf *b, struct wal_header *h, const struct buf *before)
{
	char bytes[WAL_HEADER];
	h->number++;
	h->salt = SALT;
	h->prev_end = before ? (uint32_t)before->n : 0;
	wal_header_put(bytes, h);
	buf_bytes(b, bytes, sizeof bytes);
}

static void put_record(struct buf *b, uint32_t seed, struct input *in, struct wal_header *h)
{
	uint8_t kind = next(in), n = next(in), synced = next(in);
	struct wal_record r = {
	        .kind = (enum wal_kind)(kind % 7),
	        .type = kind,
	        .index = kind & 0x80 ? next(in) : h->last_index + 1,
	        .term = next(in) % 4u,
	        .at = kind & 0x40 ? next(in) : (uint32_t)b->n,
	        .synced = (uint32_t)(b->n * synced / 200),
	};
	size_t there = (size_t)(in->end - in->at);
	r.data = slice_at(in->at, n < there ? n : there);
	if (r.kind == WAL_HARD && r.data.n < 8)
		r.data = S("12345678vote");
	if (r.kind == WAL_ENTRY || r.kind == WAL_CUT || r.kind == WAL_RESET)
		h->last_index = r.index;
	in->at += n < there ? n : there;
	wal_record_put(b, seed, &r);
}

static void put_file(struct sim_disk *d, struct buf *b, uint64_t number, struct input *in)
{
	char name[64];
	if (next(in) & 1 && b->n) {
		size_t at = (size_t)(next(in) << 8 | next(in)) % b->n;
		b->p[at] = (char)(b->p[at] ^ next(in));
	}
	size_t zeros = (size_t)next(in) * 16;
	memset(buf_room(b, zeros + 1), 0, zeros + 1);
	buf_add(b, zeros);
	snprintf(name, sizeof name, "wal/%010u.wal", (unsigned)number);
	sim_disk_put(d, name, buf_view(b));
}

static void cook(struct sim_disk *d, struct input in)
{
	struct buf one = {0}, two = {0}, *b = &one;
	struct wal_header h = {.last_index = next(&in) % 16, .last_term = 1};
	uint8_t change = next(&in);
	begin_segment(b, &h, NULL);
	for (unsigned i = 0; i < 60 && in.at < in.end; i++) {
		put_record(b, wal_header_seed(&h), &in, &h);
		if (i == change) {
			begin_segment(&two, &h, b);
			b = &two;
		}
	}
	put_file(d, &one, 1, &in);
	if (two.n)
		put_file(d, &two, 2, &in);
	buf_free(&one);
	buf_free(&two);
}

static raft_index read_all(struct wal *w)
{
	struct wal_cursor c;
	struct wal_entry e;
	struct fail f;
	raft_index n = 0;
	wal_cursor_open(&c, w, wal_first(w));
	while (!wal_next(&c, &e, &f) && e.index)
		n++;
	wal_cursor_close(&c);
	MUST(n == wal_last(w) + 1 - wal_first(w));
	return n;
}

static void use(struct sim_disk *d, struct wal *w, const struct wal_options *opt)
{
	struct fail f;
	struct wal_entry e = {wal_last(w) + 1, 7, 0, S("more")};
	raft_index last = wal_last(w);
	read_all(w);
	if (last == UINT64_MAX) {
		wal_close(w);
		return;
	}
	MUST(!wal_append(w, NULL, &e, 1, &f));
	wal_close(w);
	MUST(!wal_open(&w, &d->disk, "wal", opt, NULL, &f));
	MUST(wal_last(w) == last + 1);
	read_all(w);
	wal_close(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f = {0};
	struct wal_options opt = {.segment_bytes = SEGMENT, .salt = SALT};
	if (size < 1 || size > 16384)
		return 0;
	sim_disk_init(&d, size);
	d.disk.make_dir(&d.disk, "wal", NULL);
	if (data[0] & 1)
		cook(&d, (struct input){data + 1, data + size});
	else
		sim_disk_put(&d, "wal/0000000001.wal", slice_at(data + 1, size - 1));
	if (wal_open(&w, &d.disk, "wal", &opt, NULL, &f))
		MUST(f.code == ERR_CORRUPT && f.text[0]);
	else
		use(&d, w, &opt);
	sim_disk_free(&d);
	return 0;
}
