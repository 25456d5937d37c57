#include "core/gossip/seal.h"

#include <stdlib.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#include <bearssl.h>
#pragma GCC diagnostic pop

#include "core/base/enc.h"
#include "core/base/must.h"
#include "core/base/slice.h"

enum { BLOCK = 16, VERSION_MAX = 1 };

struct key {
	uint8_t bytes[KEY_MAX];
	uint32_t n;
	br_aes_gen_ctr_keys ctr;
	br_ghash ghash; /* chosen once: asking for it costs a CPUID, which traps in a virtual machine */
};

/* ---- the ring ---- */

void keyring_free(struct keyring *k)
{
	if (k->keys)
		memset(k->keys, 0, k->n * sizeof *k->keys);
	free(k->keys);
	*k = (struct keyring){0};
}

struct slice keyring_key(const struct keyring *k, uint32_t i)
{
	return (struct slice){(const char *)k->keys[i].bytes, k->keys[i].n};
}

static uint32_t find(const struct keyring *k, struct slice key)
{
	uint32_t i = 0;
	while (i < k->n && !slice_eq(keyring_key(k, i), key))
		i++;
	return i;
}

static br_ghash best_ghash(void)
{
	br_ghash fast = br_ghash_pclmul_get();
	if (!fast)
		fast = br_ghash_pwr8_get();
	return fast ? fast : &br_ghash_ctmul64;
}

static void key_schedule(struct key *key)
{
	const br_block_ctr_class *fast = br_aes_x86ni_ctr_get_vtable();
	if (!fast)
		fast = br_aes_pwr8_ctr_get_vtable();
	if (!fast)
		fast = &br_aes_ct64_ctr_vtable;
	fast->init(&key->ctr.vtable, key->bytes, key->n);
	key->ghash = best_ghash();
}

enum err keyring_add(struct keyring *k, struct slice key, struct fail *f)
{
	if (key.n != 16 && key.n != 24 && key.n != 32)
		return fail_set(f, ERR_INVALID, "key size must be 16, 24 or 32 bytes");
	if (find(k, key) < k->n)
		return OK;
	if (k->n == KEYRING_MAX)
		return fail_set(f, ERR_FULL, "the keyring holds %d keys already", KEYRING_MAX);
	struct key *keys = realloc(k->keys, (k->n + 1) * sizeof *keys);
	if (!keys)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	k->keys = keys;
	struct key *new = &keys[k->n++];
	memcpy(new->bytes, key.p, key.n);
	new->n = (uint32_t)key.n;
	key_schedule(new);
	return OK;
}

enum err keyring_use(struct keyring *k, struct slice key, struct fail *f)
{
	uint32_t i = find(k, key);
	if (i == k->n)
		return fail_set(f, ERR_INVALID, "Requested key is not in the keyring");
	struct key chosen = k->keys[i];
	memmove(k->keys + 1, k->keys, i * sizeof chosen);
	k->keys[0] = chosen;
	return OK;
}

enum err keyring_remove(struct keyring *k, struct slice key, struct fail *f)
{
	uint32_t i = find(k, key);
	if (i == k->n)
		return OK;
	if (i == 0)
		return fail_set(f, ERR_INVALID, "Removing the primary key is not allowed");
	k->n--;
	memmove(k->keys + i, k->keys + i + 1, (k->n - i) * sizeof *k->keys);
	return OK;
}

void keyring_put_json(struct buf *out, const struct keyring *k)
{
	BUF_LIT(out, "[");
	for (uint32_t i = 0; i < k->n; i++) {
		buf_cstr(out, i ? ",\n  \"" : "\n  \"");
		base64_put(out, keyring_key(k, i));
		buf_char(out, '"');
	}
	BUF_LIT(out, "\n]");
}

/* ---- sealing ---- */

static void gcm_begin(br_gcm_context *gcm, const struct key *key, const char *nonce, struct slice aad)
{
	br_gcm_init(gcm, &((struct key *)(uintptr_t)key)->ctr.vtable, key->ghash);
	br_gcm_reset(gcm, nonce, SEAL_NONCE);
	br_gcm_aad_inject(gcm, aad.p, aad.n);
	br_gcm_flip(gcm);
}

size_t seal_size(unsigned version, size_t text)
{
	return SEAL_OVERHEAD + text + (version ? 0 : BLOCK - text % BLOCK);
}

void seal_put(struct buf *out, const struct keyring *k, unsigned version, struct slice text, struct slice aad,
        struct rand *random)
{
	br_gcm_context gcm;
	MUST(keyring_on(k));
	size_t whole = seal_size(version, text.n), inner = whole - SEAL_OVERHEAD;
	char *p = buf_room(out, whole);
	if (!p)
		return;
	p[0] = (char)version;
	rand_bytes(random, p + 1, SEAL_NONCE);
	char *body = p + 1 + SEAL_NONCE;
	if (text.n)
		memcpy(body, text.p, text.n);
	memset(body + text.n, (int)(inner - text.n), inner - text.n);
	gcm_begin(&gcm, &k->keys[0], p + 1, aad);
	br_gcm_run(&gcm, 1, body, inner);
	br_gcm_get_tag(&gcm, body + inner);
	buf_add(out, whole);
}

/* Decrypting is in place and GCM tells only at the end whether the key was right: a wrong key is undone by running the
 * same stream over the bytes again. */
static bool open_with(const struct key *key, char *sealed, size_t inner, struct slice aad)
{
	br_gcm_context gcm;
	char *body = sealed + 1 + SEAL_NONCE;
	gcm_begin(&gcm, key, sealed + 1, aad);
	br_gcm_run(&gcm, 0, body, inner);
	if (br_gcm_check_tag(&gcm, body + inner))
		return true;
	gcm_begin(&gcm, key, sealed + 1, aad);
	br_gcm_run(&gcm, 1, body, inner);
	return false;
}

static enum err strip(const char *body, size_t inner, struct slice *text, struct fail *f)
{
	size_t pad = inner ? (uint8_t)body[inner - 1] : 0;
	if (pad == 0 || pad > BLOCK || pad > inner)
		return fail_set(f, ERR_INVALID, "Payload has a wrong padding");
	*text = (struct slice){body, inner - pad};
	return OK;
}

enum err seal_open(
        const struct keyring *k, char *sealed, size_t n, struct slice aad, struct slice *text, struct fail *f)
{
	if (n == 0)
		return fail_set(f, ERR_INVALID, "Cannot decrypt empty payload");
	unsigned version = (uint8_t)sealed[0];
	if (version > VERSION_MAX)
		return fail_set(f, ERR_INVALID, "Unsupported encryption version %u", version);
	if (n < seal_size(version, 0))
		return fail_set(f, ERR_INVALID, "Payload is too small to decrypt: %zu", n);
	size_t inner = n - SEAL_OVERHEAD;
	for (uint32_t i = 0; i < k->n; i++) {
		if (!open_with(&k->keys[i], sealed, inner, aad))
			continue;
		*text = (struct slice){sealed + 1 + SEAL_NONCE, inner};
		return version ? OK : strip(text->p, inner, text, f);
	}
	return fail_set(f, ERR_DENIED, "No installed keys could decrypt the message");
}
