/* consul info */
#include <stdlib.h>

#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/say.h"
#include "core/base/slice.h"

const struct command_page page_info = {
        .text = "Usage: consul info [options]\n\n"
                "  Prints what the agent knows of itself: counters, roles, states of its parts.",
        .asks = ASKS_AGENT,
};

static int entry_cmp(const void *a, const void *b)
{
	return slice_cmp(((const struct value_entry *)a)->key, ((const struct value_entry *)b)->key);
}

static void object_sort(struct value *v)
{
	if (v->type == V_OBJECT && v->n)
		qsort(v->entries, v->n, sizeof(*v->entries), entry_cmp);
}

static int stats_show(struct value *stats)
{
	object_sort(stats);
	for (uint32_t i = 0; stats->type == V_OBJECT && i < stats->n; i++) {
		struct value *section = &stats->entries[i].val;
		say("%.*s:", PS(stats->entries[i].key));
		if (section->type != V_OBJECT) {
			complain("Got invalid subkey in stats: map[]");
			return FAILED;
		}
		object_sort(section);
		for (uint32_t k = 0; k < section->n; k++)
			say("\t%.*s = %.*s", PS(section->entries[k].key), PS(section->entries[k].val.text));
	}
	return DONE;
}

static int info(struct client *c)
{
	struct fail f;
	struct value stats;
	return client_stats(c, &stats, &f) ? give_up("Error querying agent", &f) : stats_show(&stats);
}

int cmd_info(struct words words)
{
	(void)words;
	return command_ask(info);
}
