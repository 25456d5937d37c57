/* Making sockets: listening and connecting, non-blocking and close-on-exec, TCP without delay.
 *
 * Errors are Go's sentences: "listen tcp 127.0.0.1:8500: bind: address already in use",
 * "dial tcp 127.0.0.1:1: connect: connection refused", "dial unix /x: connect: no such file or directory". */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <sys/types.h>

#include "core/base/err.h"
#include "net/address.h"

struct socket_listen {
	bool reuse_port; /* several listeners share the port, one a thread */
	int backlog;     /* 0: SOMAXCONN */
	mode_t mode;     /* Unix: 0 leaves it to the umask; an old socket file is removed before */
};

/* A listening stream socket, or -1 with *f. With port 0 the kernel chooses: see socket_local. */
int socket_listen(const struct address *a, const struct socket_listen *how, struct fail *f);
/* A bound UDP socket, or -1 with *f; buffers of 2 MiB where the system allows. */
int socket_udp(const struct address *a, bool reuse_port, struct fail *f);
/* Begins to connect; *done says whether that is finished already. Else wait for EPOLLOUT, then socket_connected. */
int socket_connect(const struct address *a, bool *done, struct fail *f);
/* Says whether connecting worked. */
enum err socket_connected(int fd, const struct address *a, struct fail *f);
/* The same from an address of ours, which stands in the sentences, too: "dial tcp 127.0.0.2:0->127.0.0.1:1: connect:
 * connection refused". With one of kind ADDRESS_NONE the system chooses, and the sentences say "<nil>->", as Go's do;
 * with NULL they don't. */
int socket_connect_from(const struct address *from, const struct address *to, bool *done, struct fail *f);
enum err socket_connected_from(int fd, const struct address *from, const struct address *to, struct fail *f);
/* "dial tcp 127.0.0.1:80: " and this text. Returns the code. */
enum err socket_dial_fail(
        struct fail *f, enum err code, const struct address *from, const struct address *to, const char *text);

struct address socket_local(int fd); /* ADDRESS_NONE on failure */
struct address socket_peer(int fd);

/* "connection refused", "i/o timeout" …: the words of Go's syscall table for an errno. */
const char *socket_error_text(int error);
/* "dial tcp 127.0.0.1:80: " for errors found later than connecting. Returns f->code. */
enum err socket_fail(
        struct fail *f, enum err code, const char *what, const struct address *a, const char *call, int error);

#endif
