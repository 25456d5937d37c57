#include "cmd/agent/monitors.h"

#include "cmd/agent/log_hub.h"

enum { PIECE = 32 << 10 };

void monitor_begin(struct front *f, struct monitor *m)
{
	m->seq = m->lost = 0;
	m->next = f->monitors;
	m->prev = &f->monitors;
	if (m->next)
		m->next->prev = &m->next;
	f->monitors = m;
	log_hub_listen(&f->bell, m->level);
}

void monitor_end(struct front *f, struct monitor *m)
{
	*m->prev = m->next;
	if (m->next)
		m->next->prev = m->prev;
	log_hub_leave(&f->bell, m->level);
}

/* The next line that it wants. */
static bool next(struct monitor *m, struct buf *line)
{
	enum log_level level;
	for (;;) {
		uint64_t before = m->seq;
		if (!log_hub_next(&m->seq, line, &level))
			return false;
		uint64_t lost = before ? m->seq - before - 1 : 0;
		m->lost += lost;
		if (lost && m->calls->lost)
			m->calls->lost(m->conn, lost);
		if (level >= m->level)
			return true;
	}
}

static void look(struct monitor *m, struct buf *line, struct buf *out)
{
	size_t waiting = m->calls->send(m->conn, S_NONE);
	bool more = true;
	while (more && waiting < MONITOR_UNREAD_MAX) {
		buf_reset(out, PIECE);
		while (out->n < PIECE && (more = next(m, line)))
			m->calls->put(m->conn, out, buf_view(line));
		if (out->n)
			waiting = m->calls->send(m->conn, buf_view(out));
	}
}

void monitors_look(struct front *f)
{
	struct buf line = {0}, out = {0};
	for (struct monitor *m = f->monitors; m; m = m->next)
		look(m, &line, &out);
	buf_free(&line);
	buf_free(&out);
}
