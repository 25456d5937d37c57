/* TCP: who can be connected to passes. Consul 1.0.8: agent/checks/check.go, CheckTCP; texts of Go's net package. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <unistd.h>

#include "cmd/agent/check_job.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "net/socket.h"

enum { PORT_MAX = 65535 };

static void try_next(struct check_job *j, const struct fail *why);

static void close_socket(struct check_job *j)
{
	if (j->watch.fd < 0)
		return;
	loop_del(j->loop, &j->watch);
	close(j->watch.fd);
	j->watch.fd = -1;
}

static void connected(struct check_job *j)
{
	check_job_end(j, "passing", arena_str(&j->mem, "TCP connect %.*s: Success", PS(j->ask.tcp)));
}

static void ready(struct watch *w, uint32_t events)
{
	struct check_job *j = (struct check_job *)(void *)((char *)w - offsetof(struct check_job, watch));
	struct fail f;
	(void)events;
	enum err e = socket_connected(w->fd, &j->to[j->to_at], &f);
	close_socket(j);
	if (!e) {
		connected(j);
		return;
	}
	j->to_at++;
	try_next(j, &f);
}

static void timeout(struct timer *t)
{
	struct check_job *j = (struct check_job *)(void *)((char *)t - offsetof(struct check_job, timer));
	char to[ADDRESS_TEXT];
	close_socket(j);
	if (!j->to_n) {
		check_job_fail(j, "dial tcp: lookup %s: i/o timeout", j->pending.p);
		return;
	}
	address_print(&j->to[j->to_at], to);
	check_job_fail(j, "dial tcp %s: i/o timeout", to);
}

static void try_next(struct check_job *j, const struct fail *why)
{
	struct fail f = why ? *why : (struct fail){0};
	for (; j->to_at < j->to_n; j->to_at++) {
		bool done;
		int fd = socket_connect(&j->to[j->to_at], &done, &f);
		if (fd < 0)
			continue;
		j->watch.ready = ready;
		if (loop_add(j->loop, fd, EPOLLOUT, &j->watch))
			return;
		fail_set(&f, ERR_IO, "dial tcp: %s", socket_error_text(errno));
		close(fd);
		j->watch.fd = -1;
	}
	/* Nobody named a host: Go names none either. */
	const char *connect = strstr(f.text, ": connect: ");
	if (j->ask.tcp.p[0] == ':' && connect)
		check_job_fail(j, "dial tcp :%u%s", j->to[0].port, connect);
	else
		check_job_fail(j, "%s", f.text);
}

static void resolved(struct check_job *j, const struct fail *f)
{
	if (f)
		check_job_fail(j, "dial tcp: %s", f->text);
	else
		try_next(j, NULL);
}

/* A number, or the name of a service; an empty one is 0. */
static bool read_port(struct slice text, uint16_t *out, struct fail *f)
{
	int64_t number = 0;
	char name[64];
	if (text.n && num_i64(text, &number, NULL)) {
		const struct servent *known = getservbyname(slice_cstr(text, name, sizeof name), "tcp");
		if (!known) {
			fail_set(f, ERR_INVALID, "address tcp/%s: unknown port", name);
			return false;
		}
		number = ntohs((uint16_t)known->s_port);
	}
	if (number < 0 || number > PORT_MAX) {
		fail_set(f, ERR_INVALID, "address %.*s: invalid port", PS(text));
		return false;
	}
	*out = (uint16_t)number;
	return true;
}

static void start(struct check_job *j)
{
	struct slice host, port;
	struct fail f;
	uint16_t number;
	j->watch.fd = -1;
	j->timer.fire = timeout;
	if (address_split(j->ask.tcp, &host, &port, &f) || !read_port(port, &number, &f)) {
		check_job_fail(j, "dial tcp: %s", f.text);
		return;
	}
	if (j->deadline != INT64_MAX)
		loop_timer(j->loop, &j->timer, j->deadline);
	check_job_resolve(j, host.n ? host : S("127.0.0.1"), number, resolved);
}

static void drop(struct check_job *j)
{
	close_socket(j);
}

const struct check_kind_of check_tcp = {start, drop};
