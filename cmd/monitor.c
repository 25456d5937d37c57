/* consul monitor */
#include <signal.h>
#include <unistd.h>

#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/say.h"

static const char *level = "INFO";

static const struct flag flags[] = {
        {"log-level", FLAG_STRING, &level, "The lowest level of the lines to show: TRACE, DEBUG, INFO, WARN or ERR."},
        {NULL},
};

const struct command_page page_monitor = {
        .text = "Usage: consul monitor [options]\n\n"
                "  Shows the latest lines of the agent's log, then each new one as it is written,\n"
                "  also lines below the level at which the agent itself logs.",
        .flags = flags,
        .asks = ASKS_AGENT,
};

/* Every line has gone out already: nothing is left to do. */
static void stop(int sig)
{
	(void)sig;
	_exit(DONE);
}

static void line_show(struct slice text)
{
	say_bytes(text.n ? text : S(" "));
	say_flush();
}

int cmd_monitor(struct words words)
{
	(void)words;
	struct client *c = client_for_command();
	if (!c)
		return FAILED;
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	struct fail f;
	if (client_monitor(c, level, line_show, &f) != OK)
		complain("Error starting monitor: %s", f.text);
	else
		say("\nRemote side ended the monitor! This usually means that the\nremote side has exited or crashed.");
	client_close(c);
	return FAILED;
}
