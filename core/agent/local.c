#include "core/agent/local.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/base/text.h"

static const struct field local_service_fields[] = {
        FIELD(struct local_service, token, "Token", F_STR, 0),
        FIELD_SUB(struct local_service, service, "Service", F_STRUCT, 0, &node_service_schema),
};
const struct schema local_service_schema = SCHEMA(struct local_service, "agent.persistedService", local_service_fields);

static const struct field local_check_fields[] = {
        FIELD_SUB(struct local_check, check, "Check", F_STRUCT, 0, &health_check_schema),
        FIELD_SUB(struct local_check, type, "ChkType", F_PTR, 0, &check_type_schema),
        FIELD(struct local_check, token, "Token", F_STR, 0),
};
const struct schema local_check_schema = SCHEMA(struct local_check, "agent.persistedCheck", local_check_fields);

void local_init(struct local *l, struct db *db, const struct agent_config *c, struct rand *r, struct logbuf *log)
{
	*l = (struct local){.db = db, .config = c, .rand = r, .log = log};
	map_init(&l->services, rand_u64(r));
	map_init(&l->checks, rand_u64(r));
}

static void entry_free(struct local_entry *e)
{
	free((void *)(uintptr_t)e->token.p);
	free(e);
}

static void free_all(struct map *m)
{
	size_t at = 0;
	for (struct local_entry *e; (e = map_next(m, &at));)
		entry_free(e);
	map_free(m);
}

void local_free(struct local *l)
{
	heap_free(&l->deferred); /* before what is in it */
	free_all(&l->services);
	free_all(&l->checks);
}

/* ---- rows ---- */

const struct local_service *local_service_get(const struct db_root *r, struct slice id)
{
	const struct item *it = db_get(r, TREE_LOCAL_SERVICES, id);
	return it ? item_payload(it) : NULL;
}

const struct local_check *local_check_get(const struct db_root *r, struct slice id)
{
	const struct item *it = db_get(r, TREE_LOCAL_CHECKS, id);
	return it ? item_payload(it) : NULL;
}

static bool row_put(struct local *l, enum db_tree t, struct slice id, const struct schema *s, const void *row)
{
	struct item *it = model_item(l->db, id, s, row);
	if (!it)
		return false;
	if (db_put(l->db, t, it))
		return true;
	db_item_drop(l->db, it);
	return false;
}

/* ---- entries ---- */

struct local_entry *local_entry_of_service(const struct local *l, struct slice id)
{
	return map_get(&l->services, id);
}

struct local_entry *local_entry_of_check(const struct local *l, struct slice id)
{
	return map_get(&l->checks, id);
}

static struct local_entry *entry_make(struct map *m, struct slice id)
{
	struct local_entry *e = map_get(m, id);
	if (e)
		return e;
	e = calloc(1, sizeof *e + id.n);
	if (!e)
		return NULL;
	if (id.n)
		memcpy(e->bytes, id.p, id.n);
	e->id = (struct slice){e->bytes, id.n};
	e->critical_since = INT64_MAX;
	e->deleted = true; /* until it has a row */
	if (!map_put(m, e->id, e, NULL)) {
		free(e);
		return NULL;
	}
	return e;
}

static void enqueue(struct local_entry **list, struct local_entry *e)
{
	if (e->queued)
		return;
	e->queued = true;
	e->next = *list;
	*list = e;
}

static void out_of_step(struct local *l, struct local_entry **list, struct local_entry *e)
{
	e->in_sync = false;
	e->change = ++l->changes;
	l->changed = true;
	enqueue(list, e);
}

void local_service_again(struct local *l, struct local_entry *e)
{
	enqueue(&l->services_out, e);
}

void local_check_again(struct local *l, struct local_entry *e)
{
	enqueue(&l->checks_out, e);
}

void local_service_out(struct local *l, struct local_entry *e)
{
	out_of_step(l, &l->services_out, e);
}

void local_check_out(struct local *l, struct local_entry *e)
{
	out_of_step(l, &l->checks_out, e);
}

static struct local_entry *stranger(struct map *m, struct slice id)
{
	MUST(!map_get(m, id));
	return entry_make(m, id);
}

struct local_entry *local_service_stranger(struct local *l, struct slice id)
{
	return stranger(&l->services, id);
}

struct local_entry *local_check_stranger(struct local *l, struct slice id)
{
	return stranger(&l->checks, id);
}

void local_service_forget(struct local *l, struct local_entry *e)
{
	MUST(e->deleted && !e->queued);
	map_remove(&l->services, e->id);
	entry_free(e);
}

void local_check_forget(struct local *l, struct local_entry *e)
{
	MUST(e->deleted && !e->queued);
	local_check_undefer(l, e);
	map_remove(&l->checks, e->id);
	entry_free(e);
}

void local_check_undefer(struct local *l, struct local_entry *e)
{
	heap_remove(&l->deferred, &e->defer);
}

static bool keep_token(struct local_entry *e, struct slice token)
{
	char *p = NULL;
	if (token.n && !(p = malloc(token.n)))
		return false;
	if (p)
		memcpy(p, token.p, token.n);
	free((void *)(uintptr_t)e->token.p);
	e->token = (struct slice){p, token.n};
	return true;
}

