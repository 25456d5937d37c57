/* consul keyring */
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/say.h"
#include "core/base/json.h"
#include "core/base/slice.h"

enum { RELAY_FACTOR_MAX = 5 };

static const char *install = "", *use = "", *removed = "";
static bool list;
static int64_t relay_factor;

static const struct flag flags[] = {
        {"install", FLAG_STRING, &install, "Gives this new key to all members, who then understand it."},
        {"use", FLAG_STRING, &use, "Has all members encrypt with this key, which must be installed."},
        {"remove", FLAG_STRING, &removed, "Takes this key from all members; it may not be the one in use."},
        {"list", FLAG_BOOL, &list, "Lists all keys, and how many members have each."},
        {"relay-factor", FLAG_INT, &relay_factor,
                "Answers of the members come back by way of this many others too, chosen at random. At most 5."},
        {NULL},
};

const struct command_page page_keyring = {
        .text = "Usage: consul keyring [options]\n\n"
                "  Manages the keys with which members encrypt their gossip: a new key is\n"
                "  installed, then used, then the old one removed, without a pause. LAN and WAN\n"
                "  pools change together. The agent asked must be a server.",
        .flags = flags,
        .asks = ASKS_AGENT,
};

struct action {
	const char *method, *key, *intent;
};

static struct action action_wanted(void)
{
	if (list)
		return (struct action){"GET", NULL, "Gathering installed encryption keys..."};
	if (*install)
		return (struct action){"POST", install, "Installing new gossip encryption key..."};
	if (*use)
		return (struct action){"PUT", use, "Changing primary gossip encryption key..."};
	return (struct action){"DELETE", removed, "Removing gossip encryption key..."};
}

static void pool_show(const struct value *pool)
{
	struct slice segment = value_text(pool, "Segment");
	if (value_flag(pool, "WAN"))
		say("\nWAN:");
	else if (segment.n)
		say("\n%.*s (LAN) [%.*s]:", PS(value_text(pool, "Datacenter")), PS(segment));
	else
		say("\n%.*s (LAN):", PS(value_text(pool, "Datacenter")));
	const struct value *keys = value_get_fold(pool, S("Keys"));
	for (uint32_t i = 0; keys && keys->type == V_OBJECT && i < keys->n; i++)
		say("  %.*s [%.*s/%llu]", PS(keys->entries[i].key), PS(keys->entries[i].val.text),
		        (unsigned long long)value_number(pool, "NumNodes"));
}

static enum err action_do(struct client *c, const struct action *a, struct fail *f)
{
	struct client_answer answer;
	struct buf body = {0};
	struct client_request r = client_request(c, a->method, "/v1/operator/keyring");
	if (relay_factor)
		request_param_fmt(c, &r, "relay-factor", "%lld", (long long)relay_factor);
	if (!a->key) {
		struct value pools;
		if (client_ask_json(c, &r, &pools, NULL, f) != OK)
			return f->code;
		for (uint32_t i = 0; pools.type == V_LIST && i < pools.n; i++)
			pool_show(&pools.items[i]);
		return OK;
	}
	BUF_LIT(&body, "{\"Key\":");
	json_string(&body, slice_of(a->key));
	BUF_LIT(&body, "}\n");
	request_body(&r, buf_view(&body));
	enum err e = client_ask_ok(c, &r, &answer, f);
	buf_free(&body);
	return e;
}

int cmd_keyring(struct words words)
{
	(void)words;
	unsigned actions = list + (*install != 0) + (*use != 0) + (*removed != 0);
	if (actions > 1) {
		complain("Only a single action is allowed");
		return FAILED;
	}
	if (!actions) {
		page_show(&page_keyring, stderr);
		return FAILED;
	}
	if (relay_factor < 0 || relay_factor > RELAY_FACTOR_MAX) {
		complain("Error parsing relay factor: Relay factor must be in range: [0, %d]", RELAY_FACTOR_MAX);
		return FAILED;
	}
	struct client *c = client_for_command();
	if (!c)
		return FAILED;
	struct fail f;
	struct action a = action_wanted();
	say("==> %s", a.intent);
	enum err e = action_do(c, &a, &f);
	if (e != OK)
		complain("error: %s", f.text);
	client_close(c);
	return e == OK ? DONE : FAILED;
}
