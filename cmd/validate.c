/* consul validate */
#include "cmd/agent/config_files.h"
#include "cmd/command.h"
#include "cmd/say.h"
#include "core/base/slice.h"

static const char *format = "";
static bool quiet;

static const struct flag flags[] = {
        {"config-format", FLAG_STRING, &format,
                "Config files are in this format irrespective of their extension. Must be 'hcl' or 'json'"},
        {"quiet", FLAG_BOOL, &quiet, "When given, a successful run will produce no output."},
        {0},
};

const struct command_page page_validate = {
        .text = "Usage: consul validate [options] FILE_OR_DIRECTORY...\n\n"
                "  Reads configuration files, and those in the directories given, as the agent\n"
                "  would, and says what it would refuse. No agent is started.\n\n"
                "  Give all files that the agent will be given, for a part of a configuration may\n"
                "  not be valid alone.\n\n"
                "  Returns 0 if the configuration is valid, 1 if it is not.",
        .flags = flags,
        .quirk = QUIRK_SAYS_TWICE_AS_IS,
};

static int paths_check(struct words words)
{
	static struct agent_flags as_flags;
	struct config_loaded loaded;
	as_flags.format = slice_of(format);
	as_flags.config.type = V_OBJECT;
	for (size_t i = 0; i < words.n; i++)
		as_flags.paths.items[as_flags.paths.n++] = words.at[i];
	enum err e = config_load(&as_flags, &loaded);
	const struct slice *notes = loaded.report.notes.items;
	for (uint32_t i = 0; i < loaded.report.notes.n; i++)
		complain("%.*s", PS(notes[i]));
	if (e)
		complain("Config validation failed: %.*s", PS(loaded.report.error));
	else if (!quiet)
		say("Configuration is valid!");
	arena_free(&loaded.arena);
	return e ? FAILED : DONE;
}

int cmd_validate(struct words words)
{
	if (!words.n) {
		complain("Must specify at least one config file or directory");
		return FAILED;
	}
	if (*format && strcmp(format, "json") != 0 && strcmp(format, "hcl") != 0) {
		complain("-config-format must be either 'hcl' or 'json");
		return FAILED;
	}
	if (words.n > FLAG_LIST_MAX) {
		complain("More than %d files or directories", FLAG_LIST_MAX);
		return FAILED;
	}
	return paths_check(words);
}
