/* consul members */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/client.h"
#include "cmd/columns.h"
#include "cmd/command.h"
#include "cmd/say.h"
#include "core/base/pattern.h"
#include "core/base/slice.h"

static bool detailed, wan;
static const char *status = ".*", *segment = CLIENT_ALL_SEGMENTS;

static const struct flag flags[] = {
        {"detailed", FLAG_BOOL, &detailed, "Shows everything that the members say of themselves."},
        {"wan", FLAG_BOOL, &wan, "Shows the WAN pool: the servers of all datacenters. Only a server knows it."},
        {"status", FLAG_STRING, &status, "Shows only members whose status matches this regular expression."},
        {"segment", FLAG_STRING, &segment, "Shows only members of this network segment (Enterprise only)."},
        {NULL},
};

const struct command_page page_members = {
        .text = "Usage: consul members [options]\n\n"
                "  Lists the members of the pool that the agent knows.",
        .flags = flags,
        .asks = ASKS_AGENT,
};

/* ---- tags ---- */

static struct slice tag(const struct client_member *m, const char *key)
{
	for (size_t i = 0; i < m->tag_count; i++)
		if (slice_is(m->tags[i].key, key))
			return m->tags[i].val;
	return S_NONE;
}

static void tag_set(struct client_member *m, const char *key, struct slice val)
{
	size_t i = 0;
	while (i < m->tag_count && slice_cmp(m->tags[i].key, slice_of(key)) < 0)
		i++;
	if (i == m->tag_count || !slice_is(m->tags[i].key, key)) {
		memmove(&m->tags[i + 1], &m->tags[i], (m->tag_count - i) * sizeof(*m->tags));
		m->tag_count++;
	}
	m->tags[i] = (struct pair){slice_of(key), val};
}

/* A server is in every segment; others without one are in the default one. */
static void segment_name(struct client_member *m)
{
	if (!tag(m, "segment").n)
		tag_set(m, "segment", S("<default>"));
	if (!strcmp(segment, CLIENT_ALL_SEGMENTS) && slice_is(tag(m, "role"), "consul"))
		tag_set(m, "segment", S("<all>"));
}

/* ---- the list ---- */

static int member_cmp(const void *a, const void *b)
{
	const struct client_member *x = a, *y = b;
	int c = slice_cmp(tag(x, "segment"), tag(y, "segment"));
	return c ? c : slice_cmp(x->name, y->name);
}

static size_t members_select(struct client_member *m, size_t n, const struct pattern *wanted)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		segment_name(&m[i]);
		if (pattern_match(wanted, m[i].status))
			m[kept++] = m[i];
	}
	qsort(m, kept, sizeof(*m), member_cmp);
	return kept;
}

static void place_put(struct buf *b, const struct client_member *m)
{
	bool ip6 = slice_find(m->address, ':') >= 0;
	buf_fmt(b, "%.*s|%s%.*s%s:%u|%.*s|", PS(m->name), ip6 ? "[" : "", PS(m->address), ip6 ? "]" : "", m->port,
	        PS(m->status));
}

static void row_put(struct buf *b, const struct client_member *m)
{
	struct slice role = tag(m, "role"), build = tag(m, "build");
	const char *type = slice_is(role, "node") ? "client" : slice_is(role, "consul") ? "server" : NULL;
	struct slice release = build.n ? slice_next(&build, ':') : S("< 0.3");
	place_put(b, m);
	if (!type) {
		BUF_LIT(b, "unknown||||\n");
		return;
	}
	buf_fmt(b, "%s|%.*s|%.*s|%.*s|%.*s\n", type, PS(release), PS(tag(m, "vsn")), PS(tag(m, "dc")),
	        PS(tag(m, "segment")));
}

static void detailed_row_put(struct buf *b, const struct client_member *m)
{
	place_put(b, m);
	for (size_t i = 0; i < m->tag_count; i++)
		buf_fmt(b, "%s%.*s=%.*s", i ? "," : "", PS(m->tags[i].key), PS(m->tags[i].val));
	buf_char(b, '\n');
}

static void members_show(const struct client_member *m, size_t n)
{
	struct buf rows = {0}, table = {0};
	buf_cstr(&rows,
	        detailed ? "Node|Address|Status|Tags\n" : "Node|Address|Status|Type|Build|Protocol|DC|Segment\n");
	for (size_t i = 0; i < n; i++)
		(detailed ? detailed_row_put : row_put)(&rows, &m[i]);
	columns_format(buf_view(&rows), &table);
	say_bytes(buf_view(&table));
	buf_free(&rows);
	buf_free(&table);
}

static int members_list(struct client *c, const struct pattern *wanted)
{
	struct fail f;
	struct client_member *m;
	size_t n;
	if (client_members(c, wan, segment, &m, &n, &f) != OK)
		return give_up("Error retrieving members", &f);
	n = members_select(m, n, wanted);
	if (!n)
		return NOTHING_FOUND;
	members_show(m, n);
	return DONE;
}

int cmd_members(struct words words)
{
	(void)words;
	struct fail f;
	struct pattern *wanted;
	if (pattern_compile(slice_of(status), &wanted, &f) != OK)
		return give_up("Failed to compile status regexp", &f);
	struct client *c = client_for_command();
	int code = c ? members_list(c, wanted) : FAILED;
	client_close(c);
	pattern_free(wanted);
	return code;
}
