/* An outgoing TCP connection, plain or under TLS, with the byte that says what it is for: what comes out is a stream.
 *
 * With TLS the connection begins with a byte of its own (`tls_byte`), then the handshake, then `first` inside it. The
 * handshake is not waited for: what is sent meanwhile waits, and a failure shows when reading (tls_error).
 *
 * A struct dial lies in its owner; zero before first use. Texts: "dial tcp 10.0.0.1:0->10.0.0.2:8300: connect:
 * connection refused", "dial tcp <nil>->10.0.0.2:8300: i/o timeout" (from is not set). Thread: the loop's. */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "core/base/err.h"
#include "net/address.h"
#include "net/stream.h"
#include "net/tls.h"

enum { DIAL_NAME_MAX = 253 };

struct dial_settings {
	struct address to;
	struct address from; /* to bind to; kind ADDRESS_NONE: the system chooses */
	const struct tls_settings
	        *tls; /* NULL: plain. Copied, and the name, too; trust and identity outlive the stream */
	uint8_t tls_byte;
	bool says_first; /* `first` is sent */
	uint8_t first;
	dur_ns timeout; /* of connecting; 0: 10 s */
};

struct dial {
	/* Set by the caller. */
	void *owner;
	/* f NULL: d->stream is connected, off the loop; take it over with dial_take inside this call, else it is
	 * closed. Else it says why not. The dial is at rest from here on. Never called from inside dial_start. */
	void (*done)(struct dial *d, const struct fail *f);

	/* Private. */
	struct stream stream;
	struct loop *loop;
	struct timer timer;
	struct dial_settings set;
	struct tls_settings tls;
	char server_name[DIAL_NAME_MAX + 1];
	struct fail *fail; /* met inside dial_start */
	bool busy;
};

void dial_start(struct dial *d, struct loop *l, const struct dial_settings *set);
/* The stream is now at *to, watched on this loop. False when epoll refuses: then it is closed. */
bool dial_take(struct dial *d, struct stream *to, void (*ready)(struct watch *w, uint32_t events));
/* Gives up silently. Nothing when it is at rest. */
void dial_stop(struct dial *d);

#endif
