/* What a command tells its user: answers on standard output, complaints on standard error, each text a line of its own.
 *
 * Both streams may end in one pipe, so a complaint first lets everything said before it go out. */
#ifndef CMD_SAY_H
#define CMD_SAY_H

#include "core/base/types.h"

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Any bytes, NULs too, and the newline. */
void say_bytes(struct slice text);

/* `s` in double quotes as Go's %q prints it, as a string for the calls above. Lives as long as the process. */
const char *quoted(struct slice s);

/* Lets out what was said. For those that stream or start a child. */
void say_flush(void);

#endif
