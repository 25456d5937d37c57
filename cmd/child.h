/* A program that a command runs beside itself (lock, watch): by the shell or directly, with our standard output and
 * error. One at a time. While it runs an interrupt (SIGINT) goes to it instead of ending us.
 *
 * Errors are those of Go's os/exec: `exec: "x": executable file not found in $PATH`, "exit status 3",
 * "signal: terminated". */
#ifndef CMD_CHILD_H
#define CMD_CHILD_H

#include <sys/types.h>

#include "cmd/command.h"

struct child_program {
	struct words words;
	bool shell;              /* $SHELL or /bin/sh -c, the words joined by blanks */
	const char *environment; /* "NAME=value", added to ours */
	int input;               /* its standard input; -1: nothing to read */
};

/* Starts it. -1 with *f. */
pid_t child_begin(const struct child_program *p, struct fail *f);

/* Waits until it ends. Anything but exit status 0 is an error. */
enum err child_end(pid_t pid, struct fail *f);

#endif
