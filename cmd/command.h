/* What a command is: a row of the table in main.c (name, sentence, what it does) and a page in the command's own file
 * (text of its help, flags).
 *
 * main reads the flags, those of the page and those that all commands asking an agent share, before the command sees
 * the words that follow them. A row that does nothing only groups others: it shows its help. */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "cmd/flags.h"

/* Exit codes. */
enum { DONE = 0, FAILED = 1, NOTHING_FOUND = 2, CHILD_FAILED = 2 };

struct words {
	char **at;
	size_t n;
};

typedef int command_run(struct words words);

enum command_asks {
	ASKS_NOBODY,  /* no shared flags */
	ASKS_AGENT,   /* those that say which agent, and the token */
	ASKS_SERVERS, /* these and -datacenter, -stale */
};

enum command_quirk {
	QUIRK_NONE,
	QUIRK_ALL_WORDS,  /* gets every word from its own name on, flags too, and shows its help itself */
	QUIRK_NO_FLAGS,   /* gets every word behind its name, whatever it looks like */
	QUIRK_SAYS_TWICE, /* says an error of the flags once more, "Failed to parse args: " before it */
	QUIRK_SAYS_TWICE_AS_IS,
};

struct command_page {
	const char *text; /* usage line and description */
	const struct flag *flags;
	enum command_asks asks;
	enum command_quirk quirk;
};

struct command {
	const char *name; /* "kv get" */
	const char *sentence;
	command_run *run;
	const struct command_page *page;
};

/* The page's own flags and those it shares. */
struct flag_set page_flags(const struct command_page *page);
/* Complains about how the command was called, then shows the page. Returns FAILED. */
int misused(const struct command_page *page, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The page as standard output or standard error shows it. */
void page_show(const struct command_page *page, FILE *out);
/* "Too many arguments (expected N, got M)". Returns FAILED. */
int too_many(size_t expected, size_t got);

/* The agent, in cmd/agent: argv[0] is "agent" (or NULL), its flags follow. -h and -help among them ask for its help
 * (standard error, by flags_help; exit code 0). Returns the exit code. */
int cmd_agent(int argc, char **argv);

#define COMMAND(name)                                                                                                  \
	command_run cmd_##name;                                                                                        \
	extern const struct command_page page_##name

COMMAND(catalog_datacenters);
COMMAND(catalog_nodes);
COMMAND(catalog_services);
COMMAND(event);
COMMAND(exec);
COMMAND(force_leave);
COMMAND(info);
COMMAND(join);
COMMAND(keygen);
COMMAND(keyring);
COMMAND(kv_delete);
COMMAND(kv_export);
COMMAND(kv_get);
COMMAND(kv_import);
COMMAND(kv_put);
COMMAND(leave);
COMMAND(lock);
COMMAND(maint);
COMMAND(members);
COMMAND(monitor);
COMMAND(operator_autopilot_get);
COMMAND(operator_autopilot_set);
COMMAND(operator_raft_list);
COMMAND(operator_raft_remove);
COMMAND(operator_recover);
COMMAND(reload);
COMMAND(rtt);
COMMAND(snapshot_inspect);
COMMAND(snapshot_restore);
COMMAND(snapshot_save);
COMMAND(troubleshoot);
COMMAND(validate);
COMMAND(version);
COMMAND(watch);

/* Pages of rows that only group others. */
extern const struct command_page page_catalog, page_kv, page_operator, page_operator_autopilot, page_operator_raft,
        page_snapshot;

/* One thing that is asked of an agent, and all that is said of it: the exit code. */
struct client;
typedef int command_task(struct client *c);

/* The whole way of most commands: client_for_command, the task, client_close. */
int command_ask(command_task *task);

/* Complains "what: why"; FAILED. */
int give_up(const char *what, const struct fail *f);

#endif
