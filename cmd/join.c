/* consul join */
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/say.h"

static bool wan;

static const struct flag flags[] = {
        {"wan", FLAG_BOOL, &wan, "Joins servers of another datacenter, in the WAN pool."},
        {NULL},
};

const struct command_page page_join = {
        .text = "Usage: consul join [options] address ...\n\n"
                "  Has the running agent join a cluster, of which at least one member is named by\n"
                "  its address.",
        .flags = flags,
        .asks = ASKS_AGENT,
};

/* The 8400 port takes all addresses at once and is content with one that works. */
static unsigned join_at_once(struct client *c, struct words words)
{
	struct fail f;
	unsigned joined = 0;
	if (client_join(c, wan, words.at, words.n, &joined, &f) == OK)
		return joined;
	complain("Error joining the cluster: %s", f.text);
	return 0;
}

static unsigned join_one_by_one(struct client *c, struct words words)
{
	struct fail f;
	unsigned joined = 0, one;
	for (size_t i = 0; i < words.n; i++) {
		if (client_join(c, wan, &words.at[i], 1, &one, &f) == OK)
			joined++;
		else
			complain("Error joining address '%s': %s", words.at[i], f.text);
	}
	if (!joined)
		complain("Failed to join any nodes.");
	return joined;
}

int cmd_join(struct words words)
{
	if (!words.n)
		return misused(&page_join, "At least one address to join must be specified.");
	struct client *c = client_for_command();
	if (!c)
		return FAILED;
	unsigned joined = client_is_ipc(c) ? join_at_once(c, words) : join_one_by_one(c, words);
	client_close(c);
	if (!joined)
		return FAILED;
	say("Successfully joined cluster by contacting %u nodes.", joined);
	return DONE;
}
