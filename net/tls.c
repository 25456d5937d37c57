#include "net/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/base/buf.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/address.h"
#include "net/tls_keys.h"
#include "net/tls_names.h"

enum { CERTIFICATE_MAX = 64 << 10 };

/* Alerts (RFC 5246, 7.2). */
enum { BAD_CERTIFICATE = 42, UNKNOWN_AUTHORITY = 48, PROTOCOL_VERSION = 70 };

/* A judge of certificates that believes anybody: it only reads the key out of the first one. */
struct any_x509 {
	const br_x509_class *vtable; /* first: BearSSL finds us by it */
	br_x509_decoder_context first;
	unsigned seen;
};

/* A judge of certificates that expects an address: the usual one looks at everything but that. */
struct address_x509 {
	const br_x509_class *vtable; /* first */
	br_x509_minimal_context *usual;
	struct address expected;
	struct buf first; /* the first certificate */
	unsigned seen;
};

struct tls {
	br_ssl_engine_context *engine; /* of one of these */
	union {
		br_ssl_client_context client;
		br_ssl_server_context server;
	} ssl;
	br_x509_minimal_context x509;
	struct any_x509 any;
	struct address_x509 at;
	unsigned char io[BR_SSL_BUFSIZE_BIDI];
};

/* ---- believing anybody ------------------------------------------------------------------------------------------ */

static struct any_x509 *any_of(const br_x509_class **ctx)
{
	return (struct any_x509 *)(void *)ctx;
}

static void any_start_chain(const br_x509_class **ctx, const char *server_name)
{
	(void)server_name;
	any_of(ctx)->seen = 0;
}

static void any_start_cert(const br_x509_class **ctx, uint32_t n)
{
	(void)n;
	if (any_of(ctx)->seen == 0)
		br_x509_decoder_init(&any_of(ctx)->first, NULL, NULL);
}

static void any_append(const br_x509_class **ctx, const unsigned char *p, size_t n)
{
	if (any_of(ctx)->seen == 0)
		br_x509_decoder_push(&any_of(ctx)->first, p, n);
}

static void any_end_cert(const br_x509_class **ctx)
{
	any_of(ctx)->seen++;
}

static unsigned any_end_chain(const br_x509_class **ctx)
{
	struct any_x509 *a = any_of(ctx);
	return a->seen ? (unsigned)br_x509_decoder_last_error(&a->first) : BR_ERR_X509_EMPTY_CHAIN;
}

static const br_x509_pkey *any_key(const br_x509_class *const *ctx, unsigned *usages)
{
	struct any_x509 *a;
	memcpy(&a, &ctx, sizeof a); /* the vtable's const; the decoder's getter has none */
	if (usages)
		*usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
	return br_x509_decoder_get_pkey(&a->first);
}

static const br_x509_class any_class = {
        sizeof(struct any_x509), any_start_chain, any_start_cert, any_append, any_end_cert, any_end_chain, any_key};

/* ---- expecting an address ---------------------------------------------------------------------------------------- */

static struct address_x509 *at_of(const br_x509_class **ctx)
{
	return (struct address_x509 *)(void *)ctx;
}

static const br_x509_class **usual_of(const br_x509_class **ctx)
{
	return &at_of(ctx)->usual->vtable;
}

static void at_start_chain(const br_x509_class **ctx, const char *server_name)
{
	at_of(ctx)->seen = 0;
	br_x509_minimal_vtable.start_chain(usual_of(ctx), server_name);
}

static void at_start_cert(const br_x509_class **ctx, uint32_t n)
{
	br_x509_minimal_vtable.start_cert(usual_of(ctx), n);
}

static void at_append(const br_x509_class **ctx, const unsigned char *p, size_t n)
{
	if (at_of(ctx)->seen == 0)
		buf_bytes(&at_of(ctx)->first, p, n);
	br_x509_minimal_vtable.append(usual_of(ctx), p, n);
}

static void at_end_cert(const br_x509_class **ctx)
{
	at_of(ctx)->seen++;
	br_x509_minimal_vtable.end_cert(usual_of(ctx));
}

