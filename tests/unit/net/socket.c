#include "net/socket.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/slice.h"
#include "tests/test.h"

static struct address at(const char *text)
{
	struct address a = {0};
	CHECK(address_parse(slice_of(text), &a));
	return a;
}

TEST(socket, a_port_in_use_is_said_in_gos_words)
{
	struct address a = at("127.66.7.21:0");
	struct fail f;
	char want[128], text[ADDRESS_TEXT];
	int one = socket_listen(&a, &(struct socket_listen){0}, &f);
	ASSERT(one >= 0);
	a = socket_local(one);
	CHECK(a.port != 0);
	CHECK_EQ(socket_listen(&a, &(struct socket_listen){0}, &f), -1);
	address_print(&a, text);
	snprintf(want, sizeof want, "listen tcp %s: bind: address already in use", text);
	CHECK_STR(slice_of(f.text), want);
	close(one);
	int two = socket_listen(&a, &(struct socket_listen){.reuse_port = true}, &f);
	int three = socket_listen(&a, &(struct socket_listen){.reuse_port = true}, &f);
	CHECK(two >= 0 && three >= 0);
	close(two);
	close(three);
}

TEST(socket, nobody_there)
{
	struct address a = at("127.66.7.21:1");
	struct fail f = {0};
	bool done;
	int fd = socket_connect(&a, &done, &f);
	if (fd >= 0) {
		struct pollfd p = {fd, POLLOUT, 0};
		poll(&p, 1, 5000);
		CHECK_EQ(socket_connected(fd, &a, &f), ERR_IO);
		close(fd);
	}
	CHECK_STR(slice_of(f.text), "dial tcp 127.66.7.21:1: connect: connection refused");
	a = at("unix:///nowhere/x.sock");
	CHECK_EQ(socket_connect(&a, &done, &f), -1);
	CHECK_STR(slice_of(f.text), "dial unix /nowhere/x.sock: connect: no such file or directory");
}

TEST(socket, unix_with_mode_replaces_an_old_socket_but_no_file)
{
	char dir[] = "/tmp/net-socket-XXXXXX", path[64], file[64];
	ASSERT(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/s", dir);
	snprintf(file, sizeof file, "%s/f", dir);
	struct address a = {.kind = ADDRESS_UNIX, .path = path};
	struct fail f;
	struct stat st;
	bool done;
	int fd = socket_listen(&a, &(struct socket_listen){.mode = 0600}, &f);
	ASSERT(fd >= 0);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	close(fd);
	fd = socket_listen(&a, &(struct socket_listen){.mode = 0666}, &f);
	ASSERT(fd >= 0);
	int client = socket_connect(&a, &done, &f);
	CHECK(client >= 0 && done);
	close(client);
	close(fd);
	FILE *plain = fopen(file, "w");
	fclose(plain);
	a.path = file;
	CHECK_EQ(socket_listen(&a, &(struct socket_listen){0}, &f), -1);
	CHECK(slice_ends(slice_of(f.text), S(": bind: address already in use")));
	unlink(file);
	unlink(path);
	rmdir(dir);
}
