#include "cmd/agent/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd/agent/boot.h"
#include "core/base/slice.h"

static struct {
	struct watch watch;
	bool caught[3];
	bool leaving;
	const struct agent_config *reloaded;
} own;

enum { CAUGHT_INT, CAUGHT_TERM, CAUGHT_HUP };

static void ready(struct watch *w, uint32_t events)
{
	struct signalfd_siginfo info;
	(void)events;
	while (read(w->fd, &info, sizeof info) == (ssize_t)sizeof info) {
		own.caught[CAUGHT_INT] |= info.ssi_signo == SIGINT;
		own.caught[CAUGHT_TERM] |= info.ssi_signo == SIGTERM;
		own.caught[CAUGHT_HUP] |= info.ssi_signo == SIGHUP;
	}
}

bool signals_init(struct process *p)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL))
		return false;
	p->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	own.watch = (struct watch){.fd = p->signal_fd, .ready = ready};
	return p->signal_fd >= 0 && loop_add(&p->core_loop, p->signal_fd, EPOLLIN, &own.watch);
}

/* Servers stay voters and end with 1; clients leave and end with 0; the configuration can turn both round. */
static bool leaves(const struct agent_config *c, int which)
{
	return which == CAUGHT_INT ? !c->skip_leave_on_interrupt : c->leave_on_terminate;
}

static bool end(struct process *p, int which, struct event *ev)
{
	static const char *const names[] = {"interrupt", "terminated"};
	log_info(&p->core_log, "agent: Caught signal:  %s", names[which]);
	if (own.leaving) {
		log_info(&p->core_log, "agent: Caught second signal, Exiting");
		ev->kind = EV_SIGNAL_STOP;
	} else if (!leaves(p->config, which)) {
		log_info(&p->core_log, "agent: Graceful shutdown disabled. Exiting");
		ev->kind = EV_SIGNAL_STOP;
	} else {
		log_info(&p->core_log, "agent: Gracefully shutting down agent...");
		own.leaving = true;
		ev->kind = EV_SIGNAL_LEAVE;
	}
	return true;
}

bool signals_left(void)
{
	return own.leaving;
}

void signals_reload(struct process *p, struct message *m)
{
	struct fail f = {0};
	log_info(&p->core_log, "agent: Reloading configuration...");
	const struct agent_config *next = boot_reload(p, &f);
	if (next)
		own.reloaded = next;
	if (m && f.code) {
		m->err = ERR_FAILED;
		m->why = arena_str(&m->mem, "%s", f.text);
	}
}

bool signals_next(struct process *p, struct event *ev)
{
	for (int which = CAUGHT_INT; which <= CAUGHT_TERM; which++)
		if (own.caught[which]) {
			own.caught[which] = false;
			return end(p, which, ev);
		}
	if (own.caught[CAUGHT_HUP]) {
		own.caught[CAUGHT_HUP] = false;
		log_info(&p->core_log, "agent: Caught signal:  hangup");
		signals_reload(p, NULL);
	}
	if (own.reloaded) {
		ev->kind = EV_RELOAD;
		ev->config = own.reloaded;
		own.reloaded = NULL;
		return true;
	}
	return false;
}
