/* The last bytes of an output, and how many there were in all. */
#ifndef CMD_AGENT_TAIL_H
#define CMD_AGENT_TAIL_H

#include "core/base/buf.h"

enum { TAIL_MAX = 4096 };

struct tail {
	uint64_t total;
	char bytes[TAIL_MAX];
};

void tail_put(struct tail *t, struct slice piece);
/* Appends what is kept. */
void tail_read(const struct tail *t, struct buf *out);

#endif
