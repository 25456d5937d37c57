/* Several sentences, collected and told together, as multierror and mapstructure of the reference do.
 * Internal to core/agent/config*.c. Memory: the arena; when it is full, texts are lost and the arena says so. */
#ifndef AGENT_CONFIG_TEXTS_H
#define AGENT_CONFIG_TEXTS_H

#include "core/base/arena.h"
#include "core/base/types.h"

struct config_texts {
	struct slice *items;
	size_t n, cap;
};

void config_texts_add(struct config_texts *t, struct arena *a, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
static inline struct list config_texts_list(const struct config_texts *t)
{
	return (struct list){t->items, (uint32_t)t->n};
}

/* "2 error(s) occurred:\n\n* first\n* second": `what` is the part after the number. */
struct slice config_texts_print(const struct config_texts *t, struct arena *a, const char *what);
/* The text in double quotes, as Go's %q. */
struct slice config_quoted(struct slice s, struct arena *a);

void config_texts_sort(struct config_texts *t);

#endif
