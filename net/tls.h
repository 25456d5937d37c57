/* TLS (up to 1.2, by BearSSL) under a stream: the same stream_read, stream_send and stream_flush, with the handshake
 * done inside them.
 *
 * Trust (whose certificates we believe) and identity (who we are) are made once from PEM, never changed, and must
 * outlive the streams that use them. A stream with TLS has some 40 KiB of its own. Renegotiation is off, so that after
 * the handshake writing never waits for reading.
 *
 * A stream that fails (STREAM_FAIL, or false from sending) says why with tls_error, in the words of crypto/tls. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "core/base/err.h"
#include "net/stream.h"

struct tls_trust;
struct tls_identity;

/* All certificates of a PEM text as roots. */
enum err tls_trust_new(struct slice pem, struct tls_trust **out, struct fail *f);
void tls_trust_free(struct tls_trust *t);

/* A certificate chain, our own first, and its RSA or EC key. */
enum err tls_identity_new(struct slice chain_pem, struct slice key_pem, struct tls_identity **out, struct fail *f);
void tls_identity_free(struct tls_identity *i);

struct tls_settings {
	const struct tls_trust *trust;       /* NULL: nobody is trusted */
	const char *server_name;             /* a name (sent) or an address, in the certificate; NULL: any */
	bool skip_verify;                    /* believes anybody */
	const struct tls_identity *identity; /* shown to a server that asks; NULL: nothing is */
};

/* Puts TLS on a connected stream that has not been used yet. False when out of memory. stream_close takes it off. */
bool tls_connect(struct stream *s, const struct tls_settings *set);
bool tls_accept(struct stream *s, const struct tls_identity *who);
/* The same for clients with a certificate that `clients` vouches for; others are turned away. */
bool tls_accept_known(struct stream *s, const struct tls_identity *who, const struct tls_trust *clients);

/* Why the stream failed: "x509: certificate signed by unknown authority" …; NULL if it was not TLS. */
const char *tls_error(const struct stream *s);

/* For stream.c only. */
enum stream_got tls_read(struct stream *s, size_t limit, bool *drained);
bool tls_flush(struct stream *s);
void tls_goodbye(struct stream *s); /* that this is the end, and no cut, if it can be said at once */
void tls_free(struct stream *s);

#endif
