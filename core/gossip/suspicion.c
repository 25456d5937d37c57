#include "core/gossip/suspicion.h"

#include <math.h>

dur_ns suspicion_min(uint32_t mult, uint32_t n, dur_ns interval)
{
	double scale = fmax(1.0, log10(fmax(1.0, (double)n)));
	return (dur_ns)mult * (dur_ns)(scale * 1000) * interval / 1000;
}

dur_ns suspicion_wait(uint32_t heard, uint32_t wanted, dur_ns min, dur_ns max)
{
	if (!wanted)
		return min;
	double share = log(heard + 1.0) / log(wanted + 1.0);
	double low = (double)min / 1e9, high = (double)max / 1e9;
	dur_ns wait = (dur_ns)floor(1000.0 * (high - share * (high - low))) * NS_PER_MS;
	return wait < min ? min : wait;
}

uint32_t retransmit_limit(uint32_t mult, uint32_t n)
{
	return mult * (uint32_t)ceil(log10(n + 1.0));
}

dur_ns push_pull_wait(dur_ns interval, uint32_t n)
{
	if (n <= 32)
		return interval;
	return interval * ((dur_ns)ceil(log2(n) - 5) + 1);
}

void suspicion_start(struct suspicion *s, mono_ns now, uint64_t from, uint32_t mult, uint32_t max_mult, uint32_t n,
        dur_ns probe_interval)
{
	*s = (struct suspicion){.start = now, .min = suspicion_min(mult, n, probe_interval), .from = {from}};
	s->max = s->min * max_mult;
	s->wanted = mult > 2 ? mult - 2 : 0;
	if (s->wanted > SUSPICION_FROM_MAX)
		s->wanted = SUSPICION_FROM_MAX;
	if (n < s->wanted + 2)
		s->wanted = 0;
}

bool suspicion_confirm(struct suspicion *s, uint64_t from)
{
	if (s->heard >= s->wanted)
		return false;
	for (uint32_t i = 0; i <= s->heard; i++)
		if (s->from[i] == from)
			return false;
	s->from[++s->heard] = from;
	return true;
}

mono_ns suspicion_deadline(const struct suspicion *s)
{
	return s->start + suspicion_wait(s->heard, s->wanted, s->min, s->max);
}
