/* A disk in memory that does whatever a real one may do in its worst hour, by seed.
 *
 * It keeps two versions of everything: what a process sees, and what is on the platter.
 *
 * - A crash: of every 512-byte sector written since the last sync, any version it had since then survives; of each
 *   directory, any state it had since its last sync.
 *
 * - It fails: the n-th call answers ERR_IO or ERR_FULL. A failing write leaves a part of itself behind; a failing sync
 *   drops what it could not write and calls it clean, as Linux does: it can be read until the crash, then it is gone.
 *
 * - It is full: no more than `capacity` bytes in files.
 *
 * - It lies: sync answers OK and does nothing.
 *
 * Names are at most SIM_NAME_MAX bytes a part; rename stays inside one directory. For tests of one thread. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "core/base/rand.h"
#include "store/disk.h"

enum { SIM_NAME_MAX = 47, SIM_FILES_MAX = 32 /* open at once */ };

struct sim_node;

struct sim_disk {
	struct disk disk;
	struct rand rand;
	struct sim_node *root;
	struct sim_node *all; /* every node ever made, for freeing */
	struct sim_node *open[SIM_FILES_MAX];

	uint64_t calls; /* so far */
	uint64_t syncs; /* sync and sync_dir, of these */
	uint64_t writes;
	uint64_t crash_at;   /* the call with this number is begun, and then the machine is off; 0: never */
	uint64_t fail_at;    /* the call with this number fails … */
	uint64_t fail_until; /* … and all below this one */
	enum err fail_with;
	uint64_t capacity; /* 0: no limit */
	bool lies;
	bool off; /* after crash_at: every call fails */
};

void sim_disk_init(struct sim_disk *d, uint64_t seed);
void sim_disk_free(struct sim_disk *d);

/* Power off, power on: what survives is chosen by the seed. Faults are cleared, open files are gone. */
void sim_disk_crash(struct sim_disk *d);
/* kill -9: the process is gone, the system's memory is not. Faults are cleared, open files are gone. */
void sim_disk_kill(struct sim_disk *d);

/* For tests: a file's bytes as a process sees them ({NULL, 0}: no such file), and putting them, synced. */
struct slice sim_disk_bytes(struct sim_disk *d, const char *name);
void sim_disk_put(struct sim_disk *d, const char *name, struct slice bytes);

#endif