/* ---- services ---- */

bool local_service_put(struct local *l, const struct local_service *s)
{
	struct local_entry *e = entry_make(&l->services, s->service.id);
	if (!e || !keep_token(e, s->token) || !row_put(l, TREE_LOCAL_SERVICES, s->service.id, &local_service_schema, s))
		return false;
	l->service_count += e->deleted;
	e->deleted = e->persisted = false;
	local_service_out(l, e);
	return true;
}

bool local_service_remove(struct local *l, struct slice id)
{
	struct local_entry *e = map_get(&l->services, id);
	if (!e || e->deleted)
		return false;
	e->deleted = true;
	l->service_count--;
	local_service_out(l, e);
	db_remove(l->db, TREE_LOCAL_SERVICES, e->id);
	return true;
}

bool local_service_tags(struct local *l, struct slice id, struct list tags)
{
	const struct local_service *had = local_service_get(db_working(l->db), id);
	MUST(had);
	struct local_service row = *had;
	row.service.tags = tags.items ? tags : (struct list){list_empty, 0};
	return row_put(l, TREE_LOCAL_SERVICES, id, &local_service_schema, &row);
}

struct list local_metadata(const struct agent_config *c, struct arena *a)
{
	static const struct slice segment = {"consul-network-segment", 22};
	struct pair *to = ARENA_ARRAY(a, struct pair, c->node_meta.n + (size_t)1);
	const struct pair *from = c->node_meta.items;
	struct list l = {to, 0};
	if (!to)
		return (struct list){0};
	for (uint32_t i = 0; i < c->node_meta.n; i++)
		if (!slice_eq(from[i].key, segment))
			to[l.n++] = from[i];
	uint32_t at = l.n++;
	for (; at > 0 && slice_cmp(to[at - 1].key, segment) > 0; at--)
		to[at] = to[at - 1];
	to[at] = (struct pair){segment, c->segment};
	return l;
}

/* ---- checks ---- */

enum err local_check_put(struct local *l, const struct local_check *c, mono_ns now, struct fail *f)
{
	char id[256], service[256];
	struct local_check row = *c;
	(void)now;
	if (row.check.service_id.n && !local_service_get(db_working(l->db), row.check.service_id))
		return fail_set(f, ERR_FAILED, "Check %s refers to non-existent service %s",
		        quote_cstr(row.check.check_id, id, sizeof id),
		        quote_cstr(row.check.service_id, service, sizeof service));
	row.check.node = l->config->node_name;
	if (l->config->discard_check_output)
		row.check.output = S_NONE;
	struct local_entry *e = entry_make(&l->checks, row.check.check_id);
	if (!e || !keep_token(e, row.token) ||
	        !row_put(l, TREE_LOCAL_CHECKS, row.check.check_id, &local_check_schema, &row))
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	l->check_count += e->deleted;
	e->deleted = e->persisted = false;
	e->critical_since = INT64_MAX;
	local_check_undefer(l, e);
	local_check_out(l, e);
	return OK;
}

bool local_check_remove(struct local *l, struct slice id)
{
	struct local_entry *e = map_get(&l->checks, id);
	if (!e || e->deleted)
		return false;
	e->deleted = true;
	l->check_count--;
	local_check_undefer(l, e);
	local_check_out(l, e);
	db_remove(l->db, TREE_LOCAL_CHECKS, e->id);
	return true;
}

/* Half the interval and up to a whole one more. */
static void defer(struct local *l, struct local_entry *e, mono_ns now)
{
	dur_ns interval = l->config->check_update_interval;
	if (e->defer.place)
		return;
	mono_ns at = now + interval / 2 + (dur_ns)rand_below(l->rand, (uint64_t)interval);
	if (!heap_set(&l->deferred, &e->defer, at))
		local_check_out(l, e);
}

void local_check_update(struct local *l, struct slice id, struct slice status, struct slice output, mono_ns now)
{
	struct local_entry *e = map_get(&l->checks, id);
	if (!e || e->deleted)
		return;
	const struct local_check *had = local_check_get(db_working(l->db), id);
	MUST(had);
	if (l->config->discard_check_output)
		output = S_NONE;
	if (!slice_is(status, "critical"))
		e->critical_since = INT64_MAX;
	else if (e->critical_since == INT64_MAX)
		e->critical_since = now;
	bool same_status = slice_eq(had->check.status, status);
	if (same_status && slice_eq(had->check.output, output))
		return;
	struct local_check row = *had;
	row.check.status = status;
	row.check.output = output;
	if (!row_put(l, TREE_LOCAL_CHECKS, id, &local_check_schema, &row))
		return;
	if (same_status && l->config->check_update_interval > 0)
		defer(l, e, now);
	else
		local_check_out(l, e);
}

/* ---- time ---- */

void local_tick(struct local *l, mono_ns now)
{
	for (struct heap_node *n; (n = heap_first(&l->deferred)) && n->key <= now;) {
		struct local_entry *e = HEAP_OWNER(n, struct local_entry, defer);
		heap_remove(&l->deferred, n);
		local_check_out(l, e);
	}
}

mono_ns local_next(const struct local *l)
{
	const struct heap_node *n = heap_first(&l->deferred);
	return n ? n->key : INT64_MAX;
}
