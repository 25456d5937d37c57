/* Any bytes as a BoltDB file. Checksums would keep all but one in 2^64 inputs outside: the meta page is made right, and
 * each page gets its own number, by whether the first byte says so. */
#include "core/base/must.h"
#include "core/base/slice.h"
#include "store/bolt.h"
#include "tests/sim/disk.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGE = 512, META_AT = 16, SUMMED = 56 };

static void put(char *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (char)(v >> 8 * i);
}

static void make_right(char *p, size_t n)
{
	uint64_t sum = UINT64_C(14695981039346656037);
	for (size_t page = 0; page < n / PAGE; page++)
		put(p + page * PAGE, page, 8);
	if (n < PAGE)
		return;
	put(p + META_AT, 0xED0CDAED, 4);
	put(p + META_AT + 4, 2, 4);
	put(p + META_AT + 8, PAGE, 4);
	put(p + META_AT + 40, n / PAGE, 8);
	for (size_t i = 0; i < SUMMED; i++)
		sum = (sum ^ (uint8_t)p[META_AT + i]) * UINT64_C(1099511628211);
	put(p + META_AT + SUMMED, sum, 8);
}

static void walk(struct bolt *b, struct slice bucket)
{
	struct bolt_cursor c;
	struct slice key, value;
	struct fail f = {0};
	uint64_t sum = 0;
	enum err e = bolt_cursor_open(&c, b, bucket, &f);
	while (!e && !(e = bolt_next(&c, &key, &value, &f)) && key.p)
		for (size_t i = 0; i < key.n + value.n; i++)
			sum += (uint8_t)key.p[i];
	MUST(!e || f.text[0]);
	MUST(sum != UINT64_MAX);
	bolt_cursor_close(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim_disk d;
	struct bolt b;
	struct fail f = {0};
	if (!size || size > 1 << 20)
		return 0;
	char *copy = malloc(size);
	MUST(copy);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		make_right(copy, size - 1);
	sim_disk_init(&d, 1);
	sim_disk_put(&d, "raft.db", slice_at(copy, size - 1));
	if (!bolt_open(&b, &d.disk, "raft.db", &f)) {
		walk(&b, S("logs"));
		walk(&b, S("conf"));
		bolt_close(&b);
	}
	sim_disk_free(&d);
	free(copy);
	return 0;
}
