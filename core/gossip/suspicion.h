/* Suspicion: how long a silent member stays suspect before it is dead.
 *
 * It starts long and shrinks with each *different* member that confirms it (Lifeguard): in a healthy pool death is
 * known fast; one slow accuser alone cannot kill a good member. Pure; the formulas are memberlist's, to the
 * millisecond. Memory: allocated only while a member is suspect. Time: never read, always given. */
#ifndef GOSSIP_SUSPICION_H
#define GOSSIP_SUSPICION_H

#include "core/base/types.h"

enum { SUSPICION_FROM_MAX = 16 };

struct suspicion {
	mono_ns start;
	dur_ns min, max;
	uint32_t heard, wanted;                /* confirmations so far, and for the shortest wait */
	uint64_t from[SUSPICION_FROM_MAX + 1]; /* hashes of who has spoken, the first accuser included */
};

/* Begins at `now`, in a pool of `n` records. `from`: a hash of the accuser's name. */
void suspicion_start(struct suspicion *s, mono_ns now, uint64_t from, uint32_t mult, uint32_t max_mult, uint32_t n,
        dur_ns probe_interval);
/* True if it is news: tell it on, the deadline has moved. */
bool suspicion_confirm(struct suspicion *s, uint64_t from);
/* The moment at which the member is dead. */
mono_ns suspicion_deadline(const struct suspicion *s);

/* The formulas by themselves. */
dur_ns suspicion_min(uint32_t mult, uint32_t n, dur_ns interval);
dur_ns suspicion_wait(uint32_t heard, uint32_t wanted, dur_ns min, dur_ns max);
uint32_t retransmit_limit(uint32_t mult, uint32_t n);
dur_ns push_pull_wait(dur_ns interval, uint32_t n);

#endif
