/* An item: what a tree keeps. One allocation: this header, the key, padding to 8, the payload.
 *
 * Immutable once inserted: an update inserts a new item. The memory comes from the db's slab (core thread only) and is
 * retired by the tree that lets go of it; readers on other threads may look at it as long as they hold a root. */
#ifndef STORE_ITEM_H
#define STORE_ITEM_H

#include "core/base/types.h"

struct item {
	uint32_t size;  /* of the whole allocation */
	uint32_t key_n; /* bytes of the key, which starts right behind this header */
};

#define ITEM_PAYLOAD_AT(key_n) ((sizeof(struct item) + (size_t)(key_n) + 7) & ~(size_t)7)

static inline struct slice item_key(const struct item *it)
{
	return (struct slice){(const char *)(it + 1), it->key_n};
}

/* The payload: the struct of the item's table (store/model.h), or whatever the table's owner put there. */
static inline const void *item_payload(const struct item *it)
{
	return (const char *)it + ITEM_PAYLOAD_AT(it->key_n);
}

#endif
