/* consul rtt */
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/say.h"
#include "core/base/slice.h"
#include "core/method/near.h"

static bool wan;

static const struct flag flags[] = {
        {"wan", FLAG_BOOL, &wan,
                "Uses the coordinates of servers in the WAN pool; names are then <node>.<datacenter>."},
        {NULL},
};

const struct command_page page_rtt = {
        .text = "Usage: consul rtt [options] node1 [node2]\n\n"
                "  Estimates the round trip time between two nodes of the datacenter from their\n"
                "  network coordinates. The second node is that of the agent if only one is named.\n"
                "  Names are those that \"consul members\" shows.\n\n"
                "  With -wan the nodes are servers, perhaps of different datacenters, named like\n"
                "  \"myserver.dc1\". LAN and WAN coordinates cannot be compared.",
        .flags = flags,
        .asks = ASKS_AGENT,
};

/* ---- distance ---- */

static double number(const struct value *coordinate, const char *key)
{
	const struct value *v = value_get_fold(coordinate, slice_of(key));
	double d = 0;
	return v && value_double(v, &d) ? d : 0;
}

static struct coordinate coordinate_read(const struct value *v, struct arena *a)
{
	const struct value *vec = value_get_fold(v, S("Vec"));
	uint32_t n = vec && vec->type == V_LIST ? vec->n : 0;
	double *at = ARENA_ARRAY(a, double, n);
	for (uint32_t i = 0; at && i < n; i++)
		value_double(&vec->items[i], &at[i]);
	return (struct coordinate){
	        .vec = {at, at ? n : 0},
	        .adjustment = number(v, "Adjustment"),
	        .height = number(v, "Height"),
	};
}

struct ends {
	struct slice name[2];
	const struct value *coordinate[2];
};

static int ends_show(struct client *c, const struct ends *e)
{
	for (int i = 0; i < 2; i++) {
		if (!e->coordinate[i]) {
			complain("Could not find a coordinate for node %s", quoted(e->name[i]));
			return FAILED;
		}
	}
	struct coordinate a = coordinate_read(e->coordinate[0], client_arena(c));
	struct coordinate b = coordinate_read(e->coordinate[1], client_arena(c));
	int64_t ns = (int64_t)(coordinate_distance(&a, &b) * 1e9);
	say("Estimated %.*s <-> %.*s rtt: %.3f ms (using %s coordinates)", PS(e->name[0]), PS(e->name[1]),
	        (double)ns / 1e9 * 1000.0, wan ? "WAN" : "LAN");
	return DONE;
}

/* ---- within the datacenter ---- */

/* A node has a coordinate in each network segment it is in. Where it is in one only, that one counts. */
static const struct value *in_segment(const struct value *list, struct slice node, struct slice segment)
{
	const struct value *found = NULL;
	for (uint32_t i = 0; list->type == V_LIST && i < list->n; i++)
		if (slice_eq(value_text(&list->items[i], "Node"), node) &&
		        slice_eq(value_text(&list->items[i], "Segment"), segment))
			found = value_get_fold(&list->items[i], S("Coord"));
	return found;
}

static void only_segment(const struct value *list, struct slice node, struct slice *segment)
{
	size_t n = 0;
	struct slice one = S_NONE;
	for (uint32_t i = 0; list->type == V_LIST && i < list->n; i++) {
		if (slice_eq(value_text(&list->items[i], "Node"), node)) {
			one = value_text(&list->items[i], "Segment");
			n++;
		}
	}
	if (n == 1)
		*segment = one;
}

static int coordinates_failed(const struct fail *f)
{
	complain("Error getting coordinates: %s", f->text);
	return FAILED;
}

static int self_failed(const struct fail *f)
{
	complain("Unable to look up agent info: %s", f->text);
	return FAILED;
}

