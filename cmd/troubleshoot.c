/* consul troubleshoot (ours; the reference has none) */
#include "cmd/client.h"
#include "cmd/columns.h"
#include "cmd/command.h"
#include "cmd/input.h"
#include "cmd/say.h"
#include "cmd/troubleshoot_probe.h"
#include "core/base/enc.h"
#include "core/base/json.h"
#include "core/base/num.h"
#include "core/base/slice.h"

static bool as_json;
static dur_ns timeout = 2 * NS_PER_S;
static const char *encrypt = "";

static const struct flag flags[] = {
        {"json", FLAG_BOOL, &as_json, "Prints the findings as JSON: a list, one object a port."},
        {"timeout", FLAG_DURATION, &timeout, "Waits at most so long for each answer."},
        {"encrypt", FLAG_STRING, &encrypt,
                "Asks with this gossip key. Without it the keyring in the agent's data directory is read, or the agent "
                "is "
                "asked for its keyring, when gossip is encrypted."},
        {NULL},
};

const struct command_page page_troubleshoot = {
        .text = "Usage: consul troubleshoot [options]\n\n"
                "  Tries, from this machine, every port that the members known to the agent\n"
                "  should serve at the addresses they tell each other: gossip over UDP and TCP,\n"
                "  LAN and WAN, and the port of servers. Shows who can be reached, how long it\n"
                "  takes, and for what cannot be reached the flag, port mapping or firewall rule\n"
                "  that would mend it. Exits with 2 if something could not be reached.\n\n"
                "  Run it where the agent runs. The WAN pool is known to servers only.",
        .flags = flags,
        .asks = ASKS_AGENT,
};

/* ---- what the agent knows ---- */

/* What is there to ask with. */
struct gathered {
	struct probes probes;
	struct probing how;
};

static bool serf_says_encrypted(const struct value *stats)
{
	const struct value *lan = value_get(stats, S("serf_lan"));
	return slice_is(value_text(lan, "encrypted"), "true");
}

/* The key that most members of the LAN have. */
static struct slice commonest_key(const struct value *pools)
{
	uint64_t most = 0;
	struct slice key = S_NONE;
	for (uint32_t i = 0; pools->type == V_LIST && i < pools->n; i++) {
		const struct value *keys = value_get_fold(&pools->items[i], S("Keys"));
		for (uint32_t k = 0; keys && keys->type == V_OBJECT && k < keys->n; k++) {
			uint64_t n = 0;
			if (value_u64(&keys->entries[k].val, &n) && n > most) {
				most = n;
				key = keys->entries[k].key;
			}
		}
	}
	return key;
}

/* The file in which an agent on this machine keeps its keys: the one it seals with comes first. */
static struct slice key_of_file(struct client *c, struct slice data_dir)
{
	struct value ring;
	struct buf b = {0};
	struct slice path = arena_str(client_arena(c), "%.*s/serf/local.keyring", PS(data_dir)), key = S_NONE;
	if (data_dir.n && input_file(path.p, &b, NULL) == OK &&
	        json_read(buf_view(&b), client_arena(c), &ring, NULL) == OK && ring.type == V_LIST && ring.n)
		key = arena_copy(client_arena(c), ring.items[0].text);
	buf_free(&b);
	return key;
}

static struct slice key_text(struct client *c, struct slice data_dir)
{
	struct fail f;
	struct value pools;
	struct slice own = *encrypt ? slice_of(encrypt) : key_of_file(c, data_dir);
	if (own.n)
		return own;
	struct client_request r = client_request(c, "GET", "/v1/operator/keyring");
	if (client_ask_json(c, &r, &pools, NULL, &f) == OK)
		return commonest_key(&pools);
	complain("Gossip is encrypted and neither the keyring in the data directory can be read nor the agent asked: "
	         "give "
	         "a key with -encrypt. TCP is only connected to, UDP not tried.\n%s\n",
	        f.text);
	return S_NONE;
}

static enum err take_key(struct client *c, struct gathered *g, struct slice data_dir, struct fail *f)
{
	struct slice text = key_text(c, data_dir);
	return text.n ? base64_get(text, client_arena(c), &g->how.key, f) : OK;
}

static enum err take_pool(struct client *c, struct gathered *g, bool wan, struct slice self, struct fail *f)
{
	struct client_member *m;
	size_t n;
	enum err e = client_members(c, wan, CLIENT_ALL_SEGMENTS, &m, &n, f);
	if (!e && !plan_pool(&g->probes, m, n, wan, self, client_arena(c)))
		e = fail_set(f, ERR_NO_MEMORY, "out of memory");
	return e;
}

static enum err gather(struct client *c, struct gathered *g, struct fail *f)
{
	struct value self;
	struct fail ignored;
	struct client_request r = client_request(c, "GET", "/v1/agent/self");
	if (client_ask_json(c, &r, &self, NULL, f) != OK)
		return f->code;
	const struct value *config = value_get_fold(&self, S("Config"));
	struct slice name = value_text(config, "NodeName"), dc = value_text(config, "Datacenter");
	enum err e = take_pool(c, g, false, name, f);
	if (!e) /* a client does not know the WAN */
		take_pool(c, g, true, arena_str(client_arena(c), "%.*s.%.*s", PS(name), PS(dc)), &ignored);
	g->how.timeout = timeout > 0 ? timeout : NS_PER_S;
	g->how.encrypted = *encrypt || serf_says_encrypted(value_get_fold(&self, S("Stats")));
	if (!e && g->how.encrypted)
		e = take_key(c, g, value_text(value_get_fold(&self, S("DebugConfig")), "DataDir"), f);
	return e;
}

