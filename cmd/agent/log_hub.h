/* Where all log lines meet: every thread hands over what it wrote in a turn; from here they go to standard output (or
 * the system's log) and into a ring of the last LOG_HUB_LINES for whoever monitors.
 *
 * Lines before log_hub_open are kept back: they follow the banner. One mutex, held for a copy and one write(2). */
#ifndef CMD_AGENT_LOG_HUB_H
#define CMD_AGENT_LOG_HUB_H

#include "core/base/logline.h"

struct bell;

enum { LOG_HUB_LINES = 512, LOG_HUB_MONITORS = 64 };

void log_hub_init(void);

/* Takes the lines of `l` and empties it. */
void log_hub_take(struct logbuf *l);

/* The banner is out: from now on lines are printed. With syslog they go there, too. */
void log_hub_open(void);
bool log_hub_syslog(struct slice facility, const char *tag); /* false: unknown facility or no system log */

/* The level of the configuration: what lies below is not printed. */
void log_hub_level(enum log_level level);
/* The lowest level that anybody wants, a monitor or the configuration: below it nothing need be written. Any thread. */
enum log_level log_hub_wanted(void);

/* A bell to ring when lines come (a front with monitors); and no longer. Counted: once per monitor, with its level. */
void log_hub_listen(struct bell *b, enum log_level level);
void log_hub_leave(struct bell *b, enum log_level level);

/* The next line after *seq (0: the oldest that is kept) into `out`, without newline; moves *seq. False: no more. Lines
 * that were overwritten meanwhile are skipped. */
bool log_hub_next(uint64_t *seq, struct buf *out, enum log_level *level);

#endif
