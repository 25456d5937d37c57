/* What an agent can be asked on both of its ports: members, statistics, join, leave, reload, its log. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/client_transport.h"
#include "core/base/enc.h"
#include "core/base/slice.h"

/* Sends a request whose answer says nothing but that it was done. */
static enum err done(struct client *c, const struct client_request *r, struct fail *f)
{
	struct client_answer a;
	return client_ask_ok(c, r, &a, f);
}

/* ---- members ---- */

static struct slice status_name(uint64_t status)
{
	static const char *const names[] = {"none", "alive", "leaving", "left", "failed"};
	return slice_of(status < ARRAY_LEN(names) ? names[status] : "none");
}

static int tag_cmp(const void *a, const void *b)
{
	return slice_cmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static void tags_read(const struct value *tags, struct arena *arena, struct client_member *m)
{
	size_t n = tags && tags->type == V_OBJECT ? tags->n : 0;
	m->tags = ARENA_ARRAY(arena, struct pair, n + 1); /* one more: a segment may be added */
	for (size_t i = 0; m->tags && i < n; i++)
		m->tags[m->tag_count++] = (struct pair){tags->entries[i].key, tags->entries[i].val.text};
	if (m->tags)
		qsort(m->tags, m->tag_count, sizeof(*m->tags), tag_cmp);
}

static enum err members_read(
        const struct value *list, struct arena *arena, struct client_member **out, size_t *n, struct fail *f)
{
	*n = list->type == V_LIST ? list->n : 0;
	*out = ARENA_ARRAY(arena, struct client_member, *n);
	for (size_t i = 0; *out && i < *n; i++) {
		const struct value *v = &list->items[i];
		struct client_member *m = &(*out)[i];
		m->name = value_text(v, "Name");
		m->address = value_text(v, "Addr");
		m->port = (uint16_t)value_number(v, "Port");
		m->status = status_name(value_number(v, "Status"));
		tags_read(value_get_fold(v, S("Tags")), arena, m);
	}
	return arena->failed ? fail_set(f, ERR_NO_MEMORY, "out of memory") : OK;
}

enum err client_members(
        struct client *c, bool wan, const char *segment, struct client_member **out, size_t *n, struct fail *f)
{
	if (c->is_ipc && !strcmp(segment, CLIENT_ALL_SEGMENTS)) /* the command knows of no segments */
		return client_ipc_members(c, wan, out, n, f);
	struct value list;
	struct client_request r = client_request(c, "GET", "/v1/agent/members");
	request_param(&r, "segment", slice_of(segment));
	if (wan)
		request_param(&r, "wan", S("1"));
	if (client_ask_json(c, &r, &list, NULL, f) != OK)
		return f->code;
	return members_read(&list, &c->arena, out, n, f);
}

/* ---- the agent itself ---- */

static enum err self(struct client *c, struct value *out, struct fail *f)
{
	struct client_request r = client_request(c, "GET", "/v1/agent/self");
	return client_ask_json(c, &r, out, NULL, f);
}

enum err client_node_name(struct client *c, struct slice *out, struct fail *f)
{
	struct value v;
	if (self(c, &v, f) != OK)
		return f->code;
	*out = value_text(value_get_fold(&v, S("Config")), "NodeName");
	return OK;
}

enum err client_stats(struct client *c, struct value *out, struct fail *f)
{
	if (c->is_ipc)
		return client_ipc_stats(c, out, f);
	struct value v;
	if (self(c, &v, f) != OK)
		return f->code;
	const struct value *stats = value_get(&v, S("Stats"));
	*out = stats ? *stats : (struct value){.type = V_OBJECT};
	return OK;
}

enum err client_join(struct client *c, bool wan, char *const *addresses, size_t n, unsigned *joined, struct fail *f)
{
	*joined = 0;
	if (c->is_ipc)
		return client_ipc_join(c, wan, addresses, n, joined, f);
	for (size_t i = 0; i < n; i++) {
		struct client_request r = client_request(c, "PUT", "/v1/agent/join/%s", addresses[i]);
		if (wan)
			request_param(&r, "wan", S("1"));
		if (done(c, &r, f) != OK)
			return f->code;
		++*joined;
	}
	return OK;
}

enum err client_force_leave(struct client *c, const char *node, bool prune, struct fail *f)
{
	if (c->is_ipc)
		return client_ipc_force_leave(c, node, prune, f);
	struct client_request r = client_request(c, "PUT", "/v1/agent/force-leave/%s", node);
	if (prune)
		request_param(&r, "prune", S("1"));
	return done(c, &r, f);
}

enum err client_leave(struct client *c, struct fail *f)
{
	if (c->is_ipc)
		return client_ipc_leave(c, f);
	struct client_request r = client_request(c, "PUT", "/v1/agent/leave");
	return done(c, &r, f);
}

enum err client_reload(struct client *c, struct fail *f)
{
	if (c->is_ipc)
		return client_ipc_reload(c, f);
	struct client_request r = client_request(c, "PUT", "/v1/agent/reload");
	return done(c, &r, f);
}

/* ---- its log ---- */

enum { LINE_MAX_BYTES = 64 * 1024 };

struct log_lines {
	struct buf rest; /* of a line not whole yet */
	void (*line)(struct slice text);
};

static bool log_piece(void *owner, struct slice piece)
{
	struct log_lines *l = owner;
	buf_slice(&l->rest, piece);
	struct slice text = buf_view(&l->rest);
	ptrdiff_t end;
	while ((end = slice_find(text, '\n')) >= 0) {
		l->line(slice_cut(text, 0, (size_t)end));
		text = slice_from(text, (size_t)end + 1);
	}
	buf_consume(&l->rest, l->rest.n - text.n);
	return l->rest.n < LINE_MAX_BYTES && !l->rest.failed;
}

enum err client_monitor(struct client *c, const char *level, void (*line)(struct slice text), struct fail *f)
{
	if (c->is_ipc)
		return client_ipc_monitor(c, level, line, f);
	struct log_lines lines = {.line = line};
	struct client_answer a = {0};
	struct buf target = {0};
	BUF_LIT(&target, "/v1/agent/monitor");
	if (*level) {
		BUF_LIT(&target, "?loglevel=");
		percent_put_query(&target, slice_of(level));
	}
	struct client_wire w = {.method = "GET", .target = buf_view(&target), .token = c->token};
	enum err e = client_http_ask(c, &w, log_piece, &lines, &a, f);
	if (a.status == 200)
		e = OK; /* it ended later, however */
	else if (e == OK)
		e = fail_set(f, ERR_FAILED, "Unexpected response code: %d (%.*s)", a.status, PS(a.body));
	buf_free(&target);
	buf_free(&lines.rest);
	return e;
}
