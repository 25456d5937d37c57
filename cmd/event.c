/* consul event */
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/filter.h"
#include "cmd/say.h"
#include "core/base/slice.h"

static const char *name = "";
static struct node_filter filter = {"", "", ""};

static const struct flag flags[] = {
        {"name", FLAG_STRING, &name, "The name of the event."},
        {"node", FLAG_STRING, &filter.node, "Only nodes whose name matches this regular expression shall act on it."},
        {"service", FLAG_STRING, &filter.service, "Only nodes with a service that matches this regular expression."},
        {"tag", FLAG_STRING, &filter.tag, "Only nodes on which a tag of -service matches this regular expression."},
        {NULL},
};

const struct command_page page_event = {
        .text = "Usage: consul event [options] [payload]\n\n"
                "  Fires an event, with some data if need be, that reaches all nodes of the\n"
                "  datacenter, or those that the filters let through.",
        .flags = flags,
        .asks = ASKS_AGENT,
};

static enum err fire(struct client *c, struct words words, struct slice *id, struct fail *f)
{
	struct value answer;
	struct client_request r = client_request(c, "PUT", "/v1/event/fire/%s", name);
	node_filter_params(&filter, &r);
	if (words.n)
		request_body(&r, slice_of(words.at[0]));
	if (client_ask_json(c, &r, &answer, NULL, f) != OK)
		return f->code;
	*id = value_text(&answer, "ID");
	return OK;
}

static int event_fire(struct client *c, struct words words)
{
	struct fail f;
	struct slice node, id;
	if (client_node_name(c, &node, &f) != OK)
		return give_up("Error querying Consul agent", &f);
	if (fire(c, words, &id, &f) != OK)
		return give_up("Error firing event", &f);
	say("Event ID: %.*s", PS(id));
	return DONE;
}

int cmd_event(struct words words)
{
	if (!*name)
		return misused(&page_event, "Event name must be specified");
	struct fail f;
	if (node_filter_check(&filter, &f) != OK) {
		complain("%s", f.text);
		return FAILED;
	}
	if (words.n > 1)
		return misused(&page_event, "Too many command line arguments.");
	struct client *c = client_for_command();
	int code = c ? event_fire(c, words) : FAILED;
	client_close(c);
	return code;
}
