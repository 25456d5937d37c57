/* consul reload */
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/say.h"

const struct command_page page_reload = {
        .text = "Usage: consul reload\n\n"
                "  Has the agent read its configuration files again, as the signal SIGHUP does.",
        .asks = ASKS_AGENT,
};

int cmd_reload(struct words words)
{
	(void)words;
	struct client *c = client_for_command();
	if (!c)
		return FAILED;
	struct fail f;
	enum err e = client_reload(c, &f);
	if (e == OK)
		say("Configuration reload triggered");
	else
		complain("Error reloading: %s", f.text);
	client_close(c);
	return e == OK ? DONE : FAILED;
}
