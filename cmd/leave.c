/* consul leave */
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/say.h"

const struct command_page page_leave = {
        .text = "Usage: consul leave [options]\n\n"
                "  Lets the agent say goodbye to the cluster and end.",
        .asks = ASKS_AGENT,
};

static int refuse(struct words words)
{
	struct buf list = {0};
	for (size_t i = 0; i < words.n; i++)
		buf_fmt(&list, i ? " %s" : "%s", words.at[i]);
	complain("Error found unexpected args: [%.*s]", PS(buf_view(&list)));
	buf_free(&list);
	page_show(&page_leave, stdout);
	return FAILED;
}

static int leave(struct client *c)
{
	struct fail f;
	if (client_leave(c, &f))
		return give_up("Error leaving", &f);
	say("Graceful leave complete");
	return DONE;
}

int cmd_leave(struct words words)
{
	return words.n ? refuse(words) : command_ask(leave);
}
