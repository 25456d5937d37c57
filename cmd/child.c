/* A program beside a command. */
#include "cmd/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/say.h"
#include "core/base/slice.h"
#include "net/socket.h"

/* ---- interrupts ---- */

static volatile pid_t running;

static void pass_on(int sig)
{
	pid_t pid = running;
	if (pid > 0)
		kill(pid, sig);
}

static void interrupts_to(pid_t pid)
{
	running = pid;
	struct sigaction a = {.sa_handler = pid ? pass_on : SIG_DFL, .sa_flags = SA_RESTART};
	sigaction(SIGINT, &a, NULL);
}

/* ---- what to run ---- */

static bool executable(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode) && (st.st_mode & 0111);
}

/* The file of a program, as a shell finds it. False with *f. */
static bool program_find(const char *name, struct buf *path, struct fail *f)
{
	if (strchr(name, '/')) {
		buf_cstr(path, name);
		buf_char(path, 0);
		return true;
	}
	const char *list = getenv("PATH");
	for (struct slice rest = slice_of(list ? list : ""); rest.n;) {
		struct slice folder = slice_next(&rest, ':');
		buf_reset(path, 4096);
		buf_fmt(path, "%.*s/%s", PS(folder.n ? folder : S(".")), name);
		buf_char(path, 0);
		if (!path->failed && executable(path->p))
			return true;
	}
	fail_set(f, ERR_ABSENT, "exec: %s: executable file not found in $PATH", quoted(slice_of(name)));
	return false;
}

static char *joined(struct words words)
{
	struct buf b = {0};
	for (size_t i = 0; i < words.n; i++)
		buf_fmt(&b, "%s%s", i ? " " : "", words.at[i]);
	buf_char(&b, 0);
	return b.failed ? NULL : b.p;
}

/* Our environment and one more; that of ours with the same name is left out. */
static char **environment_with(char *more)
{
	size_t n = 0, kept = 0, name = strcspn(more, "=") + 1;
	while (environ[n])
		n++;
	char **all = calloc(n + 2, sizeof(*all));
	for (size_t i = 0; all && i < n; i++)
		if (strncmp(environ[i], more, name) != 0)
			all[kept++] = environ[i];
	if (all)
		all[kept] = more;
	return all;
}

/* ---- running it ---- */

static int spawn(const char *file, char *const *argv, char *const *env, int input, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	if (input < 0)
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	else if (input != STDIN_FILENO)
		posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	int error = posix_spawn(pid, file, &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static pid_t program_start(char **argv, const struct child_program *p, struct fail *f)
{
	struct buf path = {0};
	pid_t pid = -1;
	char *more = strdup(p->environment), **env = more ? environment_with(more) : NULL;
	if (env && program_find(argv[0], &path, f)) {
		say_flush();
		int error = spawn(path.p, argv, env, p->input, &pid);
		if (error) {
			fail_set(f, ERR_FAILED, "fork/exec %s: %s", path.p, socket_error_text(error));
			pid = -1;
		} else {
			interrupts_to(pid);
		}
	}
	buf_free(&path);
	free(env);
	free(more);
	return pid;
}

pid_t child_begin(const struct child_program *p, struct fail *f)
{
	fail_set(f, ERR_NO_MEMORY, "out of memory");
	if (!p->shell) {
		char **argv = calloc(p->words.n + 1, sizeof(*argv));
		if (!argv)
			return -1;
		memcpy(argv, p->words.at, p->words.n * sizeof(*argv));
		pid_t pid = program_start(argv, p, f);
		free(argv);
		return pid;
	}
	char sh[] = "/bin/sh", c[] = "-c";
	char *shell = getenv("SHELL"), *line = joined(p->words);
	char *argv[] = {shell && *shell ? shell : sh, c, line, NULL};
	pid_t pid = line ? program_start(argv, p, f) : -1;
	free(line);
	return pid;
}

static const char *signal_name(int sig)
{
	static const struct {
		int sig;
		const char *name;
	} names[] = {{SIGHUP, "hangup"}, {SIGINT, "interrupt"}, {SIGQUIT, "quit"}, {SIGILL, "illegal instruction"},
	        {SIGTRAP, "trace/breakpoint trap"}, {SIGABRT, "aborted"}, {SIGBUS, "bus error"},
	        {SIGFPE, "floating point exception"}, {SIGKILL, "killed"}, {SIGUSR1, "user defined signal 1"},
	        {SIGSEGV, "segmentation fault"}, {SIGUSR2, "user defined signal 2"}, {SIGPIPE, "broken pipe"},
	        {SIGALRM, "alarm clock"}, {SIGTERM, "terminated"}};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].sig == sig)
			return names[i].name;
	return NULL;
}

enum err child_end(pid_t pid, struct fail *f)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail_set(f, ERR_FAILED, "wait: %s", socket_error_text(errno));
	interrupts_to(0);
	if (WIFEXITED(status))
		return WEXITSTATUS(status) ? fail_set(f, ERR_FAILED, "exit status %d", WEXITSTATUS(status)) : OK;
	const char *core = WCOREDUMP(status) ? " (core dumped)" : "", *name = signal_name(WTERMSIG(status));
	return name ? fail_set(f, ERR_FAILED, "signal: %s%s", name, core)
	            : fail_set(f, ERR_FAILED, "signal: signal %d%s", WTERMSIG(status), core);
}
