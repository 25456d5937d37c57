/* consul reload */
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/say.h"

const struct command_page page_reload = {
        .text = "Usage: consul reload\n\n"
                "  Has the agent read its configuration files again, as the signal SIGHUP does.",
        .asks = ASKS_AGENT,
};

static int reload(struct client *c)
{
	struct fail f;
	if (client_reload(c, &f))
		return give_up("Error reloading", &f);
	say("Configuration reload triggered");
	return DONE;
}

int cmd_reload(struct words words)
{
	(void)words;
	return command_ask(reload);
}
