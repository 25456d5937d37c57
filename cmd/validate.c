/* consul validate */
#include "cmd/agent/config_files.h"
#include "cmd/command.h"
#include "cmd/say.h"
#include "core/base/slice.h"

static const char *format = "";
static bool quiet;

static const struct flag flags[] = {
        {"config-format", FLAG_STRING, &format, "Reads all files as 'hcl' or 'json', whatever their names end in."},
        {"quiet", FLAG_BOOL, &quiet, "Says nothing if all is well."},
        {NULL},
};

const struct command_page page_validate = {
        .text = "Usage: consul validate [options] FILE_OR_DIRECTORY...\n\n"
                "  Reads configuration files as the agent would, all of them together, and says\n"
                "  what is wrong. Exits with 0 if they are good, with 1 if not.",
        .flags = flags,
        .quirk = QUIRK_SAYS_TWICE_AS_IS,
};

static int refuse(const char *why)
{
	complain("%s", why);
	return FAILED;
}

static void paths_set(struct agent_flags *a, struct words words)
{
	for (size_t i = 0; i < words.n && i < FLAG_LIST_MAX; i++)
		a->paths.items[a->paths.n++] = words.at[i];
}

int cmd_validate(struct words words)
{
	static struct agent_flags files; /* large */
	static struct config_loaded loaded;
	if (!words.n)
		return refuse("Must specify at least one config file or directory");
	if (*format && strcmp(format, "json") != 0 && strcmp(format, "hcl") != 0)
		return refuse("-config-format must be either 'hcl' or 'json");
	files.format = slice_of(format);
	paths_set(&files, words);
	enum err e = config_load(&files, &loaded);
	if (e != OK)
		complain("Config validation failed: %.*s", PS(loaded.report.error));
	else if (!quiet)
		say("Configuration is valid!");
	arena_free(&loaded.arena);
	return e == OK ? DONE : FAILED;
}