/* ---- the table ---- */

static bool failing(const struct probe *p)
{
	return p->result != PROBE_OK && p->result != PROBE_NOT_ASKED;
}

static void row_put(struct buf *b, const struct probe *p)
{
	char at[ADDRESS_TEXT];
	address_print(&p->at, at);
	buf_fmt(b, "%.*s|%s|%.*s|%s|%s|%s|%s|", PS(p->name), p->wan ? "wan" : "lan", PS(p->status), at, probe_serves(p),
	        probe_protocol(p), probe_said(p));
	if (p->result == PROBE_OK)
		buf_fmt(b, "%.2f ms", (double)p->rtt / 1e6);
	buf_char(b, '\n');
}

static void table_show(const struct probes *p)
{
	struct buf rows = {0}, table = {0};
	buf_cstr(&rows, "Node|Pool|Status|Address|Serves|Protocol|Result|Round trip\n");
	for (size_t i = 0; i < p->n; i++)
		row_put(&rows, &p->items[i]);
	columns_format(buf_view(&rows), &table);
	say_bytes(buf_view(&table));
	buf_free(&rows);
	buf_free(&table);
}

static void advice_show(const struct gathered *g, struct arena *a)
{
	const struct probes *p = &g->probes;
	bool any = false;
	for (size_t i = 0; i < p->n; i += plan_together(p, i)) {
		struct slice advice = plan_advice(&p->items[i], plan_together(p, i), g->how.key.n > 0, a);
		if (!advice.n)
			continue;
		say("%s* %.*s%s: %.*s", any ? "" : "\n", PS(p->items[i].name), p->items[i].wan ? " (wan)" : "",
		        PS(advice));
		any = true;
	}
	if (!any)
		say("\nAll that was tried can be reached from here.");
}

/* ---- JSON ---- */

static void member_put(struct buf *b, const char *key, struct slice text)
{
	buf_fmt(b, ",\n        \"%s\": ", key);
	json_string(b, text);
}

static void object_put(struct buf *b, const struct probe *p, struct slice advice)
{
	char ip[ADDRESS_TEXT];
	address_print_ip(&p->at, ip);
	BUF_LIT(b, "    {\n        \"Node\": ");
	json_string(b, p->name);
	member_put(b, "Pool", slice_of(p->wan ? "wan" : "lan"));
	member_put(b, "Status", p->status);
	member_put(b, "Address", slice_of(ip));
	buf_fmt(b, ",\n        \"Port\": %u", p->at.port);
	member_put(b, "Serves", slice_of(probe_serves(p)));
	member_put(b, "Protocol", slice_of(probe_protocol(p)));
	buf_fmt(b, ",\n        \"Reached\": %s", p->result == PROBE_OK ? "true" : "false");
	member_put(b, "Result", slice_of(probe_said(p)));
	if (p->result == PROBE_OK)
		buf_fmt(b, ",\n        \"RoundTripMs\": %.3f", (double)p->rtt / 1e6);
	member_put(b, "Advice", failing(p) ? advice : S(""));
	BUF_LIT(b, "\n    }");
}

static void json_show(const struct gathered *g, struct arena *a)
{
	const struct probes *p = &g->probes;
	struct buf b = {0};
	struct slice advice = S_NONE;
	size_t next = 0;
	BUF_LIT(&b, "[");
	for (size_t i = 0; i < p->n; i++) {
		if (i == next) {
			size_t n = plan_together(p, i);
			advice = plan_advice(&p->items[i], n, g->how.key.n > 0, a);
			next = i + n;
		}
		buf_cstr(&b, i ? ",\n" : "\n");
		object_put(&b, &p->items[i], advice);
	}
	BUF_LIT(&b, "\n]");
	say_bytes(buf_view(&b));
	buf_free(&b);
}

/* ---- the command ---- */

static int findings_show(const struct gathered *g, struct arena *a)
{
	if (as_json) {
		json_show(g, a);
	} else {
		table_show(&g->probes);
		advice_show(g, a);
	}
	for (size_t i = 0; i < g->probes.n; i++)
		if (failing(&g->probes.items[i]))
			return NOTHING_FOUND;
	return DONE;
}

int cmd_troubleshoot(struct words words)
{
	struct fail f;
	struct gathered g = {0};
	if (words.n)
		return too_many(0, words.n);
	struct client *c = client_for_command();
	if (!c)
		return FAILED;
	int code = FAILED;
	enum err e = gather(c, &g, &f);
	if (!e)
		e = probes_run(&g.probes, &g.how, &f);
	if (e)
		complain("Error: %s", f.text);
	else
		code = findings_show(&g, client_arena(c));
	client_close(c);
	return code;
}