static unsigned at_end_chain(const br_x509_class **ctx)
{
	struct address_x509 *a = at_of(ctx);
	unsigned wrong = br_x509_minimal_vtable.end_chain(usual_of(ctx));
	struct slice ip = {(const char *)a->expected.ip, a->expected.kind == ADDRESS_IP6 ? 16 : 4};
	if (!wrong && (a->first.failed || !tls_names_address(buf_view(&a->first), ip)))
		wrong = BR_ERR_X509_BAD_SERVER_NAME;
	buf_free(&a->first);
	return wrong;
}

static const br_x509_pkey *at_key(const br_x509_class *const *ctx, unsigned *usages)
{
	const struct address_x509 *a = (const struct address_x509 *)(const void *)ctx;
	const br_x509_class *const *usual = &a->usual->vtable;
	return br_x509_minimal_vtable.get_pkey(usual, usages);
}

static const br_x509_class address_class = {
        sizeof(struct address_x509), at_start_chain, at_start_cert, at_append, at_end_cert, at_end_chain, at_key};

/* True if the name is an address: then it is not sent either (RFC 6066 3). */
static bool expect_address(struct tls *t, const char *name)
{
	if (!name || !address_parse_ip(slice_of(name), &t->at.expected))
		return false;
	t->at.vtable = &address_class;
	t->at.usual = &t->x509;
	t->at.first.limit = CERTIFICATE_MAX;
	br_ssl_engine_set_x509(t->engine, &t->at.vtable);
	return true;
}

/* ---- birth and death -------------------------------------------------------------------------------------------- */

static struct tls *tls_new(struct stream *s)
{
	MUST(!s->tls && !s->in.p && !s->out.p);
	struct tls *t = calloc(1, sizeof *t);
	s->tls = t;
	return t;
}

static bool begin(struct stream *s, br_ssl_engine_context *engine)
{
	struct tls *t = s->tls;
	t->engine = engine;
	br_ssl_engine_set_versions(engine, BR_TLS12, BR_TLS12);
	br_ssl_engine_add_flags(engine, BR_OPT_NO_RENEGOTIATION);
	br_ssl_engine_set_buffer(engine, t->io, sizeof t->io, 1);
	return true;
}

/* Our certificate, for a server that asks who we are. */
static void show(br_ssl_client_context *c, const struct tls_identity *who)
{
	if (br_skey_decoder_key_type(&who->key) == BR_KEYTYPE_RSA)
		br_ssl_client_set_single_rsa(
		        c, who->chain, who->n, br_skey_decoder_get_rsa(&who->key), br_rsa_pkcs1_sign_get_default());
	else
		br_ssl_client_set_single_ec(c, who->chain, who->n, br_skey_decoder_get_ec(&who->key),
		        BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN, who->issuer_key, br_ec_get_default(),
		        br_ecdsa_sign_asn1_get_default());
}

bool tls_connect(struct stream *s, const struct tls_settings *set)
{
	struct tls *t = tls_new(s);
	if (!t)
		return false;
	const struct tls_trust *trust = set->trust;
	br_ssl_client_init_full(&t->ssl.client, &t->x509, trust ? trust->anchors : NULL, trust ? trust->n : 0);
	begin(s, &t->ssl.client.eng);
	if (set->identity)
		show(&t->ssl.client, set->identity);
	const char *name = expect_address(t, set->server_name) ? NULL : set->server_name;
	if (set->skip_verify) {
		t->any.vtable = &any_class;
		br_ssl_engine_set_x509(t->engine, &t->any.vtable);
	}
	return br_ssl_client_reset(&t->ssl.client, name, 0) && tls_flush(s);
}

/* Asks for a certificate, with the names of those who may have signed it, and judges it. */
static void demand_certificate(struct tls *t, const struct tls_trust *clients)
{
	br_ssl_engine_context *e = &t->ssl.server.eng;
	br_x509_minimal_init(&t->x509, &br_sha256_vtable, clients->anchors, clients->n);
	br_x509_minimal_set_hash(&t->x509, br_sha256_ID, &br_sha256_vtable);
	br_x509_minimal_set_hash(&t->x509, br_sha384_ID, &br_sha384_vtable);
	br_x509_minimal_set_hash(&t->x509, br_sha512_ID, &br_sha512_vtable);
	br_x509_minimal_set_hash(&t->x509, br_sha1_ID, &br_sha1_vtable);
	br_x509_minimal_set_rsa(&t->x509, br_rsa_pkcs1_vrfy_get_default());
	br_x509_minimal_set_ecdsa(&t->x509, br_ec_get_default(), br_ecdsa_vrfy_asn1_get_default());
	br_ssl_engine_set_default_rsavrfy(e);
	br_ssl_engine_set_default_ecdsa(e);
	br_ssl_engine_set_x509(e, &t->x509.vtable);
	br_ssl_server_set_trust_anchor_names_alt(&t->ssl.server, clients->anchors, clients->n);
}

