#include "net/listener.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/socket.h"
#include "tests/test.h"

enum { LIMIT = 256, SPARE = LIMIT / 8 };

static struct loop loop;
static int taken_in, turned_away;
static uint64_t refused;

struct door {
	struct listener l;
	int knocks;
};

static bool welcome(struct listener *l, int fd, const struct address *peer)
{
	((struct door *)l)->knocks++;
	if (peer->kind != ADDRESS_IP4)
		return false;
	taken_in++;
	close(fd);
	return true;
}

static void turn_away(struct listener *l, int fd)
{
	(void)l;
	turned_away++;
	close(fd);
}

/* Opens `s` on a port of its own, and a client that has connected. */
static struct door *open_door(struct listeners *s, bool peers, int *client)
{
	struct address at = {.kind = ADDRESS_IP4, .ip = {127, 0, 0, 1}};
	struct fail f;
	bool done;
	taken_in = turned_away = 0;
	ASSERT(loop_init(&loop));
	int fd = socket_listen(&at, &(struct socket_listen){0}, &f);
	ASSERT(fd >= 0);
	*s = (struct listeners){
	        .loop = &loop, .peers = peers, .welcome = welcome, .turn_away = turn_away, .refused = &refused};
	struct door *d = listener_add(s, fd, sizeof *d);
	ASSERT(d);
	CHECK_EQ(d->knocks, 0);
	at = socket_local(fd);
	*client = socket_connect(&at, &done, &f);
	ASSERT(*client >= 0);
	return d;
}

static void close_door(struct listeners *s, int client)
{
	close(client);
	listener_close_all(s);
	CHECK(s->first == NULL);
	loop_free(&loop);
}

/* Takes descriptors until `left` below LIMIT are free, turns the loop once, and gives them back. */
static int turn_with(int left)
{
	int fds[LIMIT], n = 0;
	struct rlimit old, tight;
	getrlimit(RLIMIT_NOFILE, &old);
	tight = (struct rlimit){LIMIT, old.rlim_max};
	ASSERT(!setrlimit(RLIMIT_NOFILE, &tight));
	while (n < LIMIT && (fds[n] = dup(loop.epoll)) >= 0 && fds[n] < LIMIT - left)
		n++;
	if (fds[n] >= 0)
		close(fds[n]);
	int watches = loop_turn(&loop, loop.now + NS_PER_S / 5);
	while (n)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &old);
	return watches;
}

TEST(listener, callers_are_handed_over_with_their_address)
{
	struct listeners s;
	int client;
	struct door *d = open_door(&s, false, &client);
	loop_turn(&loop, loop.now + NS_PER_S);
	CHECK_EQ(d->knocks, 1);
	CHECK_EQ(taken_in, 1);
	CHECK_EQ(turned_away, 0);
	close_door(&s, client);
}

TEST(listener, the_last_descriptors_are_not_for_clients)
{
	struct listeners s;
	int client;
	open_door(&s, false, &client);
	refused = 0;
	turn_with(SPARE);
	CHECK_EQ(taken_in, 0);
	CHECK_EQ(turned_away, 1);
	CHECK_EQ(refused, 1);
	close_door(&s, client);
	open_door(&s, false, &client);
	turn_with(SPARE + 1);
	CHECK_EQ(taken_in, 1);
	CHECK_EQ(turned_away, 0);
	close_door(&s, client);
}

TEST(listener, peers_may_go_further)
{
	struct listeners s;
	int client;
	open_door(&s, true, &client);
	turn_with(SPARE / 4 + 1);
	CHECK_EQ(taken_in, 1);
	close_door(&s, client);
	open_door(&s, true, &client);
	turn_with(SPARE / 4);
	CHECK_EQ(turned_away, 1);
	close_door(&s, client);
}

TEST(listener, without_any_it_rests_and_goes_on)
{
	struct listeners s;
	int client;
	open_door(&s, false, &client);
	CHECK_EQ(turn_with(0), 1);
	CHECK_EQ(turn_with(0), 0); /* it is not asked again at once */
	CHECK_EQ(taken_in + turned_away, 0);
	mono_ns patience = loop.now + NS_PER_S;
	while (!taken_in && loop.now < patience)
		loop_turn(&loop, patience);
	CHECK_EQ(taken_in, 1);
	close_door(&s, client);
}
