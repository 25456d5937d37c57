/* rpc_peer serve IP:PORT           our RPC server, until it is killed
 * rpc_peer call IP:PORT CALLS AT_A_TIME SIZE METHOD
 *
 * One half of the tests beside Go's own net/rpc over yamux (rpc_peer.go is the other half, with the same words).
 * Methods: Test.Echo answers its argument, Test.Fail an error, Test.Park (milliseconds) later, Test.Big as many bytes.
 * `call` makes CALLS calls over one session, AT_A_TIME of them together, checks each answer and prints the rate. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/rpc_client.h"
#include "net/rpc_server.h"
#include "net/socket.h"

static struct loop loop;

/* ---- serve ---- */

struct later {
	struct timer timer;
	struct rpc_call *call;
};

static void later_fires(struct timer *t)
{
	struct later *x = (struct later *)(void *)t;
	rpc_answer(x->call, S_NONE, S("\xa4late"));
	free(x);
}

static void park(struct rpc_call *c, uint64_t ms)
{
	struct later *x = calloc(1, sizeof *x);
	x->timer.fire = later_fires;
	x->call = c;
	rpc_call_keep(c, x);
	loop_timer(&loop, &x->timer, loop.now + (int64_t)ms * NS_PER_MS);
}

static void big(struct rpc_call *c, size_t n)
{
	struct buf b = {0};
	char *p = malloc(n);
	memset(p, 'b', n);
	mp_put_str(&b, slice_at(p, n));
	rpc_answer(c, S_NONE, buf_view(&b));
	buf_free(&b);
	free(p);
}

static void on_call(void *host, struct rpc_call *c, struct slice method, struct slice args)
{
	struct mp_reader r = mp_read(args);
	(void)host;
	if (slice_is(method, "Test.Echo"))
		rpc_answer(c, S_NONE, args);
	else if (slice_is(method, "Test.Fail"))
		rpc_answer(c, S("no luck"), S_NONE);
	else if (slice_is(method, "Test.Park"))
		park(c, mp_u64(&r));
	else if (slice_is(method, "Test.Big"))
		big(c, mp_u64(&r));
	else
		rpc_answer(c, S("rpc: can't find method"), S_NONE);
}

static void on_gone(void *host, struct rpc_call *c)
{
	struct later *x = rpc_call_kept(c);
	(void)host;
	loop_timer_stop(&loop, &x->timer);
	free(x);
}

static void on_trouble(void *host, enum rpc_trouble what, const char *why, const struct address *client)
{
	char text[ADDRESS_TEXT];
	(void)host;
	address_print(client, text);
	fprintf(stderr, "trouble %u: %s from=%s\n", what, why, text);
}

static void serve(const char *at)
{
	struct address a;
	struct fail f = {0};
	const struct rpc_server_settings set = {.call = on_call, .gone = on_gone, .trouble = on_trouble};
	MUST(address_parse(slice_of(at), &a));
	int fd = socket_listen(&a, &(struct socket_listen){0}, &f);
	if (fd < 0) {
		fprintf(stderr, "%s\n", f.text);
		exit(1);
	}
	struct rpc_server *s = rpc_server_new(&loop, &set);
	MUST(s && rpc_server_listen(s, fd));
	for (;;)
		loop_turn(&loop, INT64_MAX);
}

/* ---- call ---- */

static struct {
	struct rpc_client *client;
	struct slice to, method;
	struct buf args, want;
	unsigned left, under_way, bad;
	enum rpc_outcome outcome;
} job;

static void next_call(void);

static void on_done(void *owner, const struct rpc_result *r)
{
	(void)owner;
	bool right = r->outcome == job.outcome;
	if (job.want.n)
		right &= slice_eq(r->outcome == RPC_DONE ? r->body : r->error, buf_view(&job.want));
	if (!right) {
		if (!job.bad++)
			fprintf(stderr, "outcome %u: %.*s, %zu bytes\n", r->outcome, PS(r->error), r->body.n);
	}
	job.under_way--;
	next_call();
}

static void next_call(void)
{
	if (!job.left)
		return;
	job.left--;
	job.under_way++;
	MUST(rpc_client_call(job.client, job.to, job.method, buf_view(&job.args), INT64_MAX, on_done, NULL));
}

static void prepare(size_t size)
{
	char *p = calloc(1, size + 1);
	memset(p, 'b', size);
	job.outcome = RPC_DONE;
	if (slice_is(job.method, "Test.Echo")) {
		mp_put_str(&job.args, slice_at(p, size));
		buf_slice(&job.want, buf_view(&job.args));
	} else if (slice_is(job.method, "Test.Fail")) {
		mp_put_str(&job.args, S("x"));
		buf_cstr(&job.want, "rpc error making call: no luck");
		job.outcome = RPC_REFUSED;
	} else if (!slice_starts(job.method, S("Test."))) { /* an agent's: any answer will do */
		mp_put_map(&job.args, 2);
		mp_put_str(&job.args, S("Datacenter"));
		mp_put_str(&job.args, S("dc1"));
		mp_put_str(&job.args, S("Key"));
		mp_put_str(&job.args, S("a"));
	} else {
		mp_put_u64(&job.args, size);
		mp_put_str(&job.want, slice_is(job.method, "Test.Park") ? S("late") : slice_at(p, size));
	}
	free(p);
}

static int call(char **argv)
{
	struct timespec from, to;
	const struct rpc_client_settings set = {0};
	unsigned calls = (unsigned)atoi(argv[1]), at_a_time = (unsigned)atoi(argv[2]);
	job.to = slice_of(argv[0]);
	job.method = slice_of(argv[4]);
	job.left = calls;
	job.client = rpc_client_new(&loop, &set);
	prepare((size_t)atol(argv[3]));
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned i = 0; i < at_a_time; i++)
		next_call();
	while (job.under_way)
		loop_turn(&loop, INT64_MAX);
	clock_gettime(CLOCK_MONOTONIC, &to);
	double s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	printf("%u calls, %u bad, %.0f calls/s, sessions %u\n", calls, job.bad, calls / s,
	        rpc_client_sessions(job.client));
	rpc_client_free(job.client);
	buf_free(&job.args);
	buf_free(&job.want);
	return job.bad != 0;
}

int main(int argc, char **argv)
{
	MUST(loop_init(&loop));
	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve(argv[2]);
	if (argc == 7 && !strcmp(argv[1], "call"))
		return call(argv + 2);
	fprintf(stderr, "rpc_peer serve IP:PORT | call IP:PORT CALLS AT_A_TIME SIZE METHOD\n");
	return 2;
}
