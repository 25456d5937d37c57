#include "net/stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include "core/base/slice.h"
#include "tests/test.h"

static struct loop l;

static void ready(struct watch *w, uint32_t events)
{
	(void)w;
	(void)events;
}

static int open_pair(struct stream *s)
{
	int fd[2];
	ASSERT(loop_init(&l) && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
	ASSERT(stream_open(s, &l, fd[0], ready));
	return fd[1];
}

static void close_pair(struct stream *s, int peer)
{
	stream_close(s);
	stream_close(s);
	close(peer);
	CHECK_EQ(l.pool.lent, 0);
	loop_free(&l);
}

TEST(stream, an_idle_one_holds_no_buffer)
{
	struct stream s;
	int peer = open_pair(&s);
	bool drained;
	CHECK_EQ(stream_read(&s, 100, &drained), STREAM_LATER);
	CHECK_EQ(l.pool.lent, 0);
	CHECK_EQ(write(peer, "hello", 5), 5);
	CHECK_EQ(stream_read(&s, 100, &drained), STREAM_GOT);
	CHECK(drained);
	CHECK_STR(stream_in(&s), "hello");
	CHECK_EQ(l.pool.lent, 1);
	stream_take(&s, 2);
	stream_chop(&s, 1);
	CHECK_STR(stream_in(&s), "ll");
	stream_take(&s, 2);
	CHECK_EQ(l.pool.lent, 0);
	close_pair(&s, peer);
}

TEST(stream, the_limit_holds_and_bytes_stay_in_one_piece)
{
	struct stream s;
	int peer = open_pair(&s);
	char data[50000];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 13);
	CHECK_EQ(write(peer, data, sizeof data), sizeof data);
	enum stream_got e;
	while ((e = stream_read(&s, 40000, NULL)) == STREAM_GOT)
		;
	CHECK_EQ(e, STREAM_FULL);
	CHECK(slice_eq(stream_in(&s), slice_at(data, 40000)));
	stream_take(&s, 30000);
	while ((e = stream_read(&s, 40000, NULL)) == STREAM_GOT)
		;
	CHECK_EQ(e, STREAM_LATER);
	CHECK(slice_eq(stream_in(&s), slice_at(data + 30000, 20000)));
	shutdown(peer, SHUT_WR);
	CHECK_EQ(stream_read(&s, 40000, NULL), STREAM_END);
	close_pair(&s, peer);
}

TEST(stream, what_does_not_fit_the_kernel_waits_in_order)
{
	struct stream s;
	int peer = open_pair(&s);
	static char data[1 << 20];
	static char got[sizeof data + 8];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 11);
	struct iovec parts[2] = {{data, 1000}, {data + 1000, sizeof data - 1000}};
	CHECK(stream_send(&s, parts, 2));
	CHECK(stream_waiting(&s) > 0 && s.watch.events & EPOLLOUT);
	struct iovec more = {(char[]){'e', 'n', 'd'}, 3};
	CHECK(stream_send(&s, &more, 1));
	size_t n = 0;
	while (n < sizeof data + 3) {
		ssize_t k = read(peer, got + n, sizeof got - n);
		if (k > 0)
			n += (size_t)k;
		else
			ASSERT(stream_flush(&s));
	}
	CHECK(!memcmp(got, data, sizeof data) && !memcmp(got + sizeof data, "end", 3));
	CHECK(stream_flush(&s) && stream_waiting(&s) == 0 && !(s.watch.events & EPOLLOUT));
	CHECK_EQ(l.pool.lent, 0);
	close(peer);
	CHECK(!stream_send(&s, &more, 1)); /* an error, not a signal */
	close_pair(&s, dup(0));
}
