/* Asking recursors: one after the other, the next when one is silent, refuses the connection or sends nonsense.
 *
 * Each question goes out from a socket of its own, so that the kernel chooses the port, under an id of ours; the answer
 * must come from the address that was asked, with that id and the same question (one without a question is taken, too:
 * some servers refuse that way). Others are dropped and the wait goes on. What comes back has the asker's id again.
 *
 * The host hears `event` for each recursor that failed, and once for the end: answered, or given up. Never inside
 * dns_client_ask; inside `event` it may ask anew, but not free the client. Everything on the loop's thread. Limits:
 * DNS_CLIENT_MAX questions at a time. */
#ifndef NET_DNS_CLIENT_H
#define NET_DNS_CLIENT_H

#include "net/address.h"
#include "net/loop.h"

enum { DNS_CLIENT_MAX = 512, DNS_CLIENT_RECURSORS_MAX = 16 };

enum dns_client_event {
	DNS_CLIENT_FAILED,   /* one recursor; `bytes` are the words for the log; the next is asked */
	DNS_CLIENT_ANSWERED, /* the end: `bytes` are the message, until the callback returns */
	DNS_CLIENT_GAVE_UP,  /* the end: nobody is left */
};

struct dns_client_settings {
	void *host;
	void (*event)(void *host, uint64_t owner, enum dns_client_event e, struct slice bytes, dur_ns rtt);
	const struct address *recursors; /* copied */
	unsigned recursor_n;
	dur_ns timeout; /* of each: to connect, and to wait for the answer */
};

struct dns_client;

/* NULL when out of memory. */
struct dns_client *dns_client_new(struct loop *l, const struct dns_client_settings *set);
void dns_client_free(struct dns_client *c);

enum dns_client_want {
	DNS_WANT_ANY,   /* a truncated answer will do */
	DNS_WANT_WHOLE, /* it counts as a failure */
};

/* `owner` comes back with each event. False when there are too many questions or no memory. */
bool dns_client_ask(struct dns_client *c, uint64_t owner, struct slice question, bool tcp, enum dns_client_want want);

#endif
