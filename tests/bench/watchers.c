/* Watcher fan-out: many blocked queries on one key, one write, all of them answered.
 *
 *	watchers ADDRESS PORT KEY COUNT PID
 *	watchers bare ADDRESS COUNT
 *
 * Prints "BYTES MS": by how much the resident memory of PID grew for each blocked query, and how long it took from
 * sending the write until the last of the answers was here (the median of ROUNDS writes). One thread, so that the
 * server has the other core.
 *
 * "bare" prints "0 MS": the same without a server, two processes that do nothing but send() an answer made beforehand
 * to half of the connections each. No server that speaks TCP can be faster here. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5, ANSWER_MAX = 2048, SETTLED_MS = 400 };

struct watcher {
	int fd;
	int n; /* bytes of the answer at hand */
	char answer[ANSWER_MAX];
};

static struct sockaddr_in server = {.sin_family = AF_INET};
static const char *host, *key;

static void die(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "%s%s\n", errno ? ": " : "", errno ? strerror(errno) : "");
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static long resident_bytes(const char *pid)
{
	char path[64];
	long total, resident;
	snprintf(path, sizeof path, "/proc/%s/statm", pid);
	FILE *f = fopen(path, "r");
	if (!f || fscanf(f, "%ld %ld", &total, &resident) != 2)
		die("%s", path);
	fclose(f);
	return resident * sysconf(_SC_PAGESIZE);
}

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server))
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	return fd;
}

static void say(int fd, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (write(fd, text, (size_t)n) != n)
		die("write");
}

/* Is the whole answer here? It has a Content-Length. */
static bool whole(struct watcher *w)
{
	w->answer[w->n] = 0;
	char *body = strstr(w->answer, "\r\n\r\n");
	char *length = strcasestr(w->answer, "\r\ncontent-length:");
	return body && length && body + 4 + atol(length + 17) <= w->answer + w->n;
}

/* Reads what there is; true: the answer is whole. */
static bool take(struct watcher *w)
{
	ssize_t n = read(w->fd, w->answer + w->n, (size_t)(ANSWER_MAX - 1 - w->n));
	if (n <= 0)
		die("a watcher lost its connection");
	w->n += (int)n;
	if (!whole(w))
		return false;
	if (strncmp(w->answer, "HTTP/1.1 200", 12))
		die("a watcher was told: %.60s", w->answer);
	return true;
}

static long index_of(const struct watcher *w)
{
	const char *at = strcasestr(w->answer, "\r\nx-consul-index:");
	if (!at)
		die("no index");
	return atol(at + 17);
}

/* One request on a connection of its own kind, and its answer. */
static void ask(struct watcher *w, const char *method, const char *body)
{
	w->n = 0;
	say(w->fd, "%s /v1/kv/%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n\r\n%s", method, key, host,
	        strlen(body), body);
	while (!take(w)) {
	}
}

/* All watchers wait when the server's memory stands still. */
static void settle(const char *pid)
{
	long last = -1;
	for (double since = now_ms(); now_ms() - since < SETTLED_MS; sleep_ms(20)) {
		long is = resident_bytes(pid);
		if (is != last)
			since = now_ms();
		last = is;
	}
}

static void watch_all(struct watcher *all, int count, long index)
{
	for (int i = 0; i < count; i++) {
		all[i].n = 0;
		say(all[i].fd, "GET /v1/kv/%s?index=%ld&wait=5m HTTP/1.1\r\nHost: %s\r\n\r\n", key, index, host);
	}
}

/* Reads until each watcher has its answer. */
static void gather(int poll, int count)
{
	struct epoll_event events[512];
	while (count > 0) {
		int n = epoll_wait(poll, events, 512, 10000);
		if (n <= 0)
			die("%d watchers were not answered within 10 s", count);
		for (int i = 0; i < n; i++)
			count -= take(events[i].data.ptr);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static struct watcher *watchers_new(int count, int poll)
{
	struct watcher *all = calloc((size_t)count, sizeof *all);
	if (!all || poll < 0)
		die("no memory");
	return all;
}

static void watcher_dial(struct watcher *w, int poll)
{
	w->fd = dial();
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = w};
	if (epoll_ctl(poll, EPOLL_CTL_ADD, w->fd, &e))
		die("epoll_ctl");
}

static void use_all_files(void)
{
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

/* Sends one answer to each connection when told. */
static void bare_sender(const int *ends, int count, int told)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Consul-Index: 10\r\n"
	                             "Content-Length: 172\r\n\r\n%172s";
	char bytes[512], start;
	int n = snprintf(bytes, sizeof bytes, answer, "");
	if (read(told, &start, 1) != 1)
		die("read");
	for (int i = 0; i < count; i++)
		if (send(ends[i], bytes, (size_t)n, MSG_NOSIGNAL) != n)
			die("send");
}

static int bare(int count)
{
	use_all_files();
	int start[2], poll = epoll_create1(EPOLL_CLOEXEC), listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof server;
	if (bind(listener, (struct sockaddr *)&server, n) || listen(listener, 128) ||
	        getsockname(listener, (struct sockaddr *)&server, &n) || pipe(start))
		die("no listener");
	struct watcher *all = watchers_new(count, poll);
	int *ends = calloc((size_t)count, sizeof *ends);
	for (int i = 0; ends && i < count; i++) {
		watcher_dial(&all[i], poll);
		ends[i] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	}
	for (int half = 0; half < 2; half++)
		if (fork() == 0) {
			bare_sender(ends + half * (count / 2), count / 2, start[0]);
			_exit(0);
		}
	sleep_ms(100);
	double began = now_ms();
	if (write(start[1], "go", 2) != 2)
		die("write");
	gather(poll, count / 2 * 2);
	printf("0 %.1f\n", now_ms() - began);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "bare") && inet_pton(AF_INET, argv[2], &server.sin_addr) == 1)
		return bare(atoi(argv[3]));
	if (argc != 6 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
		die("watchers ADDRESS PORT KEY COUNT PID");
	host = argv[1];
	server.sin_port = htons((uint16_t)atoi(argv[2]));
	key = argv[3];
	int count = atoi(argv[4]);
	use_all_files();

	struct watcher writer = {.fd = dial()};
	ask(&writer, "PUT", "0");
	ask(&writer, "GET", "");
	long index = index_of(&writer);
	int poll = epoll_create1(EPOLL_CLOEXEC);
	struct watcher *all = watchers_new(count, poll);
	settle(argv[5]);
	long before = resident_bytes(argv[5]);
	for (int i = 0; i < count; i++)
		watcher_dial(&all[i], poll);
	double ms[ROUNDS];
	long grown = 0;
	for (int round = 0; round < ROUNDS; round++) {
		watch_all(all, count, index);
		settle(argv[5]);
		if (round == 0)
			grown = resident_bytes(argv[5]) - before;
		double began = now_ms();
		ask(&writer, "PUT", "1");
		gather(poll, count);
		ms[round] = now_ms() - began;
		index = index_of(&all[0]);
	}
	qsort(ms, ROUNDS, sizeof ms[0], by_value);
	printf("%ld %.1f\n", grown / count, ms[ROUNDS / 2]);
	return 0;
}
