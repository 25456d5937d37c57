#include "net/tls_keys.h"

#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/slice.h"

/* ---- PEM -------------------------------------------------------------------------------------------------------- */

static void collect(void *to, const void *bytes, size_t n)
{
	buf_bytes(to, bytes, n);
}

/* Calls `each` with the bytes of every object in a PEM text, until it says false. False: broken PEM. */
static bool pem_each(struct slice pem, bool (*each)(void *owner, const char *name, struct slice der), void *owner)
{
	br_pem_decoder_context d;
	struct buf der = {0};
	bool good = true, inside = false, on = true;
	br_pem_decoder_init(&d);
	while (good && on && pem.n) {
		pem = slice_from(pem, br_pem_decoder_push(&d, pem.p, pem.n));
		switch (br_pem_decoder_event(&d)) {
		case BR_PEM_BEGIN_OBJ:
			inside = true;
			buf_reset(&der, SIZE_MAX);
			br_pem_decoder_setdest(&d, collect, &der);
			break;
		case BR_PEM_END_OBJ:
			inside = false;
			good = !der.failed;
			on = good && each(owner, br_pem_decoder_name(&d), buf_view(&der));
			break;
		case BR_PEM_ERROR: good = false; break;
		}
	}
	buf_free(&der);
	return good && !inside;
}

static bool is_certificate(const char *name)
{
	return !strcmp(name, "CERTIFICATE") || !strcmp(name, "X509 CERTIFICATE") ||
	       !strcmp(name, "TRUSTED CERTIFICATE");
}

/* A copy in the arena as BearSSL wants it: not const, though it does not write. NULL when out of memory. */
static unsigned char *keep(struct arena *a, const void *p, size_t n)
{
	unsigned char *copy = arena_alloc(a, n);
	if (copy && n)
		memcpy(copy, p, n);
	return copy;
}

/* ---- trust ------------------------------------------------------------------------------------------------------ */

static bool keep_key(struct arena *a, br_x509_pkey *to, const br_x509_pkey *key)
{
	*to = *key;
	if (key->key_type == BR_KEYTYPE_RSA) {
		to->key.rsa.n = keep(a, key->key.rsa.n, key->key.rsa.nlen);
		to->key.rsa.e = keep(a, key->key.rsa.e, key->key.rsa.elen);
	} else {
		to->key.ec.q = keep(a, key->key.ec.q, key->key.ec.qlen);
	}
	return !a->failed;
}

/* A certificate that cannot be read is left out, as crypto/x509 does with a bundle. */
static bool add_anchor(void *owner, const char *name, struct slice der)
{
	struct tls_trust *t = owner;
	struct buf dn = {0};
	br_x509_decoder_context d;
	if (!is_certificate(name))
		return true;
	br_x509_decoder_init(&d, collect, &dn);
	br_x509_decoder_push(&d, der.p, der.n);
	const br_x509_pkey *key = br_x509_decoder_get_pkey(&d);
	if (key && !dn.failed && t->n < TLS_CERTS_MAX) {
		br_x509_trust_anchor *a = &t->anchors[t->n];
		*a = (br_x509_trust_anchor){.flags = br_x509_decoder_isCA(&d) ? BR_X509_TA_CA : 0};
		a->dn.data = keep(&t->memory, dn.p, dn.n);
		a->dn.len = dn.n;
		t->n += a->dn.data && keep_key(&t->memory, &a->pkey, key);
	}
	buf_free(&dn);
	return true;
}

enum err tls_trust_new(struct slice pem, struct tls_trust **out, struct fail *f)
{
	struct tls_trust *t = calloc(1, sizeof *t);
	*out = NULL;
	if (!t)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	if (pem_each(pem, add_anchor, t) && t->n && !t->memory.failed) {
		*out = t;
		return OK;
	}
	tls_trust_free(t);
	return fail_set(f, ERR_INVALID, "no certificate could be read from the PEM text");
}

void tls_trust_free(struct tls_trust *t)
{
	if (!t)
		return;
	arena_free(&t->memory);
	free(t);
}

/* ---- identity --------------------------------------------------------------------------------------------------- */

static bool add_link(void *owner, const char *name, struct slice der)
{
	struct tls_identity *i = owner;
	if (!is_certificate(name))
		return true;
	if (i->n == TLS_CHAIN_MAX)
		return false;
	if (i->n == 0) {
		br_x509_decoder_context d;
		br_x509_decoder_init(&d, NULL, NULL);
		br_x509_decoder_push(&d, der.p, der.n);
		i->issuer_key = (unsigned)br_x509_decoder_get_signer_key_type(&d);
	}
	i->chain[i->n] = (br_x509_certificate){keep(&i->memory, der.p, der.n), der.n};
	i->n += i->chain[i->n].data != NULL;
	return true;
}

static bool add_key(void *owner, const char *name, struct slice der)
{
	struct tls_identity *i = owner;
	if (strcmp(name, "PRIVATE KEY") && strcmp(name, "RSA PRIVATE KEY") && strcmp(name, "EC PRIVATE KEY"))
		return true;
	br_skey_decoder_init(&i->key);
	br_skey_decoder_push(&i->key, der.p, der.n);
	return br_skey_decoder_last_error(&i->key) != 0; /* on until one is good */
}

enum err tls_identity_new(struct slice chain_pem, struct slice key_pem, struct tls_identity **out, struct fail *f)
{
	struct tls_identity *i = calloc(1, sizeof *i);
	*out = NULL;
	if (!i)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	const char *wrong = NULL;
	if (!pem_each(chain_pem, add_link, i) || !i->n || i->memory.failed)
		wrong = "tls: failed to find any PEM data in certificate input";
	else if (!pem_each(key_pem, add_key, i) || !br_skey_decoder_key_type(&i->key))
		wrong = "tls: failed to find any PEM data in key input";
	if (!wrong) {
		*out = i;
		return OK;
	}
	tls_identity_free(i);
	return fail_set(f, ERR_INVALID, "%s", wrong);
}

void tls_identity_free(struct tls_identity *i)
{
	if (!i)
		return;
	arena_free(&i->memory);
	free(i);
}
