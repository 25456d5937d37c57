/* A DNS server on a loop: packets over UDP, in batches, and length-prefixed messages over TCP (RFC 7766).
 *
 * It moves messages and looks into none. For each one the host's `answer` is called with the question and a place for
 * the answer, and says how long that is, that there is none, or that it comes later (dns_server_reply, any time on the
 * same thread, with the question's ticket). What the question points to lives until the callback returns.
 *
 * TCP: the questions of a connection are answered one after the other, in order; while one waits for a late answer the
 * rest is not read. A connection ends when its first message is not there in 2 s, any further one in 8 s, when an
 * announced length is 0, or when nobody reads the answers for 8 s.
 *
 * Limits: DNS_SERVER_PACKET bytes of a UDP question (longer ones arrive cut); late answers `later_max` at a time (then
 * the ticket is 0, and the host has to answer at once); connections `connections_max` (then new ones are closed). */
#ifndef NET_DNS_SERVER_H
#define NET_DNS_SERVER_H

#include "net/address.h"
#include "net/loop.h"

enum { DNS_SERVER_PACKET = 4096, DNS_SERVER_ANSWER_MAX = 65535 };

/* In place of a length. */
#define DNS_SERVER_LATER SIZE_MAX
#define DNS_SERVER_SILENT ((size_t)0)

struct dns_server_question {
	struct slice packet;
	struct address client;
	bool tcp;
	uint64_t ticket; /* for a late answer; 0: there is no room for one */
};

struct dns_server_settings {
	void *host;
	size_t (*answer)(void *host, const struct dns_server_question *q, uint8_t *out, size_t cap);
	unsigned later_max;       /* 0: 1024 */
	unsigned connections_max; /* 0: 1024 */
};

struct dns_server_counts {
	uint64_t udp, tcp, silent, refused, timed_out;
	unsigned connections, later; /* now */
};

struct dns_server;

/* NULL when out of memory. The settings are copied. */
struct dns_server *dns_server_new(struct loop *l, const struct dns_server_settings *set);
/* Serves a bound UDP socket or a listening TCP socket (net/socket.h) and owns it. False when out of memory or
 * descriptors; then the socket is still the caller's. */
bool dns_server_udp(struct dns_server *s, int fd);
bool dns_server_tcp(struct dns_server *s, int fd);
/* The late answer; empty: there is none. A ticket whose client is gone is ignored. */
void dns_server_reply(struct dns_server *s, uint64_t ticket, struct slice answer);
void dns_server_free(struct dns_server *s);
const struct dns_server_counts *dns_server_counts(const struct dns_server *s);

#endif
