/* Sealed gossip: AES-GCM with keys of 16, 24 or 32 bytes, and the ring of keys.
 *
 * A sealed payload is version, 12 bytes of nonce, the text, a tag of 16. Version 1 holds the text as it is, version 0
 * padded to 16. We write version 1 and read both, trying every key. The ring's first key is the primary, the only one
 * that seals. On a stream the five bytes before the payload (type, length) are authenticated, too; a packet has none.
 *
 * AES and GHASH are BearSSL's, by the processor's instructions where it has them. Keys never leave the ring but through
 * keyring_key. Texts of errors are memberlist's. */
#ifndef GOSSIP_SEAL_H
#define GOSSIP_SEAL_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/rand.h"

enum { SEAL_OVERHEAD = 29, SEAL_NONCE = 12, SEAL_TAG = 16, SEAL_FRAME = 5, KEY_MAX = 32, KEYRING_MAX = 64 };

struct keyring {
	struct key *keys; /* primary first */
	uint32_t n;
};

void keyring_free(struct keyring *k);
static inline bool keyring_on(const struct keyring *k)
{
	return k->n > 0;
}
struct slice keyring_key(const struct keyring *k, uint32_t i);

/* "key size must be 16, 24 or 32 bytes". A key that is there already stays where it is. */
enum err keyring_add(struct keyring *k, struct slice key, struct fail *f);
/* Makes it the primary: "Requested key is not in the keyring". */
enum err keyring_use(struct keyring *k, struct slice key, struct fail *f);
/* "Removing the primary key is not allowed"; a key that is not there is no error. */
enum err keyring_remove(struct keyring *k, struct slice key, struct fail *f);
/* The keyring as its file holds it: a JSON array of base64, primary first, indented by two. */
void keyring_put_json(struct buf *out, const struct keyring *k);

/* Appends the sealed text; `aad` is what is authenticated besides. Precondition: keyring_on. */
void seal_put(struct buf *out, const struct keyring *k, unsigned version, struct slice text, struct slice aad,
        struct rand *random);
size_t seal_size(unsigned version, size_t text);

/* Opens `sealed` in place: *text points into it. */
enum err seal_open(
        const struct keyring *k, char *sealed, size_t n, struct slice aad, struct slice *text, struct fail *f);

#endif
