#include "core/state/query_template.h"

#include "core/base/hil.h"
#include "core/base/pattern.h"
#include "core/base/slice.h"

/* A text that may hold ${…}, in the copy that is filled in. */
struct part {
	struct slice *text;
	const char *path;
	struct slice key; /* behind the path, in brackets; none: S_NONE */
	const struct hil_node *tree;
};

struct render {
	struct prepared_query *q;
	struct arena *a;
	struct fail *f;
	struct part *parts;
	uint32_t n;
};

static void part_add(struct render *r, struct slice *text, const char *path, struct slice key)
{
	r->parts[r->n++] = (struct part){.text = text, .path = path, .key = key};
}

/* Copies the list, whose texts are about to change, and adds them. */
static void parts_add(struct render *r, struct list *texts, const char *path)
{
	struct slice *to = texts->n ? ARENA_ARRAY(r->a, struct slice, texts->n) : NULL;
	if (!to)
		return;
	memcpy(to, texts->items, texts->n * sizeof *to);
	texts->items = to;
	for (uint32_t i = 0; i < texts->n; i++)
		part_add(r, &to[i], path, arena_str(r->a, "%u", i));
}

static void pairs_add(struct render *r, struct list *map, const char *path)
{
	struct pair *to = map->n ? ARENA_ARRAY(r->a, struct pair, map->n) : NULL;
	if (!to)
		return;
	memcpy(to, map->items, map->n * sizeof *to);
	map->items = to;
	for (uint32_t i = 0; i < map->n; i++)
		part_add(r, &to[i].val, path, to[i].key);
}

/* In the order of the fields, which is that of the complaints. */
static bool collect(struct render *r, const struct prepared_query *from)
{
	r->q = ARENA_NEW(r->a, struct prepared_query);
	r->parts = ARENA_ARRAY(r->a, struct part,
	        2 + (size_t)from->service.failover.datacenters.n + from->service.ignore_check_ids.n +
	                from->service.tags.n + from->service.node_meta.n);
	if (!r->q || !r->parts)
		return false;
	*r->q = *from;
	part_add(r, &r->q->service.service, ".Service", S_NONE);
	parts_add(r, &r->q->service.failover.datacenters, ".Failover.Datacenters");
	parts_add(r, &r->q->service.ignore_check_ids, ".IgnoreCheckIDs");
	part_add(r, &r->q->service.near, ".Near", S_NONE);
	parts_add(r, &r->q->service.tags, ".Tags");
	pairs_add(r, &r->q->service.node_meta, ".NodeMeta");
	return !r->a->failed;
}

static enum err complain(const struct render *r, const struct part *p, const char *what)
{
	bool keyed = p->key.p != NULL;
	return fail_wrap(r->f, "Bad %s '%.*s' in Service%s%s%.*s%s", what, PS(*p->text), p->path, keyed ? "[" : "",
	        PS(p->key), keyed ? "]" : "");
}

static enum err parse(struct render *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (hil_parse(*r->parts[i].text, r->a, &r->parts[i].tree, r->f))
			return complain(r, &r->parts[i], "format");
	return OK;
}

static enum err evaluate(struct render *r, const struct hil_scope *scope)
{
	for (uint32_t i = 0; i < r->n; i++) {
		struct slice text = S_NONE;
		if (hil_eval(r->parts[i].tree, scope, r->a, &text, r->f))
			return complain(r, &r->parts[i], "evaluation for");
		*r->parts[i].text = text;
	}
	return OK;
}

/* What the expression, if there is one, finds in the name. */
static enum err find(struct render *r, struct slice name, struct hil_scope *scope)
{
	struct pattern *p;
	if (!r->q->template.regexp.n)
		return OK;
	if (pattern_compile(r->q->template.regexp, &p, r->f))
		return fail_wrap(r->f, "Bad Regexp");
	size_t n = (size_t)pattern_groups(p) + 1;
	struct slice *found = ARENA_ARRAY(r->a, struct slice, n);
	bool fits = pattern_findable(p);
	if (found && fits && pattern_find(p, name, found, n)) {
		scope->matches = found;
		scope->match_n = n;
	}
	pattern_free(p);
	if (!fits)
		return fail_set(r->f, ERR_FULL, "Bad Regexp: error parsing regexp: too many groups for its length");
	return found ? OK : fail_set(r->f, ERR_NO_MEMORY, "out of memory");
}

static void drop_empty(struct list *texts)
{
	struct slice *t = texts->items;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < texts->n; i++)
		if (t[i].n)
			t[kept++] = t[i];
	texts->n = kept;
	if (!kept)
		texts->items = list_empty;
}

enum err query_template_render(const struct prepared_query *q, struct slice name, struct slice segment, struct arena *a,
        const struct prepared_query **out, struct fail *f)
{
	struct render r = {.a = a, .f = f};
	const struct pair names[] = {
	        {S("name.full"), name},
	        {S("name.prefix"), q->name},
	        {S("name.suffix"), slice_starts(name, q->name) ? slice_from(name, q->name.n) : name},
	        {S("agent.segment"), segment},
	};
	struct hil_scope scope = {.names = names, .name_n = ARRAY_LEN(names)};
	if (!slice_is(q->template.type, "name_prefix_match"))
		return fail_set(f, ERR_FAILED, "Bad Template.Type '%.*s'", PS(q->template.type));
	if (!collect(&r, q))
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	enum err e = parse(&r);
	e = e ? e : find(&r, name, &scope);
	e = e ? e : evaluate(&r, &scope);
	if (!e && q->template.remove_empty_tags)
		drop_empty(&r.q->service.tags);
	*out = r.q;
	return e;
}
