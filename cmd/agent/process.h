/* An agent as a process: its threads, and what they share.
 *
 *            requests            events
 *   front 0 ----ring----> +----------------+ ----ring----> log    (append, one fdatasync a batch)
 *   front 1 ----ring----> |  core: core.c  | <---ring----
 *      ^                  +----------------+ ----ring----> work   (checks, small files)
 *      +--------ring-------- replies     | <---ring----
 *      +------ one atomic pointer: the world
 *
 * The core thread (or who stands in for it: core_thread.h) is the only writer of all protocol state; fronts read the
 * newest world and give every request that writes to the core. A message belongs to whoever holds it. Birth: boot makes
 * everything, then starts the threads; the banner is printed by boot in between. Death: the core carries out EFF_STOP,
 * every loop sees `stopping` and ends, boot joins them and frees all. */
#ifndef CMD_AGENT_PROCESS_H
#define CMD_AGENT_PROCESS_H

#include <pthread.h>
#include <stdatomic.h>

#include "cmd/agent/https.h"
#include "cmd/agent/rpc_tls.h"
#include "core/agent/config.h"
#include "core/core.h"
#include "core/method/rpc_limit.h"
#include "net/baton.h"
#include "net/loop.h"
#include "net/ring.h"
#include "store/disk_posix.h"
#include "store/epoch.h"
#include "store/wal.h"

enum { FRONTS_MAX = 16, RING_SIZE = 8192, LISTENERS_MAX = 16 };

struct forward;
struct front;
struct raft_host;
struct exec_runs;
struct gossip_host;
struct work;

/* Sockets opened at boot, so that a port in use is an error at start. One a front where the port can be shared. */
struct front_socket {
	struct config_addr addr;
	int fd[FRONTS_MAX]; /* -1: not on this front */
	bool tls;
};

struct process {
	const struct agent_config *config;
	struct epoch *epoch;
	_Atomic(struct world *) world;
	_Atomic uint64_t world_number; /* of the newest world */
	atomic_bool stopping;
	atomic_int exit_code;

	/* core thread, or whoever holds the baton (core_thread.h) */
	struct baton core_baton;
	atomic_bool core_alone; /* no other server of ours */
	pthread_t core_thread;
	struct core *core;
	struct loop core_loop;
	struct forward *core_forward; /* calls of other servers */
	struct bell core_bell;
	struct logbuf core_log;
	struct gossip_host *gossip;
	struct exec_runs *execs;

	struct raft_host *raft; /* NULL: no server */

	/* fronts */
	struct front *fronts[FRONTS_MAX];
	unsigned front_count;
	_Atomic(const struct agent_config *) watched; /* whose watches are at work */
	struct front_socket http[LISTENERS_MAX], dns_udp[LISTENERS_MAX], dns_tcp[LISTENERS_MAX], ipc[LISTENERS_MAX];
	unsigned http_count, dns_udp_count, dns_tcp_count, ipc_count;
	struct front_socket rpc[1]; /* servers only */
	unsigned rpc_count;
	struct rpc_tls rpc_tls; /* of servers and clients */
	struct https https;
	struct rpc_limit rpc_limit;

	/* log thread; only when durable */
	pthread_t log_thread;
	struct disk_posix disk;
	struct wal *wal;
	struct bell log_bell;
	struct ring to_log, from_log;

	/* work thread */
	pthread_t work_thread;
	struct work *work;

	int signal_fd;
};

/* Ends everything; any thread. */
void process_stop(struct process *p, int exit_code);

/* From now on the thread that calls lets others go first: it has long work that nobody waits for. */
void process_thread_yields(void);

/* Seeds from the system's generator. */
uint64_t process_seed(void);

#endif
