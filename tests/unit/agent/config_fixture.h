/* Building configurations in tests: one file, a machine with three interfaces. */
#ifndef TEST_CONFIG_FIXTURE_H
#define TEST_CONFIG_FIXTURE_H

#include "core/agent/config_check.h"
#include "tests/test.h"

struct built {
	struct arena arena;
	struct agent_config *config; /* NULL: refused */
	struct config_report report;
};

extern const struct config_facts fixture_facts;

/* One file of that name ("c.json") on top of the defaults. */
struct built build_file(const char *name, const char *text);
/* The same in dev mode. */
struct built build_dev(const char *name, const char *text);
/* Several files; flags as JSON (NULL: none). */
struct built build_files(const struct config_source *files, size_t n, const char *flags, bool dev);
/* build_file, then config_check with nothing on disk. */
struct built build_checked(const char *text);
void built_free(struct built *b);

#endif
