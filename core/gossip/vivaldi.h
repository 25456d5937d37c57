/* Network coordinates (Vivaldi, as Serf 0.8 does it): where we seem to be, learnt from round-trip times.
 *
 * A coordinate is a point in eight dimensions plus a height; the distance of two is the round-trip time to expect
 * between them. Each direct ack moves ours a little. Pure arithmetic; the random direction for two members on the same
 * spot comes from the caller's generator. Exact vectors: tests/vectors/gossip. */
#ifndef GOSSIP_VIVALDI_H
#define GOSSIP_VIVALDI_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/rand.h"
#include "core/base/types.h"

enum { VIVALDI_DIMENSIONS = 8, VIVALDI_WINDOW = 20, VIVALDI_SAMPLES = 3 };

struct vivaldi_point {
	double vec[VIVALDI_DIMENSIONS];
	double error, adjustment, height;
};

/* The last round-trip times to one member, oldest first, in seconds. */
struct vivaldi_samples {
	double rtt[VIVALDI_SAMPLES];
	uint8_t n;
};

struct vivaldi {
	struct vivaldi_point at;
	double window[VIVALDI_WINDOW];
	uint32_t window_at;
	uint64_t resets;
};

void vivaldi_init(struct vivaldi *v);

/* Takes a round-trip time to a member that is at `other`. False, with nothing changed, when the coordinate is invalid
 * or the time is out of range (negative, more than 10 s). */
bool vivaldi_update(struct vivaldi *v, struct vivaldi_samples *samples, const struct vivaldi_point *other, dur_ns rtt,
        struct rand *random);

bool vivaldi_valid(const struct vivaldi_point *c);
/* The round-trip time to expect, truncated to whole nanoseconds. */
dur_ns vivaldi_distance(const struct vivaldi_point *a, const struct vivaldi_point *b);

/* As it rides in an ack's payload, and back. False when it is none of ours: *why says so (NULL: wrong dimensions, which
 * only vivaldi_update would refuse). */
void vivaldi_put(struct buf *out, const struct vivaldi_point *c);
bool vivaldi_get(struct slice payload, struct arena *a, struct vivaldi_point *out, const char **why);

#endif
