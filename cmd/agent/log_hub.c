#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

/* The severities of syslog.h bear the names of our levels; only its facilities are wanted. */
#undef LOG_DEBUG
#undef LOG_INFO
#undef LOG_ERR

#include "cmd/agent/log_hub.h"

#include "core/base/slice.h"
#include "net/ring.h"

enum { LOG_LEVELS = LOG_ERR + 1 };

struct kept {
	char *text;
	size_t n, cap;
	enum log_level level;
};

static struct {
	pthread_mutex_t mutex;
	struct kept ring[LOG_HUB_LINES];
	uint64_t seq; /* of the newest line; the first is 1 */
	struct buf out;
	bool open, to_syslog;
	struct {
		struct bell *bell;
		unsigned n;
	} listeners[LOG_HUB_MONITORS];
	unsigned listener_count;
	enum log_level level;         /* of the configuration */
	unsigned wanting[LOG_LEVELS]; /* monitors, by level */
	atomic_uint wanted;           /* the lowest of all these */
} hub = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void log_hub_init(void)
{
	hub.out.limit = 4 << 20;
}

static void keep(struct slice line, enum log_level level)
{
	struct kept *k = &hub.ring[++hub.seq % LOG_HUB_LINES];
	if (line.n > k->cap || !k->text) {
		size_t cap = (line.n | 63) + 1; /* the next line there is about as long */
		char *p = realloc(k->text, cap);
		if (!p)
			return;
		k->text = p;
		k->cap = cap;
	}
	memcpy(k->text, line.p, line.n);
	k->n = line.n;
	k->level = level;
}

static void to_syslog(struct slice line, enum log_level level)
{
	static const int severity[] = {7, 7, 6, 4, 3}; /* RFC 5424: debug, debug, info, warning, error */
	struct slice text = slice_from(line, 20);      /* the system stamps by itself */
	syslog(severity[level], "%.*s", PS(text));
}

/* The terminal shows four blanks before each line. */
static void print(struct slice line)
{
	BUF_LIT(&hub.out, "    ");
	buf_slice(&hub.out, line);
	buf_char(&hub.out, '\n');
}

static void flush(void)
{
	if (!hub.open)
		return;
	for (size_t at = 0; at < hub.out.n;) {
		ssize_t n = write(STDOUT_FILENO, hub.out.p + at, hub.out.n - at);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	buf_reset(&hub.out, 64 << 10);
}

void log_hub_take(struct logbuf *l)
{
	if (!l->lines.n)
		return;
	struct slice rest = buf_view(&l->lines);
	pthread_mutex_lock(&hub.mutex);
	while (rest.n) {
		struct slice line = slice_next(&rest, '\n');
		enum log_level level = log_level_of_line(line);
		keep(line, level);
		if (level < hub.level)
			continue;
		print(line);
		if (hub.to_syslog)
			to_syslog(line, level);
	}
	flush();
	for (unsigned i = 0; i < hub.listener_count; i++)
		bell_ring(hub.listeners[i].bell);
	pthread_mutex_unlock(&hub.mutex);
	buf_reset(&l->lines, 64 << 10);
}

void log_hub_open(void)
{
	pthread_mutex_lock(&hub.mutex);
	hub.open = true;
	flush();
	pthread_mutex_unlock(&hub.mutex);
}

bool log_hub_syslog(struct slice facility, const char *tag)
{
	static const struct {
		const char *name;
		int code;
	} facilities[] = {
	        {"KERN", LOG_KERN},
	        {"USER", LOG_USER},
	        {"MAIL", LOG_MAIL},
	        {"DAEMON", LOG_DAEMON},
	        {"AUTH", LOG_AUTH},
	        {"SYSLOG", LOG_SYSLOG},
	        {"LPR", LOG_LPR},
	        {"NEWS", LOG_NEWS},
	        {"UUCP", LOG_UUCP},
	        {"CRON", LOG_CRON},
	        {"AUTHPRIV", LOG_AUTHPRIV},
	        {"FTP", LOG_FTP},
	        {"LOCAL0", LOG_LOCAL0},
	        {"LOCAL1", LOG_LOCAL1},
	        {"LOCAL2", LOG_LOCAL2},
	        {"LOCAL3", LOG_LOCAL3},
	        {"LOCAL4", LOG_LOCAL4},
	        {"LOCAL5", LOG_LOCAL5},
	        {"LOCAL6", LOG_LOCAL6},
	        {"LOCAL7", LOG_LOCAL7},
	};
	for (size_t i = 0; i < ARRAY_LEN(facilities); i++)
		if (slice_eq_fold(facility, slice_of(facilities[i].name))) {
			openlog(tag, LOG_PID, facilities[i].code);
			hub.to_syslog = true;
			return true;
		}
	return false;
}

/* With the mutex held. */
static void want(void)
{
	unsigned level = 0;
	while (level < hub.level && !hub.wanting[level])
		level++;
	atomic_store_explicit(&hub.wanted, level, memory_order_relaxed);
}

void log_hub_level(enum log_level level)
{
	pthread_mutex_lock(&hub.mutex);
	hub.level = level;
	want();
	pthread_mutex_unlock(&hub.mutex);
}

enum log_level log_hub_wanted(void)
{
	return (enum log_level)atomic_load_explicit(&hub.wanted, memory_order_relaxed);
}

void log_hub_listen(struct bell *b, enum log_level level)
{
	pthread_mutex_lock(&hub.mutex);
	unsigned i = 0;
	while (i < hub.listener_count && hub.listeners[i].bell != b)
		i++;
	if (i < LOG_HUB_MONITORS) {
		hub.listeners[i].bell = b;
		hub.listeners[i].n++;
		if (i == hub.listener_count)
			hub.listener_count++;
	}
	hub.wanting[level]++;
	want();
	pthread_mutex_unlock(&hub.mutex);
}

void log_hub_leave(struct bell *b, enum log_level level)
{
	pthread_mutex_lock(&hub.mutex);
	for (unsigned i = 0; i < hub.listener_count; i++)
		if (hub.listeners[i].bell == b && !--hub.listeners[i].n) {
			hub.listeners[i] = hub.listeners[--hub.listener_count];
			hub.listeners[hub.listener_count].n = 0;
			break;
		}
	hub.wanting[level]--;
	want();
	pthread_mutex_unlock(&hub.mutex);
}

bool log_hub_next(uint64_t *seq, struct buf *out, enum log_level *level)
{
	pthread_mutex_lock(&hub.mutex);
	uint64_t oldest = hub.seq >= LOG_HUB_LINES ? hub.seq - LOG_HUB_LINES + 1 : 1;
	uint64_t want = *seq + 1 < oldest ? oldest : *seq + 1;
	bool there = want <= hub.seq;
	if (there) {
		const struct kept *k = &hub.ring[want % LOG_HUB_LINES];
		buf_reset(out, SIZE_MAX);
		buf_bytes(out, k->text, k->n);
		*level = k->level;
		*seq = want;
	}
	pthread_mutex_unlock(&hub.mutex);
	return there;
}
