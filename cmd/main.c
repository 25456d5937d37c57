/* The command line: which command is meant, its flags, its help. */
#include <stdio.h>
#include <string.h>

#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/say.h"
#include "core/base/slice.h"

static int agent_run(struct words words)
{
	return cmd_agent((int)words.n, words.at);
}

static const struct command_page page_agent = {.quirk = QUIRK_ALL_WORDS};

/* In the order of their names. */
static const struct command commands[] = {
        {"agent", "Runs a Consul agent", agent_run, &page_agent},
        {"catalog", "Interact with the catalog", NULL, &page_catalog},
        {"catalog datacenters", "Lists all known datacenters", cmd_catalog_datacenters, &page_catalog_datacenters},
        {"catalog nodes", "Lists all nodes in the given datacenter", cmd_catalog_nodes, &page_catalog_nodes},
        {"catalog services", "Lists all registered services in a datacenter", cmd_catalog_services,
                &page_catalog_services},
        {"event", "Fire a new event", cmd_event, &page_event},
        {"exec", "Executes a command on Consul nodes", cmd_exec, &page_exec},
        {"force-leave", "Forces a member of the cluster to enter the \"left\" state", cmd_force_leave,
                &page_force_leave},
        {"info", "Provides debugging information for operators.", cmd_info, &page_info},
        {"join", "Tell Consul agent to join cluster", cmd_join, &page_join},
        {"keygen", "Generates a new encryption key", cmd_keygen, &page_keygen},
        {"keyring", "Manages gossip layer encryption keys", cmd_keyring, &page_keyring},
        {"kv", "Interact with the key-value store", NULL, &page_kv},
        {"kv delete", "Removes data from the KV store", cmd_kv_delete, &page_kv_delete},
        {"kv export", "Exports a tree from the KV store as JSON", cmd_kv_export, &page_kv_export},
        {"kv get", "Retrieves or lists data from the KV store", cmd_kv_get, &page_kv_get},
        {"kv import", "Imports a tree stored as JSON to the KV store", cmd_kv_import, &page_kv_import},
        {"kv put", "Sets or updates data in the KV store", cmd_kv_put, &page_kv_put},
        {"leave", "Gracefully leaves the Consul cluster and shuts down", cmd_leave, &page_leave},
        {"lock", "Execute a command holding a lock", cmd_lock, &page_lock},
        {"maint", "Controls node or service maintenance mode", cmd_maint, &page_maint},
        {"members", "Lists the members of a Consul cluster", cmd_members, &page_members},
        {"monitor", "Stream logs from a Consul agent", cmd_monitor, &page_monitor},
        {"operator", "Provides cluster-level tools for Consul operators", NULL, &page_operator},
        {"operator autopilot", "Provides tools for modifying Autopilot configuration", NULL, &page_operator_autopilot},
        {"operator autopilot get-config", "Display the current Autopilot configuration", cmd_operator_autopilot_get,
                &page_operator_autopilot_get},
        {"operator autopilot set-config", "Modify the current Autopilot configuration", cmd_operator_autopilot_set,
                &page_operator_autopilot_set},
        {"operator raft", "Provides cluster-level tools for Consul operators", NULL, &page_operator_raft},
        {"operator raft list-peers", "Display the current Raft peer configuration", cmd_operator_raft_list,
                &page_operator_raft_list},
        {"operator raft remove-peer", "Remove a Consul server from the Raft configuration", cmd_operator_raft_remove,
                &page_operator_raft_remove},
        {"operator recover", "Lets one server go on alone when the majority is gone for good", cmd_operator_recover,
                &page_operator_recover},
        {"reload", "Triggers the agent to reload configuration files", cmd_reload, &page_reload},
        {"rtt", "Estimates network round trip time between nodes", cmd_rtt, &page_rtt},
        {"snapshot", "Saves, restores and inspects snapshots of Consul server state", NULL, &page_snapshot},
        {"snapshot inspect", "Displays information about a Consul snapshot file", cmd_snapshot_inspect,
                &page_snapshot_inspect},
        {"snapshot restore", "Restores snapshot of Consul server state", cmd_snapshot_restore, &page_snapshot_restore},
        {"snapshot save", "Saves snapshot of Consul server state", cmd_snapshot_save, &page_snapshot_save},
        {"troubleshoot", "Shows which members can be reached on which ports, and what would mend the rest",
                cmd_troubleshoot, &page_troubleshoot},
        {"validate", "Validate config files/directories", cmd_validate, &page_validate},
        {"version", "Prints the Consul version", cmd_version, &page_version},
        {"watch", "Watch for changes in Consul", cmd_watch, &page_watch},
};

/* ---- help ---- */

/* The rows directly below `parent` ("": the top), the name of each cut to its last word. */
static size_t children_of(struct slice parent, const struct command *out[ARRAY_LEN(commands)])
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		struct slice name = slice_of(commands[i].name);
		ptrdiff_t blank = slice_find_last(name, ' ');
		if (slice_eq(parent, blank < 0 ? S("") : slice_cut(name, 0, (size_t)blank)))
			out[n++] = &commands[i];
	}
	return n;
}

static const char *last_word(const char *name)
{
	const char *blank = strrchr(name, ' ');
	return blank ? blank + 1 : name;
}