bool tls_accept(struct stream *s, const struct tls_identity *who)
{
	return tls_accept_known(s, who, NULL);
}

bool tls_accept_known(struct stream *s, const struct tls_identity *who, const struct tls_trust *clients)
{
	struct tls *t = tls_new(s);
	if (!t)
		return false;
	if (br_skey_decoder_key_type(&who->key) == BR_KEYTYPE_RSA)
		br_ssl_server_init_full_rsa(&t->ssl.server, who->chain, who->n, br_skey_decoder_get_rsa(&who->key));
	else
		br_ssl_server_init_full_ec(
		        &t->ssl.server, who->chain, who->n, who->issuer_key, br_skey_decoder_get_ec(&who->key));
	begin(s, &t->ssl.server.eng);
	if (clients)
		demand_certificate(t, clients);
	return br_ssl_server_reset(&t->ssl.server) != 0;
}

void tls_free(struct stream *s)
{
	if (s->tls)
		buf_free(&s->tls->at.first);
	free(s->tls);
	s->tls = NULL;
	s->held = 0;
}

/* ---- moving bytes ----------------------------------------------------------------------------------------------- */

/* Gives plaintext to the engine and its records to the kernel. False when the connection is broken. */
static bool push(struct stream *s)
{
	br_ssl_engine_context *e = s->tls->engine;
	for (;;) {
		size_t n;
		unsigned char *p = br_ssl_engine_sendrec_buf(e, &n);
		if (p) {
			ssize_t sent = send(s->watch.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
			s->held = n;
			if (sent < 0 && errno == EINTR)
				continue;
			if (sent < 0)
				return errno == EAGAIN || errno == EWOULDBLOCK;
			br_ssl_engine_sendrec_ack(e, (size_t)sent);
			s->held = 0;
			continue;
		}
		p = br_ssl_engine_sendapp_buf(e, &n);
		size_t waiting = s->out.end - s->out.at;
		if (!p || !waiting)
			return true;
		n = waiting < n ? waiting : n;
		memcpy(p, s->out.p + s->out.at, n);
		stream_out_drop(s, n);
		br_ssl_engine_sendapp_ack(e, n);
		br_ssl_engine_flush(e, 0);
	}
}

/* The kernel's room is waited for only when records wait: plaintext alone waits for the handshake. */
static bool push_and_watch(struct stream *s)
{
	bool good = push(s);
	uint32_t events = s->watch.events & ~(uint32_t)EPOLLOUT;
	loop_mod(s->loop, &s->watch, s->held ? events | EPOLLOUT : events);
	return good;
}

bool tls_flush(struct stream *s)
{
	return push_and_watch(s) && !br_ssl_engine_last_error(s->tls->engine);
}

void tls_goodbye(struct stream *s)
{
	br_ssl_engine_context *e = s->tls->engine;
	if (br_ssl_engine_current_state(e) == BR_SSL_CLOSED || !br_ssl_engine_get_version(e))
		return;
	br_ssl_engine_close(e);
	push(s);
}

/* Plaintext from the engine into `in`, up to limit. False: out of memory. */
static bool take_plain(struct stream *s, size_t limit, bool *got)
{
	size_t n;
	unsigned char *p;
	while (stream_in(s).n < limit && (p = br_ssl_engine_recvapp_buf(s->tls->engine, &n)) != NULL) {
		size_t room = limit - stream_in(s).n;
		n = n < room ? n : room;
		if (!stream_in_add(s, p, n))
			return false;
		br_ssl_engine_recvapp_ack(s->tls->engine, n);
		*got = true;
	}
	return true;
}

/* One recv into the engine: more came, nothing there, or the end. */
static enum stream_got pull(struct stream *s)
{
	size_t n;
	unsigned char *p = br_ssl_engine_recvrec_buf(s->tls->engine, &n);
	if (!p)
		return STREAM_LATER;
	ssize_t got;
	do
		got = recv(s->watch.fd, p, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		br_ssl_engine_recvrec_ack(s->tls->engine, (size_t)got);
		return STREAM_GOT;
	}
	if (got == 0)
		return STREAM_END;
	return errno == EAGAIN || errno == EWOULDBLOCK ? STREAM_LATER : STREAM_FAIL;
}

/* The other side has said goodbye, and ours can't be said any more since TCP is shut on our side. */
static bool over(const struct stream *s)
{
	size_t n;
	br_ssl_engine_context *e = s->tls->engine;
	return s->shut && !br_ssl_engine_last_error(e) && !br_ssl_engine_recvrec_buf(e, &n);
}

/* The engine ends without a word. Whose certificate it was shall read why, as Go's peers do; nothing of ours is
 * encrypted at that point. What lies unread would turn the end into a reset that overtakes it. */
static void tell_of_certificate(struct stream *s)
{
	static const unsigned char alert[] = {21, 3, 3, 0, 2, 2, BAD_CERTIFICATE};
	char rest[1024];
	int e = br_ssl_engine_last_error(s->tls->engine);
	if (((e <= BR_ERR_X509_OK || e > BR_ERR_X509_NOT_TRUSTED) && e != BR_ERR_NO_CLIENT_AUTH) || s->held)
		return;
	if (send(s->watch.fd, alert, sizeof alert, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof alert)
		for (int i = 0; i < 64 && recv(s->watch.fd, rest, sizeof rest, MSG_DONTWAIT) > 0; i++)
			;
}

enum stream_got tls_read(struct stream *s, size_t limit, bool *drained)
{
	bool got = false;
	if (drained)
		*drained = false;
	if (stream_in(s).n >= limit)
		return STREAM_FULL;
	for (;;) {
		if (!take_plain(s, limit, &got))
			return STREAM_FAIL;
		if (!push_and_watch(s)) {
			if (!over(s))
				return STREAM_FAIL;
			return got ? STREAM_GOT : STREAM_END;
		}
		if (stream_in(s).n >= limit)
			return STREAM_GOT;
		if (br_ssl_engine_current_state(s->tls->engine) == BR_SSL_CLOSED) {
			bool wrong = br_ssl_engine_last_error(s->tls->engine) != 0;
			tell_of_certificate(s);
			return got ? STREAM_GOT : wrong ? STREAM_FAIL : STREAM_END;
		}
		enum stream_got more = pull(s);
		if (more == STREAM_GOT)
			continue;
		if (drained)
			*drained = more == STREAM_LATER;
		return got ? STREAM_GOT : more;
	}
}

/* ---- errors ----------------------------------------------------------------------------------------------------- */

const char *tls_error(const struct stream *s)
{
	int e = s->tls ? br_ssl_engine_last_error(s->tls->engine) : 0;
	switch (e) {
	case BR_ERR_RECV_FATAL_ALERT + BAD_CERTIFICATE: return "remote error: tls: bad certificate";
	case BR_ERR_RECV_FATAL_ALERT + UNKNOWN_AUTHORITY: return "remote error: tls: unknown certificate authority";
	case BR_ERR_RECV_FATAL_ALERT + PROTOCOL_VERSION: return "remote error: tls: protocol version not supported";
	case 0: return NULL;
	case BR_ERR_NO_CLIENT_AUTH: return "tls: client didn't provide a certificate";
	case BR_ERR_X509_NOT_TRUSTED: return "x509: certificate signed by unknown authority";
	case BR_ERR_X509_EXPIRED: return "x509: certificate has expired or is not yet valid";
	case BR_ERR_X509_BAD_SERVER_NAME: return "x509: certificate is not valid for the requested name";
	case BR_ERR_X509_NOT_CA: return "x509: certificate is not authorized to sign other certificates";
	case BR_ERR_X509_BAD_SIGNATURE: return "x509: certificate signature is wrong";
	case BR_ERR_BAD_VERSION: return "tls: server selected unsupported protocol version";
	case BR_ERR_UNSUPPORTED_VERSION:
	case BR_ERR_UNEXPECTED:
	case BR_ERR_TOO_LARGE: return "tls: first record does not look like a TLS handshake";
	case BR_ERR_BAD_MAC: return "local error: tls: bad record MAC";
	default: break;
	}
	return e >= BR_ERR_RECV_FATAL_ALERT && e < BR_ERR_SEND_FATAL_ALERT ? "remote error: tls: handshake failure"
	                                                                   : "tls: handshake failure";
}
