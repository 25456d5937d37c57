/* A child process: its output, its deadline, its group.
 *
 * The child leads a process group of its own; at the deadline, or with child_kill, the whole group is killed (SIGKILL).
 * Nothing but its three standard descriptors is inherited; signals are as in a fresh process. It is reaped by its own
 * pid only, so other children of the process are left alone; its end is noticed through a pidfd, or by asking every few
 * milliseconds where the kernel has none.
 *
 * A child is finished when it has ended and its output is closed; but descendants that keep the output open are waited
 * for only up to the deadline. */
#ifndef NET_SPAWN_H
#define NET_SPAWN_H

#include <sys/types.h>

#include "core/base/err.h"
#include "net/loop.h"

struct child_settings {
	const char *const *argv; /* argv[0] is looked up in PATH; NULL-terminated */
	const char *const *env;  /* the whole environment; NULL: ours */
	struct slice input;      /* fed to its standard input; copied */
	dur_ns timeout;          /* 0: none */
};

struct child {
	/* Set by the caller before child_start. */
	void *owner;
	void (*output)(struct child *c, struct slice piece); /* stdout and stderr as they come, in one stream */
	/* Ended. The child may be reused or freed from here on, also inside. Never called from inside child_start. */
	void (*done)(struct child *c);

	/* How it ended. */
	bool timed_out;
	int exit_code; /* -1: ended by a signal */
	int signal;    /* 0: none */

	/* Private. */
	struct loop *loop;
	pid_t pid;
	struct watch out, in, end; /* pipes; pidfd */
	struct timer deadline, poll;
	char *input;
	size_t input_at, input_n;
	bool ended;
	int listed; /* where child_is_ours finds it; -1: there was no room */
};

/* Starts it. On failure the text is Go's: `exec: "nope": executable file not found in $PATH`,
 * "fork/exec /x: permission denied". */
enum err child_start(struct child *c, struct loop *l, const struct child_settings *s, struct fail *f);
/* Kills the group; `done` follows. */
void child_kill(struct child *c);
/* Kills the group, reaps, and forgets: `done` is not called. */
void child_drop(struct child *c);

/* Was it started here, on any thread, and is not reaped yet? For a process 1, who reaps the orphans of others. */
bool child_is_ours(pid_t pid);

#endif