static void children_show(const struct command *const *rows, size_t n)
{
	size_t width = 0;
	for (size_t i = 0; i < n; i++) {
		size_t w = strlen(last_word(rows[i]->name));
		width = w > width ? w : width;
	}
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "    %-*s    %s\n", (int)width, last_word(rows[i]->name), rows[i]->sentence);
}

static void top_help(void)
{
	const struct command *rows[ARRAY_LEN(commands)];
	fputs("Usage: consul [--version] [--help] <command> [<args>]\n\nAvailable commands are:\n", stderr);
	children_show(rows, children_of(S(""), rows));
	fputc('\n', stderr);
}

static void command_help(const struct command *c)
{
	if (c->page->quirk == QUIRK_ALL_WORDS) {
		char wish[] = "-h";
		c->run((struct words){(char *[]){NULL, wish, NULL}, 2});
		return;
	}
	const struct command *rows[ARRAY_LEN(commands)];
	size_t n = children_of(slice_of(c->name), rows);
	page_show(c->page, stderr);
	if (n) {
		fputs("\nSubcommands:\n", stderr);
		children_show(rows, n);
	}
}

/* ---- which command ---- */

static const struct command *command_find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (slice_is(name, commands[i].name))
			return &commands[i];
	return NULL;
}

/* The longest name that the words spell; *used of them. NULL if not even the first word is a command. */
static const struct command *command_spelt(struct words words, size_t *used)
{
	const struct command *found = NULL;
	struct buf name = {.limit = 256};
	for (size_t i = 0; i < words.n && !name.failed; i++) {
		if (i)
			buf_char(&name, ' ');
		buf_cstr(&name, words.at[i]);
		const struct command *c = command_find(buf_view(&name));
		if (!c)
			break;
		found = c;
		*used = i + 1;
	}
	buf_free(&name);
	return found;
}

static bool is_either(const char *word, const char *a, const char *b)
{
	return !strcmp(word, a) || !strcmp(word, b);
}

static bool is_help(const char *word)
{
	return is_either(word, "-h", "-help") || !strcmp(word, "--help");
}

static bool is_version(const char *word)
{
	return is_either(word, "-v", "--version");
}

/* Is such a word anywhere before "--"? */
static bool wanted(struct words words, bool (*is)(const char *word))
{
	for (size_t i = 0; i < words.n && strcmp(words.at[i], "--") != 0; i++)
		if (is(words.at[i]))
			return true;
	return false;
}

/* ---- running it ---- */

static int flags_refused(const struct command_page *page, enum flags_result why, const struct fail *f)
{
	struct flag_set set = page_flags(page);
	if (why == FLAGS_WRONG)
		complain("%s", f->text);
	flags_usage(&set, stderr);
	if (page->quirk == QUIRK_SAYS_TWICE_AS_IS)
		complain("%s", why == FLAGS_WRONG ? f->text : "flag: help requested");
	if (page->quirk != QUIRK_SAYS_TWICE)
		return FAILED;
	if (why == FLAGS_WRONG)
		complain("Failed to parse args: %s", f->text);
	return why == FLAGS_HELP ? DONE : FAILED;
}

static int command_do(const struct command *c, struct words words)
{
	if (c->page->quirk == QUIRK_NO_FLAGS)
		return c->run(words);
	struct flag_set set = page_flags(c->page);
	struct fail f = {0};
	size_t rest = 0;
	enum flags_result r = flags_parse(&set, words.n, words.at, &rest, &f);
	if (r != FLAGS_OK)
		return flags_refused(c->page, r, &f);
	return c->run((struct words){words.at + rest, words.n - rest});
}

/* `skipped` flags stood before the command's name. */
static int command_call(const struct command *c, struct words own, size_t name_words, size_t skipped, bool help)
{
	struct words behind = {own.at + name_words, own.n - name_words};
	if (c->page->quirk == QUIRK_ALL_WORDS && !help && !skipped)
		return c->run(own);
	if (help) {
		command_help(c);
		return DONE;
	}
	if (skipped)
		fputs("Invalid flags before the subcommand. If these flags are for\n"
		      "the subcommand, please put them after the subcommand.\n\n",
		        stderr);
	if (skipped || !c->run) {
		command_help(c);
		return FAILED;
	}
	return command_do(c, behind);
}

static int words_run(struct words words)
{
	bool help = wanted(words, is_help);
	size_t at = 0, skipped = 0, used = 1;
	for (; at < words.n && (!words.at[at][0] || words.at[at][0] == '-') && strcmp(words.at[at], "--") != 0; at++)
		skipped += words.at[at][0] && !is_help(words.at[at]) && strcmp(words.at[at], "-version") != 0;
	struct words own = {words.at + at, words.n - at};
	bool named = own.n && strcmp(own.at[0], "--") != 0;
	const struct command *c = named ? command_spelt(own, &used) : NULL;
	if (c)
		return command_call(c, own, used, skipped, help);
	top_help();
	return help && !named ? DONE : FAILED;
}

int main(int argc, char **argv)
{
	struct words words = {argv + (argc > 0), argc > 0 ? (size_t)argc - 1 : 0};
	int code = wanted(words, is_version) ? cmd_version((struct words){0}) : words_run(words);
	if (fflush(stdout) != 0 && code == DONE)
		code = FAILED;
	return code;
}
