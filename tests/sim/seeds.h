/* What the programs of the simulators have in common: seeds in, verdicts out.
 *
 *	sim_NAME [-v] [-f] [its own options] SEED [LAST]
 *
 * runs the seeds from SEED to LAST (-f: from SEED on, until one fails; -v: tells all that happens), prints for each
 *that fails a line and the command that replays it, and closes with "N passed, N failed". */
#ifndef TESTS_SIM_SEEDS_H
#define TESTS_SIM_SEEDS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/types.h"

struct seeds {
	const char *name; /* of the simulator */
	bool talk, forever;
	uint64_t seed, last; /* the next one */
	unsigned passed, failed;
};

/* argv[*at] is "-v" or "-f": takes it. */
bool seeds_option(struct seeds *s, char **argv, int *at);
/* What stands from argv[at] on. False: there is no seed. */
bool seeds_range(struct seeds *s, int argc, char **argv, int at);
/* The next to run; false: that was the last. */
bool seeds_next(struct seeds *s, uint64_t *seed);
/* `why`: empty when it passed; `options`: what has to stand before the seed to run it again ("-b ", or ""). */
void seeds_verdict(struct seeds *s, uint64_t seed, const char *why, const char *options);
/* The closing line, and the status to exit with. */
int seeds_end(const struct seeds *s);

/* What happens within a run: a line with the virtual time; or why the run has failed, into `to`. */
void seeds_say(mono_ns now, const char *fmt, va_list ap);
void seeds_why(char *to, size_t room, mono_ns now, const char *fmt, va_list ap);

#endif