static int rtt_lan(struct client *c, struct ends *e)
{
	struct fail f;
	struct value list;
	if (!e->name[1].p && client_node_name(c, &e->name[1], &f) != OK)
		return self_failed(&f);
	struct client_request r = client_request(c, "GET", "/v1/coordinate/nodes");
	if (client_ask_json(c, &r, &list, NULL, &f) != OK)
		return coordinates_failed(&f);
	struct slice segment = S("");
	only_segment(&list, e->name[0], &segment);
	only_segment(&list, e->name[1], &segment);
	for (int i = 0; i < 2; i++)
		e->coordinate[i] = in_segment(&list, e->name[i], segment);
	return ends_show(c, e);
}

/* ---- between datacenters ---- */

static enum err own_wan_name(struct client *c, struct slice *out, struct fail *f)
{
	struct value self;
	struct client_request r = client_request(c, "GET", "/v1/agent/self");
	if (client_ask_json(c, &r, &self, NULL, f) != OK)
		return f->code;
	const struct value *config = value_get_fold(&self, S("Config"));
	*out = arena_str(
	        client_arena(c), "%.*s.%.*s", PS(value_text(config, "NodeName")), PS(value_text(config, "Datacenter")));
	return OK;
}

/* "node.dc" in its two parts. */
static bool wan_name(struct slice name, struct slice *node, struct slice *dc)
{
	ptrdiff_t dot = slice_find(name, '.');
	if (dot < 0 || slice_find_last(name, '.') != dot)
		return false;
	*node = slice_cut(name, 0, (size_t)dot);
	*dc = slice_from(name, (size_t)dot + 1);
	return true;
}

/* Looks for both ends until they are found in one network area. */
static void wan_find(const struct value *dcs, const struct slice node[2], const struct slice dc[2], struct ends *e)
{
	struct slice area[2] = {S(""), S("")};
	for (uint32_t i = 0; dcs->type == V_LIST && i < dcs->n; i++) {
		const struct value *list = value_get_fold(&dcs->items[i], S("Coordinates"));
		for (uint32_t k = 0; list && list->type == V_LIST && k < list->n; k++) {
			for (int end = 0; end < 2; end++) {
				if (!slice_eq(value_text(&dcs->items[i], "Datacenter"), dc[end]) ||
				        !slice_eq(value_text(&list->items[k], "Node"), node[end]))
					continue;
				area[end] = value_text(&dcs->items[i], "AreaID");
				e->coordinate[end] = value_get_fold(&list->items[k], S("Coord"));
			}
			if (e->coordinate[0] && e->coordinate[1] && slice_eq(area[0], area[1]))
				return;
		}
	}
	e->coordinate[0] = e->coordinate[1] = NULL;
}

static int rtt_wan(struct client *c, struct ends *e)
{
	struct fail f;
	struct value dcs;
	struct slice node[2], dc[2];
	if (!e->name[1].p && own_wan_name(c, &e->name[1], &f) != OK)
		return self_failed(&f);
	if (!wan_name(e->name[0], &node[0], &dc[0]) || !wan_name(e->name[1], &node[1], &dc[1])) {
		complain("Node names must be specified as <node name>.<datacenter> with -wan");
		return FAILED;
	}
	struct client_request r = client_request(c, "GET", "/v1/coordinate/datacenters");
	if (client_ask_json(c, &r, &dcs, NULL, &f) != OK)
		return coordinates_failed(&f);
	wan_find(&dcs, node, dc, e);
	return ends_show(c, e);
}

int cmd_rtt(struct words words)
{
	if (words.n < 1 || words.n > 2)
		return misused(&page_rtt, "One or two node names must be specified");
	struct client *c = client_for_command();
	if (!c)
		return FAILED;
	struct ends e = {.name = {slice_of(words.at[0]), words.n > 1 ? slice_of(words.at[1]) : S_NONE}};
	int code = wan ? rtt_wan(c, &e) : rtt_lan(c, &e);
	client_close(c);
	return code;
}
