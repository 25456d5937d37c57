#include "cmd/agent/log_thread.h"

#include "cmd/agent/core_thread.h"

enum { TAKE_MAX = 64 };

/* Of whichever thread the log belongs to at the moment. */
static struct log_writer own;

void log_write(struct process *p, struct log_batch **batches, uint32_t n)
{
	own.wal = p->wal;
	log_batch_write(&own, batches, n);
}

void *log_thread_run(void *process)
{
	struct process *p = process;
	struct loop loop;
	if (!loop_init(&loop) || !bell_watch(&p->log_bell, &loop))
		return NULL;
	loop_read_clocks(&loop);
	while (!atomic_load(&p->stopping)) {
		void *items[TAKE_MAX];
		uint32_t n;
		while ((n = ring_pop(&p->to_log, items, TAKE_MAX))) {
			log_write(p, (struct log_batch **)items, n);
			for (uint32_t i = 0; i < n; i++)
				ring_push(&p->from_log, items[i]);
			ring_flush(&p->from_log);
			core_thread_turn_here(p, false);
		}
		bell_arm(&p->log_bell);
		loop_turn(&loop, ring_waiting(&p->to_log) || atomic_load(&p->stopping) ? 0 : INT64_MAX);
		bell_disarm(&p->log_bell);
	}
	loop_free(&loop);
	return NULL;
}
