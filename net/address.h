/* Where something listens or who asks: an IPv4 or IPv6 address with a port, or the path of a Unix socket.
 *
 * A value, 20 bytes for IP; a Unix path is pointed to and belongs to the caller. Text as Go's net package has it:
 * "127.0.0.1:8500", "[::1]:8500"; IPv4 mapped into IPv6 is IPv4. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/types.h"

enum address_kind { ADDRESS_NONE, ADDRESS_IP4, ADDRESS_IP6, ADDRESS_UNIX };

struct address {
	uint8_t kind; /* enum address_kind */
	uint16_t port;
	uint32_t scope; /* IPv6: the interface, 0 for none */
	uint8_t ip[16]; /* IPv4 in the first four bytes, rest zero */
	const char *path;
};

enum { ADDRESS_TEXT = 64 };

union address_sock {
	struct sockaddr any;
	struct sockaddr_storage storage;
	struct sockaddr_un un;
};

/* An IP without a port ("10.0.0.1", "::1", "[::1]", "fe80::1%eth0"). False when it is none. */
bool address_parse_ip(struct slice text, struct address *out);
/* "ip:port", "[ip6]:port"; "unix://path" (path is NUL-terminated behind the text, so text must be a C string then). */
bool address_parse(struct slice text, struct address *out);
/* "host:port" cut as net.SplitHostPort does: "missing port in address", "too many colons in address" … */
enum err address_split(struct slice text, struct slice *host, struct slice *port, struct fail *f);

/* Text into out[ADDRESS_TEXT], NUL-terminated; returns its length. A Unix address prints its path ("@" if none). */
size_t address_print(const struct address *a, char out[static ADDRESS_TEXT]);
size_t address_print_ip(const struct address *a, char out[static ADDRESS_TEXT]); /* without the port */

int address_cmp(const struct address *a, const struct address *b); /* kind, ip, port, path */
static inline bool address_eq(const struct address *a, const struct address *b)
{
	return !address_cmp(a, b);
}
bool address_is_any(const struct address *a); /* 0.0.0.0, :: */
bool address_is_loopback(const struct address *a);
bool address_is_private(const struct address *a); /* RFC 1918, 100.64/10; IPv6: unique local and so on */

/* To and from the kernel. address_to_sock returns the length; 0 when a Unix path is too long. */
socklen_t address_to_sock(const struct address *a, union address_sock *out);
struct address address_of_sock(const struct sockaddr *sa);

/* A name by the system's resolver; blocks. "lookup <name>: no such host". */
enum err address_resolve(
        const char *host, uint16_t port, struct address *out, unsigned max, unsigned *n, struct fail *f);

#endif
