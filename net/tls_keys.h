/* Inside TLS: what trust and identity are made of. Only net/tls*.c include this. */
#ifndef NET_TLS_KEYS_H
#define NET_TLS_KEYS_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef" /* its headers ask for a macro that only its documentation defines */
#include <bearssl.h>
#pragma GCC diagnostic pop

#include "core/base/arena.h"
#include "net/tls.h"

enum { TLS_CERTS_MAX = 512 };

struct tls_trust {
	struct arena memory; /* what the anchors point to */
	br_x509_trust_anchor anchors[TLS_CERTS_MAX];
	size_t n;
};

enum { TLS_CHAIN_MAX = 16 };

struct tls_identity {
	struct arena memory;
	br_x509_certificate chain[TLS_CHAIN_MAX];
	size_t n;
	br_skey_decoder_context key; /* holds the key's numbers */
	unsigned issuer_key;         /* BR_KEYTYPE_RSA or _EC: what our certificate is signed with */
};

#endif
