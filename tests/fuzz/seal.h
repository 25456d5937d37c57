/* Sealing what a fuzzer thought of, so that it gets behind the decryption: the bytes as the pool's key would seal them.
 * The first byte of an input: 1 LAN rules, 2 we have a key, 4 what comes is sealed, 8 plain is refused, 16 a crc, too.
 */
#ifndef FUZZ_SEAL_H
#define FUZZ_SEAL_H

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/gossip/gossip.h"
#include "core/gossip/packet.h"

struct sealer {
	struct keyring keys;
	struct rand random;
	struct envelope envelope;
};

static inline void sealer_init(struct sealer *s, struct slice key, uint8_t how)
{
	*s = (struct sealer){0};
	rand_seed(&s->random, 7);
	s->envelope = (struct envelope){.random = &s->random, .crc = how & 16};
	if (how & 4) {
		MUST(keyring_add(&s->keys, key, NULL) == OK);
		s->envelope.keys = &s->keys;
	}
}

static inline void sealer_free(struct sealer *s)
{
	keyring_free(&s->keys);
	buf_free(&s->envelope.scratch[0]);
	buf_free(&s->envelope.scratch[1]);
}

#endif
