#include "net/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/must.h"
#include "net/socket.h"

enum { POLL_MS = 10, PIECE = 16 << 10, LISTED_MAX = 512 };

/* The children of all threads. While `unlisted` counts any, every process may be one of them. */
static atomic_int listed[LISTED_MAX], unlisted;

static struct child *of_watch(struct watch *w, size_t at)
{
	return (struct child *)(void *)((char *)w - at);
}

/* ---- who is ours ------------------------------------------------------------------------------------------------ */

/* Before it exists nobody may take it for an orphan. */
static void list_before(void)
{
	atomic_fetch_add(&unlisted, 1);
}

static void list(struct child *c)
{
	for (c->listed = 0; c->listed < LISTED_MAX; c->listed++) {
		int nobody = 0;
		if (atomic_compare_exchange_strong(&listed[c->listed], &nobody, c->pid)) {
			atomic_fetch_sub(&unlisted, 1);
			return;
		}
	}
	c->listed = -1;
}

static void unlist(const struct child *c)
{
	if (c->listed < 0)
		atomic_fetch_sub(&unlisted, 1);
	else
		atomic_store(&listed[c->listed], 0);
}

bool child_is_ours(pid_t pid)
{
	if (atomic_load(&unlisted))
		return true;
	for (int i = 0; i < LISTED_MAX; i++)
		if (atomic_load(&listed[i]) == pid)
			return true;
	return false;
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

static void close_watch(struct child *c, struct watch *w)
{
	if (w->fd < 0)
		return;
	loop_del(c->loop, w);
	close(w->fd);
	w->fd = -1;
}

/* Precondition: it has ended. Only now is it reaped: until here its number, and so its group's, is nobody else's. */
static void release(struct child *c)
{
	close_watch(c, &c->out);
	close_watch(c, &c->in);
	close_watch(c, &c->end);
	loop_timer_stop(c->loop, &c->deadline);
	loop_timer_stop(c->loop, &c->poll);
	free(c->input);
	c->input = NULL;
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	unlist(c);
	c->pid = 0;
}

/* Ended, and nothing more to read (or nobody waits for more): the owner hears of it. */
static void finish_if_over(struct child *c)
{
	if (!c->ended || (c->out.fd >= 0 && !c->timed_out))
		return;
	release(c);
	c->done(c);
}

static void note_end(struct child *c, const siginfo_t *how)
{
	c->ended = true;
	c->exit_code = how->si_code == CLD_EXITED ? how->si_status : -1;
	c->signal = how->si_code == CLD_EXITED ? 0 : how->si_status;
	close_watch(c, &c->in);
	close_watch(c, &c->end);
	loop_timer_stop(c->loop, &c->poll);
}

/* Has it ended? Asks without reaping. */
static bool look(struct child *c, int flags)
{
	siginfo_t how = {0};
	int got;
	if (c->ended)
		return true;
	do
		got = waitid(P_PID, (id_t)c->pid, &how, WEXITED | WNOWAIT | flags);
	while (got < 0 && errno == EINTR);
	if (got == 0 && how.si_pid == 0)
		return false;
	if (got < 0)
		how.si_code = CLD_EXITED; /* somebody ignores SIGCHLD: it has ended, more is not known */
	note_end(c, &how);
	return true;
}

static void end_ready(struct watch *w, uint32_t events)
{
	struct child *c = of_watch(w, offsetof(struct child, end));
	(void)events;
	if (look(c, WNOHANG))
		finish_if_over(c);
}

static void poll_timer(struct timer *t)
{
	struct child *c = (struct child *)(void *)((char *)t - offsetof(struct child, poll));
	if (look(c, WNOHANG))
		finish_if_over(c);
	else
		loop_timer(c->loop, t, c->loop->now + POLL_MS * NS_PER_MS);
}

static void kill_group(struct child *c)
{
	if (c->pid > 0)
		kill(-c->pid, SIGKILL);
}

static void deadline_timer(struct timer *t)
{
	struct child *c = (struct child *)(void *)((char *)t - offsetof(struct child, deadline));
	c->timed_out = true;
	kill_group(c);
	finish_if_over(c);
}

/* ---- pipes ----------------------------------------------------------------------------------------------------- */

static void out_ready(struct watch *w, uint32_t events)
{
	struct child *c = of_watch(w, offsetof(struct child, out));
	char piece[PIECE];
	(void)events;
	ssize_t n = read(w->fd, piece, sizeof piece);
	if (n > 0) {
		c->output(c, (struct slice){piece, (size_t)n});
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close_watch(c, w);
		finish_if_over(c);
	}
}

/* write, but a reader that is gone is an error and not a signal: a pipe has no MSG_NOSIGNAL. */
static ssize_t write_quietly(int fd, const char *p, size_t n)
{
	sigset_t broken, before;
	sigemptyset(&broken);
	sigaddset(&broken, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &broken, &before);
	ssize_t wrote = write(fd, p, n);
	int error = errno;
	if (wrote < 0 && error == EPIPE && !sigismember(&before, SIGPIPE))
		sigtimedwait(&broken, NULL, &(struct timespec){0});
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return wrote;
}

static void in_ready(struct watch *w, uint32_t events)
{
	struct child *c = of_watch(w, offsetof(struct child, in));
	(void)events;
	ssize_t n = write_quietly(w->fd, c->input + c->input_at, c->input_n - c->input_at);
	if (n > 0)
		c->input_at += (size_t)n;
	if (c->input_at == c->input_n || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_watch(c, w);
}

/* ---- the beginning --------------------------------------------------------------------------------------------- */

struct pipes {
	int in[2], out[2]; /* [0] is read, [1] written; -1: none */
};

static void pipes_close(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		if (p->in[i] >= 0)
			close(p->in[i]);
		if (p->out[i] >= 0)
			close(p->out[i]);
	}
}

static bool pipes_open(struct pipes *p, bool input)
{
	*p = (struct pipes){{-1, -1}, {-1, -1}};
	if (pipe2(p->out, O_CLOEXEC))
		return false;
	if (input ? pipe2(p->in, O_CLOEXEC) : (p->in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0) {
		int error = errno;
		pipes_close(p);
		errno = error;
		return false;
	}
	return true;
}

/* Our own ends must not block us. */
static void ours_nonblocking(const struct pipes *p)
{
	fcntl(p->out[0], F_SETFL, O_NONBLOCK);
	if (p->in[1] >= 0)
		fcntl(p->in[1], F_SETFL, O_NONBLOCK);
}

static int spawn(struct child *c, const struct child_settings *s, const struct pipes *p)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	if (posix_spawn_file_actions_init(&files))
		return ENOMEM;
	posix_spawnattr_init(&how);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&how, 0);
	posix_spawnattr_setsigdefault(&how, &all);
	posix_spawnattr_setsigmask(&how, &none);
	int e = posix_spawn_file_actions_adddup2(&files, p->in[0], 0);
	if (!e)
		e = posix_spawn_file_actions_adddup2(&files, p->out[1], 1);
	if (!e)
		e = posix_spawn_file_actions_adddup2(&files, p->out[1], 2);
	char *const *argv, *const *env;
	const char *const *our_env = s->env ? s->env : (const char *const *)environ;
	memcpy(&argv, &s->argv, sizeof argv); /* posix_spawn changes neither, but its prototype is older than const */
	memcpy(&env, &our_env, sizeof env);
	if (!e)
		e = posix_spawnp(&c->pid, argv[0], &files, &how, argv, env);
	posix_spawnattr_destroy(&how);
	posix_spawn_file_actions_destroy(&files);
	return e;
}

