/* consul lock */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/child.h"
#include "cmd/client.h"
#include "cmd/lock_client.h"
#include "cmd/say.h"
#include "core/base/slice.h"
#include "net/socket.h"

enum { KILL_GRACE_MS = 5000 };

static bool child_exit_code, pass_stdin, shell = true, verbose;
static int64_t limit = 1, monitor_retry = 3;
static const char *name = "";
static dur_ns timeout;

static const struct flag flags[] = {
        {"child-exit-code", FLAG_BOOL, &child_exit_code,
                "Exits with 2 if the command failed; else its result is ignored."},
        {"n", FLAG_INT, &limit, "How many may hold the lock at once. More than one makes it a semaphore."},
        {"monitor-retry", FLAG_INT, &monitor_retry,
                "How many times in a row, a second apart, the lock may not be seen (errors of the server) before it "
                "counts as "
                "lost. 0: not once."},
        {"name", FLAG_STRING, &name, "The name of the lock's session; made from the command if none is given."},
        {"pass-stdin", FLAG_BOOL, &pass_stdin, "Gives standard input to the command."},
        {"shell", FLAG_BOOL, &shell,
                "Runs the command by a shell, that of the environment variable SHELL if it is set."},
        {"timeout", FLAG_DURATION, &timeout, "How long to wait for the lock, such as \"1s\" or \"3h\"; for ever if 0."},
        {"verbose", FLAG_BOOL, &verbose, "Tells what is being done."},
        {"try", FLAG_DURATION, &timeout, "The old name of -timeout."},
        {NULL},
};

const struct command_page page_lock = {
        .text = "Usage: consul lock [options] prefix child...\n\n"
                "  Waits for the lock at a prefix of the key-value store, and runs a command while\n"
                "  holding it. If the lock is lost the command gets the signal SIGTERM, and SIGKILL\n"
                "  five seconds later. With -n greater than 1 that many may hold it at once.\n\n"
                "  The token must allow writing below the prefix.",
        .flags = flags,
        .asks = ASKS_SERVERS,
};

static int refuse(const char *why)
{
	complain("%s", why);
	return FAILED;
}

/* ---- what may happen while the child runs ---- */

enum happening { CHILD_ENDED = 'e', LOCK_LOST = 'l', NOTHING = 0 };

static int happenings[2]; /* a pipe; the threads write into it */

static void happened(enum happening what)
{
	char c = (char)what;
	while (write(happenings[1], &c, 1) < 0 && errno == EINTR)
		;
}

static enum happening happening_wait(int ms)
{
	struct pollfd p = {.fd = happenings[0], .events = POLLIN};
	char c = NOTHING;
	int n;
	while ((n = poll(&p, 1, ms)) < 0 && errno == EINTR)
		;
	while (n > 0 && read(happenings[0], &c, 1) < 0 && errno == EINTR)
		;
	return (enum happening)c;
}

static void *lock_thread(void *arg)
{
	struct fail f;
	struct client *c = client_open(&f);
	if (c)
		lock_watch(arg, c);
	client_close(c);
	happened(LOCK_LOST);
	return NULL;
}

struct waited {
	pid_t pid;
	enum err result;
};

static void *child_thread(void *arg)
{
	struct waited *w = arg;
	struct fail f;
	w->result = child_end(w->pid, &f);
	if (w->result != OK)
		complain("Error running handler: %s", f.text);
	happened(CHILD_ENDED);
	return NULL;
}

/* ---- the child ---- */

static void tell(const char *what)
{
	if (verbose) {
		say("%s", what);
		say_flush();
	}
}

static bool child_signal(pid_t pid, int sig, const char *doing, const char *verb)
{
	if (verbose) {
		say("%s child pid %d", doing, (int)pid);
		say_flush();
	}
	if (kill(pid, sig) == 0)
		return true;
	complain("Failed to %s %d: %s", verb, (int)pid, socket_error_text(errno));
	return false;
}

static void child_kill_it(pid_t pid)
{
	if (!child_signal(pid, SIGTERM, "Terminating", "terminate"))
		return;
	if (happening_wait(KILL_GRACE_MS) == CHILD_ENDED) {
		tell("Child terminated");
		return;
	}
	tell("Child did not exit after grace period of 5s");
	child_signal(pid, SIGKILL, "Killing", "kill");
}

