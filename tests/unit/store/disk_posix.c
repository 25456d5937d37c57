/* The real disk, and the log on it. */
#include "store/disk_posix.h"

#include "core/base/slice.h"
#include "store/wal.h"
#include "tests/test.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

static void scratch(char out[static 64], struct disk_posix *d)
{
	struct fail f;
	strcpy(out, "/tmp/consul-unit-XXXXXX");
	ASSERT(mkdtemp(out) != NULL);
	ASSERT(!disk_posix_open(d, out, &f));
}

static void sweep(struct disk_posix *d, const char *dir)
{
	struct arena a = {0};
	struct list names;
	char path[2 * DISK_PATH_MAX];
	if (d->disk.list(&d->disk, dir, &a, &names, NULL))
		return;
	for (uint32_t i = 0; i < names.n; i++) {
		snprintf(path, sizeof path, "%s%s%s", *dir == '.' ? "" : dir, *dir == '.' ? "" : "/",
		        ((struct slice *)names.items)[i].p);
		if (d->disk.remove(&d->disk, path, NULL)) {
			sweep(d, path);
			d->disk.remove_dir(&d->disk, path, NULL);
		}
	}
	arena_free(&a);
}

static void leave(struct disk_posix *d, const char *root)
{
	sweep(d, ".");
	disk_posix_close(d);
	rmdir(root);
}

TEST(disk, files_are_made_read_renamed_and_removed)
{
	char root[64], got[16];
	struct disk_posix p;
	struct disk *d = &p.disk;
	struct disk_file file;
	struct fail f;
	struct arena a = {0};
	struct list names;
	size_t n;
	scratch(root, &p);
	CHECK_EQ(d->make_dir(d, "one/two/three", &f), OK);
	CHECK_EQ(d->make_dir(d, "one/two", &f), OK);
	CHECK_EQ(d->open(d, "one/two/b", DISK_CREATE, &file, &f), OK);
	CHECK_EQ(d->reserve(d, &file, 10, &f), OK);
	CHECK_EQ(d->write(d, &file, 2, "hello", 5, &f), OK);
	CHECK_EQ(d->sync(d, &file, &f), OK);
	CHECK_EQ(d->read(d, &file, 0, got, sizeof got, &n, &f), OK);
	CHECK_EQ(n, 10);
	CHECK(!memcmp(got, "\0\0hello\0\0\0", 10));
	CHECK_EQ(d->reserve(d, &file, 4, &f), OK); /* never shorter */
	d->close(d, &file);
	CHECK_EQ(d->rename(d, "one/two/b", "one/two/a", &f), OK);
	CHECK_EQ(d->sync_dir(d, "one/two", &f), OK);
	CHECK_EQ(d->open(d, "one/two/a", DISK_READ, &file, &f), OK);
	CHECK_EQ(file.size, 10);
	d->close(d, &file);
	CHECK_EQ(d->list(d, "one/two", &a, &names, &f), OK);
	ASSERT(names.n == 2);
	CHECK_STR(((struct slice *)names.items)[0], "a");
	CHECK_STR(((struct slice *)names.items)[1], "three");
	CHECK_EQ(d->remove_dir(d, "one/two", &f), ERR_IO);
	CHECK_EQ(d->remove(d, "one/two/a", &f), OK);
	CHECK_EQ(d->remove_dir(d, "one/two/three", &f), OK);
	CHECK_EQ(d->list(d, "one/two", &a, &names, &f), OK);
	CHECK_EQ(names.n, 0);
	arena_free(&a);
	leave(&p, root);
}

TEST(disk, errors_name_the_whole_path)
{
	char root[64], want[200];
	struct disk_posix p;
	struct disk *d = &p.disk;
	struct disk_file file;
	struct arena a = {0};
	struct list names;
	struct fail f;
	scratch(root, &p);
	CHECK_EQ(d->open(d, "raft/none", DISK_READ, &file, &f), ERR_ABSENT);
	snprintf(want, sizeof want, "%s/raft/none: opening: No such file or directory", root);
	CHECK_STR(slice_of(f.text), want);
	CHECK_EQ(d->list(d, "raft", &a, &names, &f), ERR_ABSENT);
	CHECK_EQ(d->open(d, "small", DISK_CREATE, &file, &f), OK);

	struct rlimit old, tiny;
	ASSERT(!getrlimit(RLIMIT_FSIZE, &old));
	tiny = old;
	tiny.rlim_cur = 4096;
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &tiny);
	static char bytes[8192];
	CHECK_EQ(d->write(d, &file, 100, bytes, sizeof bytes, &f), ERR_IO);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, before);
	snprintf(want, sizeof want, "%s/small: writing 8192 bytes at offset 100: File too large", root);
	CHECK_STR(slice_of(f.text), want);
	d->close(d, &file);
	leave(&p, root);
}

TEST(disk, only_one_process_has_a_data_directory)
{
	char root[64], want[200];
	struct disk_posix p, q;
	struct fail f;
	scratch(root, &p);
	CHECK_EQ(disk_posix_open(&q, root, &f),
	        ERR_IO); /* flock is per open file, so that this is as good as another process */
	snprintf(want, sizeof want, "%s/ is in use by another process", root);
	CHECK_STR(slice_of(f.text), want);
	disk_posix_close(&p);
	CHECK_EQ(disk_posix_open(&q, root, &f), OK);
	leave(&q, root);
}

/* A process writes and is killed: what it said was durable is there. */
static void write_until_killed(const char *root, int tell)
{
	struct disk_posix p;
	struct wal *w;
	struct fail f;
	struct wal_options opt = {.segment_bytes = 64 << 10, .salt = 9};
	char data[300];
	memset(data, 'x', sizeof data);
	if (disk_posix_open(&p, root, &f) || wal_open(&w, &p.disk, "raft/wal", &opt, NULL, &f))
		_exit(1);
	for (raft_index i = 1;; i++) {
		struct wal_entry e = {i, 1, 0, {data, (size_t)(i % sizeof data)}};
		if (wal_append(w, NULL, &e, 1, &f) || wal_sync(w, &f) || write(tell, &i, sizeof i) != sizeof i)
			_exit(1);
	}
}

TEST(disk, a_killed_process_left_all_that_it_acknowledged)
{
	char root[64];
	struct disk_posix p;
	struct wal *w;
	struct fail f;
	int pipes[2];
	scratch(root, &p);
	disk_posix_close(&p);
	ASSERT(!pipe(pipes));
	pid_t child = fork();
	if (!child) {
		close(pipes[0]);
		write_until_killed(root, pipes[1]);
	}
	close(pipes[1]);
	raft_index told = 0, next;
	while (told < 400 && read(pipes[0], &next, sizeof next) == sizeof next)
		told = next;
	kill(child, SIGKILL);
	while (read(pipes[0], &next, sizeof next) == sizeof next)
		told = next;
	close(pipes[0]);
	waitpid(child, NULL, 0);
	CHECK(told >= 400);

	struct wal_options opt = {.salt = 9};
	ASSERT(!disk_posix_open(&p, root, &f));
	ASSERT(!wal_open(&w, &p.disk, "raft/wal", &opt, NULL, &f));
	CHECK(wal_last(w) == told || wal_last(w) == told + 1);
	struct wal_cursor c;
	struct wal_entry e;
	raft_index seen = 0;
	wal_cursor_open(&c, w, 1);
	while (!wal_next(&c, &e, &f) && e.index)
		seen += e.index == seen + 1 && e.data.n == e.index % 300;
	wal_cursor_close(&c);
	CHECK_EQ(seen, wal_last(w));
	wal_close(w);
	leave(&p, root);
}
