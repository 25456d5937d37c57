/* Log lines as bytes: everybody below cmd/ writes into a struct logbuf that its thread owns; the host drains it after
 * each turn (stderr, syslog, the ring of the last 512 for `monitor`).
 *
 * A line is "2026/11/21 03:35:00 [INFO] agent: Synced service \"web\"\n", without the four blanks the terminal shows.
 * The subject stands first ("raft: ", "serf: ", "consul: ", "agent: ", "http: ", "dns: "). Lines below `level` are not
 * even formatted. A full buffer (LOGBUF_MAX) drops lines and counts them. */
#ifndef BASE_LOGLINE_H
#define BASE_LOGLINE_H

#include "core/base/buf.h"
#include "core/base/types.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERR };

enum { LOGBUF_MAX = 1 << 20 };

struct logbuf {
	struct buf lines;     /* whole lines, each ended by \n; newlines inside a text are kept as they are … */
	enum log_level level; /* lowest level that is wanted */
	wall_ns now;          /* set by the host each turn, local time offset included */
	int64_t stamp_second; /* cache: the second that `stamp` shows */
	char stamp[20];       /* "2006/01/02 15:04:05 " */
	uint64_t dropped;
};

void log_line(struct logbuf *l, enum log_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define log_trace(l, ...) log_at((l), LOG_TRACE, __VA_ARGS__)
#define log_debug(l, ...) log_at((l), LOG_DEBUG, __VA_ARGS__)
#define log_info(l, ...) log_at((l), LOG_INFO, __VA_ARGS__)
#define log_warn(l, ...) log_at((l), LOG_WARN, __VA_ARGS__)
#define log_err(l, ...) log_at((l), LOG_ERR, __VA_ARGS__)
#define log_at(l, lvl, ...) ((lvl) >= (l)->level ? log_line((l), (lvl), __VA_ARGS__) : (void)0)

/* Any case; false when unknown. */
bool log_level_parse(struct slice s, enum log_level *out);
/* The level of a finished line (looks for "[LEVEL]"); LOG_INFO when it has none. */
enum log_level log_level_of_line(struct slice line);

#endif