/* Runs the command while the lock is held. False if it failed. */
static bool child_run(struct lock *l, struct words words)
{
	struct fail f;
	pthread_t watcher, waiter;
	struct child_program p = {words, shell, "CONSUL_LOCK_HELD=true", pass_stdin ? STDIN_FILENO : -1};
	tell("Starting handler");
	if (pass_stdin)
		tell("Stdin passed to handler process");
	struct waited w = {.pid = child_begin(&p, &f)};
	if (w.pid < 0) {
		complain("Error starting handler: %s", f.text);
		tell("Child terminated, releasing lock");
		return false;
	}
	bool waiting = pthread_create(&waiter, NULL, child_thread, &w) == 0;
	if (pthread_create(&watcher, NULL, lock_thread, l) == 0)
		pthread_detach(watcher); /* it sits in a request; the process ends before it does */
	else
		happened(LOCK_LOST);
	if (happening_wait(-1) == CHILD_ENDED) {
		tell("Child terminated, releasing lock");
	} else {
		tell("Lock lost, killing child");
		child_kill_it(w.pid);
	}
	if (waiting)
		pthread_join(waiter, NULL);
	return w.result == OK;
}

/* ---- the lock ---- */

static int lock_end(struct lock *l)
{
	struct fail f;
	bool in_use;
	if (lock_release(l, &f) != OK)
		return give_up("Lock release failed", &f);
	if (lock_clean(l, &in_use, &f) != OK)
		return give_up("Lock cleanup failed", &f);
	tell(in_use ? "Cleanup aborted, lock in use" : "Cleanup succeeded");
	return DONE;
}

static int lock_begin(struct lock *l)
{
	struct fail f;
	bool held;
	tell("Attempting lock acquisition");
	if (lock_acquire(l, &held, &f) != OK)
		return give_up("Lock acquisition failed", &f);
	return held ? DONE : refuse("Shutdown triggered or timeout during lock acquisition");
}

/* path.Join(prefix, ".lock"): without doubled slashes and dots. */
static struct slice lock_key(struct arena *a, struct slice prefix)
{
	struct buf key = {0};
	while (prefix.n) {
		struct slice part = slice_next(&prefix, '/');
		if (part.n && !slice_is(part, "."))
			buf_fmt(&key, "%.*s/", PS(part));
	}
	BUF_LIT(&key, ".lock");
	struct slice s = arena_copy(a, buf_view(&key));
	buf_free(&key);
	return s;
}

static int lock_hold(struct lock *l, struct words child)
{
	if (verbose && l->limit == 1)
		say("Setting up lock at path: %.*s", PS(l->key));
	else if (verbose)
		say("Setting up semaphore (limit %lld) at prefix: %.*s", (long long)l->limit, PS(l->prefix));
	if (l->limit > 1 && !l->prefix.n)
		return refuse("Lock setup failed: missing prefix");
	if (lock_begin(l) != DONE)
		return FAILED;
	bool fine = child_run(l, child);
	if (lock_end(l) != DONE)
		return FAILED;
	return child_exit_code && !fine ? CHILD_FAILED : DONE;
}

static const char *session_name(struct arena *a, struct words words, struct slice prefix)
{
	if (*name)
		return name;
	struct buf child = {0};
	for (size_t i = 1; i < words.n; i++)
		buf_fmt(&child, "%s%s", i > 1 ? " " : "", words.at[i]);
	const char *made = arena_str(a, "Consul lock for '%.*s' at '%.*s'", PS(buf_view(&child)), PS(prefix)).p;
	buf_free(&child);
	return made ? made : "";
}

int cmd_lock(struct words words)
{
	if (limit <= 0)
		return refuse("Lock holder limit must be positive");
	if (words.n < 2)
		return refuse("Key prefix and child command must be specified");
	if (timeout < 0)
		return refuse("Timeout must be positive");
	if (monitor_retry < 0)
		return refuse("Number for 'monitor-retry' must be >= 0");
	struct client *c = client_for_command();
	if (!c)
		return FAILED;
	struct fail f;
	struct slice node, prefix = slice_of(words.at[0] + (words.at[0][0] == '/'));
	static struct arena names; /* these two are seen by a thread that only ends with the process */
	static struct lock l;
	int code = FAILED;
	if (client_node_name(c, &node, &f) != OK) {
		complain("Error querying Consul agent: %s", f.text);
	} else if (pipe(happenings) == 0) {
		l = (struct lock){
		        .c = c,
		        .prefix = prefix,
		        .key = lock_key(&names, prefix),
		        .name = session_name(&names, words, prefix),
		        .limit = (uint64_t)limit,
		        .patience = timeout,
		        .retries = monitor_retry,
		};
		code = lock_hold(&l, (struct words){words.at + 1, words.n - 1});
	}
	client_close(c);
	return code;
}