static enum err fail_spawn(struct fail *f, const char *name, int error)
{
	if (error == ENOENT && !strchr(name, '/'))
		return fail_set(f, ERR_ABSENT, "exec: \"%s\": executable file not found in $PATH", name);
	return fail_set(f, error == ENOENT ? ERR_ABSENT : ERR_IO, "fork/exec %s: %s", name, socket_error_text(error));
}

/* Being told of the end costs nothing; where the kernel cannot tell, we ask. */
static void watch_end(struct child *c)
{
#ifdef SYS_pidfd_open
	c->end.fd = (int)syscall(SYS_pidfd_open, c->pid, 0);
#endif
	if (c->end.fd >= 0 && !loop_add(c->loop, c->end.fd, EPOLLIN, &c->end)) {
		close(c->end.fd);
		c->end.fd = -1;
	}
	if (c->end.fd < 0)
		loop_timer(c->loop, &c->poll, c->loop->now + POLL_MS * NS_PER_MS);
}

static bool watch_pipes(struct child *c, const struct pipes *p)
{
	if (!loop_add(c->loop, p->out[0], EPOLLIN, &c->out)) {
		close(p->out[0]);
		c->out.fd = -1;
	}
	if (p->in[1] >= 0 && !loop_add(c->loop, p->in[1], EPOLLOUT, &c->in)) {
		close(p->in[1]);
		c->in.fd = -1;
	}
	return c->out.fd >= 0;
}

enum err child_start(struct child *c, struct loop *l, const struct child_settings *s, struct fail *f)
{
	struct pipes p;
	MUST(c->done != NULL && c->output != NULL && c->pid == 0);
	c->loop = l;
	c->timed_out = c->ended = false;
	c->exit_code = c->signal = 0;
	c->out = (struct watch){.fd = -1, .ready = out_ready};
	c->in = (struct watch){.fd = -1, .ready = in_ready};
	c->end = (struct watch){.fd = -1, .ready = end_ready};
	c->deadline = (struct timer){.fire = deadline_timer};
	c->poll = (struct timer){.fire = poll_timer};
	c->input_at = 0;
	c->input_n = s->input.n;
	c->input = s->input.n ? malloc(s->input.n) : NULL;
	if (s->input.n && !c->input)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	if (s->input.n)
		memcpy(c->input, s->input.p, s->input.n);
	int error = pipes_open(&p, s->input.n > 0) ? 0 : errno;
	list_before();
	if (!error && (error = spawn(c, s, &p)) != 0)
		pipes_close(&p);
	if (error) {
		c->listed = -1;
		unlist(c);
		free(c->input);
		c->input = NULL;
		c->pid = 0;
		return fail_spawn(f, s->argv[0], error);
	}
	list(c);
	close(p.in[0]);
	close(p.out[1]);
	ours_nonblocking(&p);
	if (!watch_pipes(c, &p)) {
		child_drop(c);
		return fail_set(f, ERR_IO, "watching the output of %s: %s", s->argv[0], socket_error_text(errno));
	}
	watch_end(c);
	if (s->timeout)
		loop_timer(l, &c->deadline, l->now + s->timeout);
	return OK;
}

void child_kill(struct child *c)
{
	kill_group(c);
}

void child_drop(struct child *c)
{
	if (c->pid <= 0)
		return;
	kill_group(c);
	look(c, 0);
	release(c);
}
