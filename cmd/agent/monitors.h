/* Those who read the log along, over HTTP or 8400: each has a place in the ring of the log hub and gets what is new
 * there once a turn of its front.
 *
 * A client that does not read keeps its place while MONITOR_UNREAD_MAX bytes wait for it: the ring goes on without it,
 * and what was overwritten meanwhile (it holds LOG_HUB_LINES lines) is lost to this client and counted. While a monitor
 * wants a lower level than the agent logs at, everybody writes those lines, too; the terminal does not show them. */
#ifndef CMD_AGENT_MONITORS_H
#define CMD_AGENT_MONITORS_H

#include "cmd/agent/front_thread.h"

enum { MONITOR_UNREAD_MAX = 128 << 10 };

struct monitor_calls {
	/* Appends a line, without its newline, in the client's form. */
	void (*put)(void *conn, struct buf *out, struct slice line);
	/* Sends bytes; returns how many wait unsent (empty: only asks). */
	size_t (*send)(void *conn, struct slice bytes);
	/* Optional: lines were lost. */
	void (*lost)(void *conn, uint64_t lines);
};

/* Belongs to the connection. */
struct monitor {
	struct monitor *next, **prev;
	const struct monitor_calls *calls;
	void *conn;
	enum log_level level;
	uint64_t seq; /* of the last line seen */
	uint64_t lost;
};

/* Sets m->calls, conn and level before; everything else is set here. The lines that are kept come first. */
void monitor_begin(struct front *f, struct monitor *m);
void monitor_end(struct front *f, struct monitor *m);

/* Sends what is new. */
void monitors_look(struct front *f);

#endif
