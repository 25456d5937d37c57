#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UDP_KERNEL_BUFFER = 2 << 20, KEEPALIVE_S = 30 };

const char *socket_error_text(int error)
{
	switch (error) {
	case ECONNREFUSED: return "connection refused";
	case ECONNRESET: return "connection reset by peer";
	case ECONNABORTED: return "software caused connection abort";
	case EPIPE: return "broken pipe";
	case ETIMEDOUT: return "connection timed out";
	case EHOSTUNREACH: return "no route to host";
	case ENETUNREACH: return "network is unreachable";
	case ENETDOWN: return "network is down";
	case EHOSTDOWN: return "host is down";
	case EADDRINUSE: return "address already in use";
	case EADDRNOTAVAIL: return "cannot assign requested address";
	case EAFNOSUPPORT: return "address family not supported by protocol";
	case EACCES: return "permission denied";
	case EPERM: return "operation not permitted";
	case ENOENT: return "no such file or directory";
	case ENOTDIR: return "not a directory";
	case EISDIR: return "is a directory";
	case EROFS: return "read-only file system";
	case ENAMETOOLONG: return "file name too long";
	case EEXIST: return "file exists";
	case ENOEXEC: return "exec format error";
	case E2BIG: return "argument list too long";
	case EMFILE: return "too many open files";
	case ENFILE: return "too many open files in system";
	case ENOBUFS: return "no buffer space available";
	case ENOMEM: return "cannot allocate memory";
	case ENOSPC: return "no space left on device";
	case EINVAL: return "invalid argument";
	case ENOTCONN: return "transport endpoint is not connected";
	case EMSGSIZE: return "message too long";
	case EAGAIN: return "resource temporarily unavailable";
	case EIO: return "input/output error";
	default: return strerror(error);
	}
}

static const char *network(const struct address *a, bool packets)
{
	if (a->kind == ADDRESS_UNIX)
		return "unix";
	return packets ? "udp" : "tcp";
}

static enum err fail_net(struct fail *f, enum err code, const char *what, const char *net, const struct address *a,
        const char *call, int error)
{
	char text[ADDRESS_TEXT];
	address_print(a, text);
	const char *where = a->kind == ADDRESS_UNIX && a->path ? a->path : text;
	return fail_set(
	        f, code, "%s %s %s: %s%s%s", what, net, where, call, *call ? ": " : "", socket_error_text(error));
}

enum err socket_fail(
        struct fail *f, enum err code, const char *what, const struct address *a, const char *call, int error)
{
	return fail_net(f, code, what, network(a, false), a, call, error);
}

static void option(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof value);
}

/* Accepted sockets inherit these from the listener, which saves two calls for each. */
static void tcp_options(int fd)
{
	option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S);
	option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_S);
}

static int family(const struct address *a)
{
	switch (a->kind) {
	case ADDRESS_IP6: return AF_INET6;
	case ADDRESS_UNIX: return AF_UNIX;
	default: return AF_INET;
	}
}

/* Only a socket is removed, never somebody's file. */
static void remove_old_socket(const char *path)
{
	struct stat st;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
}

static int fail_listen(struct fail *f, int fd, const char *net, const struct address *a, const char *call, int error)
{
	fail_net(f, ERR_IO, "listen", net, a, call, error);
	if (fd >= 0)
		close(fd);
	return -1;
}

