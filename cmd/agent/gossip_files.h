/* The files of gossip below the data directory: serf/local.keyring and serf/remote.keyring, serf/local.snapshot and
 * serf/remote.snapshot.
 *
 * The snapshot is appended to by the core thread: a few bytes into the page cache for each member that comes or goes;
 * synced only when the agent leaves. What cannot be written is said once, and tried again with the next line. */
#ifndef CMD_AGENT_GOSSIP_FILES_H
#define CMD_AGENT_GOSSIP_FILES_H

#include "core/agent/config.h"
#include "core/base/arena.h"
#include "core/base/logline.h"
#include "core/gossip/gossip.h"

struct gossip_files {
	char keyring[4096], snapshot[4096]; /* paths; empty: not kept */
	int fd;                             /* of the snapshot; -1: not open */
	bool failed;                        /* said already */
};

/* Paths, directory, the snapshot's bytes (into the arena; absent is empty). */
enum err gossip_files_open(struct gossip_files *f, const struct agent_config *c, enum gossip_pool pool, struct arena *a,
        struct slice *snapshot, struct fail *fail);
void gossip_files_close(struct gossip_files *f);

/* The raw keys to begin with: those of the file if there is one; else `encrypt`, and the file is made. */
enum err gossip_files_keys(
        struct gossip_files *f, const struct agent_config *c, struct arena *a, struct list *keys, struct fail *fail);
void gossip_files_save_keys(struct gossip_files *f, struct slice json, struct logbuf *log);
void gossip_files_snapshot(struct gossip_files *f, struct slice bytes, bool replace, bool sync, struct logbuf *log);

#endif
