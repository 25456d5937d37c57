#include "cmd/agent/work_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/slice.h"
#include "store/disk_posix.h"
#include "tests/test.h"

enum { FILES = WORK_RING + 200 };

static struct bell bell;
static struct disk_posix disk;
static struct work *work;
static char folder[64];

static void start(void)
{
	struct fail f;
	snprintf(folder, sizeof folder, "%s/work-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	ASSERT(mkdtemp(folder) && bell_init(&bell));
	ASSERT(!disk_posix_open(&disk, folder, &f));
	work = work_new(&bell, &disk.disk);
	ASSERT(work);
}

static void end(void)
{
	work_free(work);
	disk_posix_close(&disk);
	bell_free(&bell, NULL);
	char line[128];
	snprintf(line, sizeof line, "rm -rf %s", folder);
	CHECK_EQ(system(line), 0);
}

static const char *content(int i)
{
	static char bytes[64];
	char path[128];
	snprintf(path, sizeof path, "%s/checks/state/%d", folder, i);
	FILE *in = fopen(path, "r");
	size_t n = in ? fread(bytes, 1, sizeof bytes - 1, in) : 0;
	bytes[n] = '\0';
	if (in)
		fclose(in);
	return bytes;
}

static void save(int i, const char *bytes)
{
	char name[64];
	snprintf(name, sizeof name, "checks/state/%d", i);
	work_file(work, slice_of(name), slice_of(bytes));
}

TEST(work_thread, no_file_is_lost_when_the_ring_is_full)
{
	pthread_t thread;
	start();
	for (int i = 0; i < FILES; i++)
		save(i, "old");
	for (int i = 0; i < FILES; i++)
		save(i, "new"); /* all of these find the ring full */
	work_flush(work);
	CHECK(!pthread_create(&thread, NULL, work_run, work));
	for (int turn = 0; turn < 1000 && strcmp(content(FILES - 1), "new") != 0; turn++) {
		work_flush(work);
		usleep(10000);
	}
	work_stop(work);
	pthread_join(thread, NULL);
	for (int i = 0; i < FILES; i += 97)
		CHECK(!strcmp(content(i), "new"));
	end();
}

TEST(work_thread, what_waits_at_the_end_is_saved)
{
	start();
	for (int i = 0; i < FILES; i++)
		save(i, "x");
	save(0, "");
	save(FILES - 1, "");
	work_free(work);
	CHECK(!strcmp(content(1), "x"));
	CHECK(!strcmp(content(WORK_RING + 1), "x"));
	CHECK(!strcmp(content(0), "") && !strcmp(content(FILES - 1), ""));
	work = work_new(&bell, &disk.disk);
	end();
}
