/* consul force-leave */
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/say.h"

static bool prune;

static const struct flag flags[] = {
        {"prune", FLAG_BOOL, &prune, "Has everybody forget the member at once, too.", .hidden = true},
        {NULL},
};

const struct command_page page_force_leave = {
        .text = "Usage: consul force-leave [options] name\n\n"
                "  Has the cluster take a member for one that left. Meant for a failed node that\n"
                "  will not come back: without this the others keep trying to reach it until they\n"
                "  forget it. A member that is alive after all joins again by itself. With -prune\n"
                "  everybody forgets it at once.",
        .flags = flags,
        .asks = ASKS_AGENT,
};

int cmd_force_leave(struct words words)
{
	if (words.n != 1)
		return misused(&page_force_leave, "A single node name must be specified to force leave.");
	struct client *c = client_for_command();
	if (!c)
		return FAILED;
	struct fail f;
	enum err e = client_force_leave(c, words.at[0], prune, &f);
	if (e != OK)
		complain("Error force leaving: %s", f.text);
	client_close(c);
	return e == OK ? DONE : FAILED;
}
