#include "net/spawn.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/slice.h"
#include "tests/test.h"

static struct loop l;

struct run {
	struct child child;
	struct buf output;
	bool done;
};

static void on_output(struct child *c, struct slice piece)
{
	buf_slice(&((struct run *)c->owner)->output, piece);
}

static void on_done(struct child *c)
{
	((struct run *)c->owner)->done = true;
}

static struct run run_settings(struct child_settings s)
{
	struct run r = {.child = {.output = on_output, .done = on_done}};
	struct fail f;
	r.child.owner = &r;
	CHECK_EQ(child_start(&r.child, &l, &s, &f), OK);
	CHECK(!r.done);
	while (!r.done)
		loop_turn(&l, INT64_MAX);
	return r;
}

static struct run run_shell(const char *line, dur_ns timeout)
{
	const char *argv[] = {"/bin/sh", "-c", line, NULL};
	return run_settings((struct child_settings){.argv = argv, .timeout = timeout});
}

TEST(spawn, output_and_exit_code)
{
	ASSERT(loop_init(&l));
	struct run r = run_shell("echo out; echo err >&2; exit 3", 0);
	CHECK_STR(buf_view(&r.output), "out\nerr\n");
	CHECK_EQ(r.child.exit_code, 3);
	CHECK_EQ(r.child.signal, 0);
	buf_free(&r.output);
	r = run_shell("kill -9 $$", 0);
	CHECK_EQ(r.child.exit_code, -1);
	CHECK_EQ(r.child.signal, SIGKILL);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left to reap */
	CHECK_EQ(errno, ECHILD);
	loop_free(&l);
}

TEST(spawn, input_and_environment)
{
	ASSERT(loop_init(&l));
	const char *argv[] = {"sh", "-c", "cat; echo $A", NULL}, *env[] = {"A=b c", "PATH=/bin:/usr/bin", NULL};
	static char input[200000];
	memset(input, 'i', sizeof input);
	struct run r =
	        run_settings((struct child_settings){.argv = argv, .env = env, .input = slice_at(input, sizeof input)});
	CHECK_EQ(r.output.n, sizeof input + 4);
	CHECK(slice_ends(buf_view(&r.output), S("iib c\n")));
	buf_free(&r.output);
	r = run_settings((struct child_settings){
	        .argv = (const char *[]){"true", NULL}, .input = slice_at(input, sizeof input)});
	CHECK_EQ(r.child.exit_code, 0); /* it never read: a broken pipe is no error of ours */
	loop_free(&l);
}

TEST(spawn, a_deadline_kills_the_whole_group)
{
	ASSERT(loop_init(&l));
	mono_ns began = l.now;
	struct run r = run_shell("echo begun; sleep 600 & sleep 600", 50 * NS_PER_MS);
	CHECK(r.child.timed_out);
	CHECK_STR(buf_view(&r.output), "begun\n");
	CHECK_EQ(r.child.signal, SIGKILL);
	CHECK(l.now - began < 60 * NS_PER_S);
	buf_free(&r.output);
	/* the child is gone, a descendant holds the output: waited for up to the deadline, then killed */
	r = run_shell("sleep 600 & exit 2", 50 * NS_PER_MS);
	CHECK(r.child.timed_out);
	CHECK_EQ(r.child.exit_code, 2);
	loop_free(&l);
}

TEST(spawn, others_children_are_left_alone)
{
	ASSERT(loop_init(&l));
	pid_t other = fork();
	if (!other)
		_exit(7);
	struct run r = run_shell("exit 0", 0);
	int status;
	CHECK_EQ(waitpid(other, &status, 0), other);
	CHECK_EQ(WEXITSTATUS(status), 7);
	(void)r;
	loop_free(&l);
}

TEST(spawn, what_cannot_be_started)
{
	ASSERT(loop_init(&l));
	struct run r = {.child = {.output = on_output, .done = on_done}};
	struct fail f;
	struct child_settings s = {.argv = (const char *[]){"no-such-program-here", NULL}};
	CHECK_EQ(child_start(&r.child, &l, &s, &f), ERR_ABSENT);
	CHECK_STR(slice_of(f.text), "exec: \"no-such-program-here\": executable file not found in $PATH");
	s.argv = (const char *[]){"/nowhere/x", NULL};
	CHECK_EQ(child_start(&r.child, &l, &s, &f), ERR_ABSENT);
	CHECK_STR(slice_of(f.text), "fork/exec /nowhere/x: no such file or directory");
	s.argv = (const char *[]){"/etc/passwd", NULL};
	CHECK_EQ(child_start(&r.child, &l, &s, &f), ERR_IO);
	CHECK_STR(slice_of(f.text), "fork/exec /etc/passwd: permission denied");
	loop_free(&l);
}

TEST(spawn, dropped_without_a_word)
{
	ASSERT(loop_init(&l));
	struct run r = {.child = {.output = on_output, .done = on_done}};
	struct fail f;
	struct child_settings s = {.argv = (const char *[]){"sleep", "600", NULL}};
	CHECK_EQ(child_start(&r.child, &l, &s, &f), OK);
	child_drop(&r.child);
	child_drop(&r.child);
	CHECK(!r.done);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
	loop_free(&l);
}
