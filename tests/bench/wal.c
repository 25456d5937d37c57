/* How fast is the log here? Serial appends and batches, each synced, on the real disk, beside what the bare system
 * does. A program of its own, built by the bench: wal DIRECTORY [seconds a row]. */
#include "store/disk_posix.h"
#include "store/wal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { DATA = 200, BATCH_MAX = 512 };

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const struct fail *f)
{
	fprintf(stderr, "%s\n", f->text);
	exit(1);
}

/* write and fdatasync over zeros that are on disk: the most that any log can do with one sync an entry. */
static double bare(const char *dir, double seconds)
{
	enum { SIZE = 16 << 20 };
	static char block[1 << 20];
	char path[300];
	snprintf(path, sizeof path, "%s/bare", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (off_t at = 0; at < SIZE; at += (off_t)sizeof block)
		if (pwrite(fd, block, sizeof block, at) < 0)
			exit(1);
	fsync(fd);
	memset(block, 'x', DATA + 40);
	double start = now();
	uint64_t n = 0;
	while (now() - start < seconds) {
		if (pwrite(fd, block, DATA + 40, (off_t)(n * (DATA + 40) % SIZE)) < 0 || fdatasync(fd))
			exit(1);
		n++;
	}
	double rate = (double)n / (now() - start);
	close(fd);
	unlink(path);
	return rate;
}

static void row(struct wal *w, size_t batch, double seconds)
{
	static char data[DATA];
	struct wal_entry e[BATCH_MAX];
	struct fail f;
	uint64_t n = 0;
	double start = now(), worst = 0, last = start;
	while (last - start < seconds) {
		for (size_t i = 0; i < batch; i++)
			e[i] = (struct wal_entry){wal_last(w) + 1 + i, 1, 0, {data, DATA}};
		if (wal_append(w, NULL, e, batch, &f) || wal_sync(w, &f))
			die(&f);
		double t = now();
		worst = t - last > worst ? t - last : worst;
		last = t;
		n++;
	}
	double took = last - start;
	printf("log, batches of %3zu: %8.0f entries/s, %6.0f syncs/s, longest %5.1f ms\n", batch,
	        (double)(n * batch) / took, (double)n / took, worst * 1e3);
	if (wal_forget_before(w, wal_last(w), &f))
		die(&f);
}

int main(int argc, char **argv)
{
	struct disk_posix d;
	struct wal *w;
	struct fail f;
	struct wal_options opt = {.salt = 1};
	double seconds = argc > 2 ? atof(argv[2]) : 3;
	if (argc < 2)
		return 2;
	if (disk_posix_open(&d, argv[1], &f) || wal_open(&w, &d.disk, "bench-wal", &opt, NULL, &f))
		die(&f);
	printf("write + fdatasync:    %8.0f /s\n", bare(argv[1], seconds));
	row(w, 1, seconds);
	row(w, 64, seconds);
	row(w, 512, seconds);
	wal_close(w);
	double start = now();
	if (wal_open(&w, &d.disk, "bench-wal", &opt, NULL, &f))
		die(&f);
	printf("opening %" PRIu64 " entries: %.1f ms\n", wal_last(w) - wal_first(w) + 1, (now() - start) * 1e3);
	wal_close(w);
	return 0;
}
