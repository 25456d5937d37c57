/* From sources to a configuration: defaults, dev defaults, files in their order, flags, each over the one before.
 *
 * Later values replace earlier ones, lists are appended (those of flags come first), maps are laid over each other.
 * Pure: whatever the machine says is handed in as facts. Total: any bytes give a configuration or an error in the words
 * of the reference. Source: Consul 1.0.8 agent/config/builder.go, merge.go. */
#ifndef AGENT_CONFIG_BUILD_H
#define AGENT_CONFIG_BUILD_H

#include "core/agent/config.h"
#include "core/base/err.h"

enum { CONFIG_FILE_MAX = 16 << 20 }; /* bytes of one file */

struct config_source {
	struct slice name; /* path as given: errors name it, its ending tells the format */
	struct slice data;
};

/* One address of one interface of the machine. */
struct config_interface {
	struct slice name;
	struct slice ip;     /* text as Go prints it */
	unsigned prefix_len; /* of its network */
	bool up;
	bool loopback;
	bool is_default; /* the default route goes through this interface */
};

struct config_facts {
	struct slice hostname;
	const struct config_interface *interfaces; /* in the order of the system */
	size_t interface_count;
	struct slice version, version_prerelease, revision; /* of this program */
};

struct config_input {
	bool dev;
	struct slice format; /* -config-format: "json", "hcl" or empty for "by the file's ending" */
	const struct config_source *files;
	size_t file_count;
	const struct value *flags; /* an object with the keys of a config file; NULL: none */
	const struct slice *hcl;   /* -hcl fragments */
	size_t hcl_count;
	const struct config_facts *facts;
};

/* What there is to say besides the configuration. Texts live in the arena. */
struct config_report {
	struct slice error;    /* set when a function fails; may have several lines */
	struct slice deferred; /* set by config_build: told by config_check after its own complaints, as the reference
	                          does */
	struct list warnings;  /* of struct slice: those of the reference */
	struct list notes; /* of struct slice: ours: keys of older releases that we took, an address that we chose */
};

/* Builds without checking what the values mean together: config_check does that. ERR_INVALID with report->error. */
enum err config_build(
        const struct config_input *in, struct arena *a, struct agent_config **out, struct config_report *report);

#endif