static int bound(const struct address *a, int type, bool reuse_port, struct fail *f)
{
	const char *net = network(a, type == SOCK_DGRAM);
	union address_sock sock;
	socklen_t n = address_to_sock(a, &sock);
	if (!n)
		return fail_listen(f, -1, net, a, "bind", EINVAL);
	int fd = socket(family(a), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_listen(f, fd, net, a, "socket", errno);
	if (a->kind == ADDRESS_UNIX) {
		remove_old_socket(a->path);
	} else if (type == SOCK_STREAM) {
		option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		tcp_options(fd);
	}
	if (reuse_port && a->kind != ADDRESS_UNIX)
		option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (bind(fd, &sock.any, n))
		return fail_listen(f, fd, net, a, "bind", errno);
	return fd;
}

int socket_listen(const struct address *a, const struct socket_listen *how, struct fail *f)
{
	int fd = bound(a, SOCK_STREAM, how->reuse_port, f);
	if (fd < 0)
		return -1;
	if (a->kind == ADDRESS_UNIX && how->mode && chmod(a->path, how->mode))
		return fail_listen(f, fd, network(a, false), a, "chmod", errno);
	if (listen(fd, how->backlog ? how->backlog : SOMAXCONN))
		return fail_listen(f, fd, network(a, false), a, "listen", errno);
	return fd;
}

int socket_udp(const struct address *a, bool reuse_port, struct fail *f)
{
	int fd = bound(a, SOCK_DGRAM, reuse_port, f);
	if (fd >= 0) {
		option(fd, SOL_SOCKET, SO_RCVBUF, UDP_KERNEL_BUFFER);
		option(fd, SOL_SOCKET, SO_SNDBUF, UDP_KERNEL_BUFFER);
	}
	return fd;
}

enum err socket_dial_fail(
        struct fail *f, enum err code, const struct address *from, const struct address *to, const char *text)
{
	char here[ADDRESS_TEXT] = "", there[ADDRESS_TEXT];
	address_print(to, there);
	if (from && from->kind)
		address_print(from, here);
	else if (from)
		memcpy(here, "<nil>", sizeof "<nil>"); /* Go's word for an address that is not set */
	const char *where = to->kind == ADDRESS_UNIX && to->path ? to->path : there;
	return fail_set(f, code, "dial %s %s%s%s: %s", network(to, false), here, *here ? "->" : "", where, text);
}

static int fail_dial(
        struct fail *f, int fd, const struct address *from, const struct address *to, const char *call, int error)
{
	char text[128];
	snprintf(text, sizeof text, "%s: %s", call, socket_error_text(error));
	socket_dial_fail(f, error == EINVAL ? ERR_INVALID : ERR_IO, from, to, text);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The kernel chooses the port when it knows both ends, so that as many connections fit as there are pairs. */
static bool bind_from(int fd, const struct address *from, const struct address *to)
{
	union address_sock sock;
	if (!from || from->kind != to->kind)
		return true;
	option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	socklen_t n = address_to_sock(from, &sock);
	return !bind(fd, &sock.any, n);
}

int socket_connect_from(const struct address *from, const struct address *to, bool *done, struct fail *f)
{
	union address_sock sock;
	socklen_t n = address_to_sock(to, &sock);
	*done = false;
	if (!n)
		return fail_dial(f, -1, from, to, "connect", EINVAL);
	int fd = socket(family(to), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_dial(f, fd, from, to, "socket", errno);
	if (to->kind != ADDRESS_UNIX)
		tcp_options(fd);
	if (!bind_from(fd, from, to))
		return fail_dial(f, fd, from, to, "bind", errno);
	*done = connect(fd, &sock.any, n) == 0;
	if (!*done && errno != EINPROGRESS)
		return fail_dial(f, fd, from, to, "connect", errno);
	return fd;
}

int socket_connect(const struct address *a, bool *done, struct fail *f)
{
	return socket_connect_from(NULL, a, done, f);
}

enum err socket_connected_from(int fd, const struct address *from, const struct address *to, struct fail *f)
{
	int error = 0;
	socklen_t n = sizeof error;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n))
		error = errno;
	if (!error)
		return OK;
	fail_dial(f, -1, from, to, "connect", error);
	return f->code;
}

enum err socket_connected(int fd, const struct address *a, struct fail *f)
{
	return socket_connected_from(fd, NULL, a, f);
}

struct address socket_local(int fd)
{
	union address_sock sock = {0};
	socklen_t n = sizeof sock;
	return getsockname(fd, &sock.any, &n) ? (struct address){0} : address_of_sock(&sock.any);
}

struct address socket_peer(int fd)
{
	union address_sock sock = {0};
	socklen_t n = sizeof sock;
	return getpeername(fd, &sock.any, &n) ? (struct address){0} : address_of_sock(&sock.any);
}
