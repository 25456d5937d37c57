#include "core/state/prepared_query.h"

#include "core/base/rand.h"
#include "core/base/slice.h"
#include "core/state/key.h"
#include "core/state/notice.h"
#include "core/state/put.h"
#include "core/state/query_template.h"
#include "core/state/rows.h"
#include "core/state/session.h"
#include "core/state/table_index.h"

/* ---- the shape ---- */

#define PART(part) (sizeof(((struct prepared_query *)0)->part))
#define AT(outer, inner) (offsetof(struct prepared_query, outer.inner) - offsetof(struct prepared_query, outer))

static const struct field template_fields[] = {
        {.name = "Type", .type = F_STR, .offset = AT(template, type)},
        {.name = "Regexp", .type = F_STR, .offset = AT(template, regexp)},
        {.name = "RemoveEmptyTags", .type = F_BOOL, .offset = AT(template, remove_empty_tags)},
};
static const struct schema template_schema = {
        "structs.QueryTemplateOptions", PART(template), template_fields, ARRAY_LEN(template_fields)};

static const struct field failover_fields[] = {
        {.name = "NearestN", .type = F_INT, .offset = AT(service.failover, nearest_n)},
        {.name = "Datacenters", .type = F_STRS, .offset = AT(service.failover, datacenters)},
};
static const struct schema failover_schema = {
        "structs.QueryDatacenterOptions", PART(service.failover), failover_fields, ARRAY_LEN(failover_fields)};

static const struct field service_fields[] = {
        {.name = "Service", .type = F_STR, .offset = AT(service, service)},
        {.name = "Failover", .type = F_STRUCT, .offset = AT(service, failover), .sub = &failover_schema},
        {.name = "OnlyPassing", .type = F_BOOL, .offset = AT(service, only_passing)},
        {.name = "IgnoreCheckIDs", .type = F_STRS, .offset = AT(service, ignore_check_ids)},
        {.name = "Near", .type = F_STR, .offset = AT(service, near)},
        {.name = "Tags", .type = F_STRS, .offset = AT(service, tags)},
        {.name = "NodeMeta", .type = F_MAP, .offset = AT(service, node_meta)},
};
static const struct schema service_schema = {
        "structs.ServiceQuery", PART(service), service_fields, ARRAY_LEN(service_fields)};

static const struct field dns_fields[] = {{.name = "TTL", .type = F_STR, .offset = AT(dns, ttl)}};
const struct schema query_dns_schema = {"structs.QueryDNSOptions", PART(dns), dns_fields, ARRAY_LEN(dns_fields)};

static const struct field query_fields[] = {
        FIELD(struct prepared_query, id, "ID", F_STR, 0),
        FIELD(struct prepared_query, name, "Name", F_STR, 0),
        FIELD(struct prepared_query, session, "Session", F_STR, 0),
        FIELD(struct prepared_query, token, "Token", F_STR, 0),
        FIELD_SUB(struct prepared_query, template, "Template", F_STRUCT, 0, &template_schema),
        FIELD_SUB(struct prepared_query, service, "Service", F_STRUCT, 0, &service_schema),
        FIELD_SUB(struct prepared_query, dns, "DNS", F_STRUCT, 0, &query_dns_schema),
        FIELD(struct prepared_query, create_index, "CreateIndex", F_UINT, 0),
        FIELD(struct prepared_query, modify_index, "ModifyIndex", F_UINT, 0),
};
const struct schema prepared_query_schema = SCHEMA(struct prepared_query, "structs.PreparedQuery", query_fields);

/* ---- reading ---- */

static const struct prepared_query *query_at(const struct db_root *r, struct slice key)
{
	const struct item *it = db_get(r, TREE_QUERIES, key);
	return it ? item_payload(it) : NULL;
}

static const struct prepared_query *query_named(const struct db_root *r, struct slice name_key)
{
	const struct item *link = db_get(r, TREE_QUERIES_NAME, name_key);
	return link ? query_at(r, link_target(link)) : NULL;
}

enum err prepared_query_get(const struct db_root *r, struct watchset *ws, struct slice id, struct arena *a,
        raft_index *index, const struct prepared_query **out, struct fail *f)
{
	struct uuid_bytes bytes;
	if (uuid_parse(id, &bytes, f))
		return fail_wrap(f, "failed prepared query lookup: index error");
	struct slice key = key_make(a, "x", uuid_slice(&bytes));
	const struct item *it = db_get(r, TREE_QUERIES, key);
	*out = it ? item_payload(it) : NULL;
	notice_key(ws, r, TREE_QUERIES, key, it);
	*index = table_index(r, S("prepared-queries"));
	return OK;
}

raft_index prepared_query_list(const struct db_root *r, struct watchset *ws, struct arena *a, struct list *queries)
{
	struct rows rows = ROWS(a, struct prepared_query);
	struct cursor c;
	cursor_prefix(&c, r, TREE_QUERIES, S_NONE);
	watch_tree(ws, r, TREE_QUERIES);
	for (const struct item *it; (it = cursor_next(&c));) {
		struct prepared_query *to = rows_add(&rows);
		if (to)
			*to = *(const struct prepared_query *)item_payload(it);
	}
	*queries = rows_list(&rows);
	return table_index(r, S("prepared-queries"));
}

/* So much of the key begins some key that is there: names that are asked for may be long. */
static size_t shared(const struct db_root *r, struct slice key)
{
	size_t low = 0, high = key.n;
	while (low < high) {
		size_t mid = low + (high - low + 1) / 2;
		struct cursor c;
		cursor_prefix(&c, r, TREE_QUERIES_NAME, slice_cut(key, 0, mid));
		if (cursor_next(&c))
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

/* The template with the longest name that begins the given one; the one without a name fits all. */
static const struct prepared_query *template_for(const struct db_root *r, struct slice name, struct arena *a)
{
	struct slice key = key_make(a, "xl", S("t"), name);
	key.n = shared(r, key);
	for (; key.n; key.n--) {
		const struct prepared_query *q = query_named(r, key);
		if (q)
			return q;
	}
	return NULL;
}

enum err prepared_query_resolve(const struct db_root *r, struct slice id_or_name, struct arena *a, raft_index *index,
        const struct prepared_query **out, struct fail *f)
{
	*index = table_index(r, S("prepared-queries"));
	*out = NULL;
	if (!id_or_name.n) {
		*index = 0;
		return fail_set(f, ERR_FAILED, "Missing Query ID");
	}
	struct uuid_bytes bytes;
	if (uuid_valid(id_or_name) && uuid_parse(id_or_name, &bytes, NULL) == OK)
		*out = query_at(r, uuid_slice(&bytes));
	if (*out && prepared_query_is_template(*out)) {
		*out = NULL;
		return fail_set(f, ERR_FAILED, "prepared query templates can only be resolved up by name, not by ID");
	}
	if (!*out)
		*out = query_named(r, key_make(a, "xl", S("n"), id_or_name));
	if (!*out)
		*out = template_for(r, id_or_name, a);
	return OK;
}

/* ---- writing ---- */

/* The keys of a query's secondary rows; p == NULL where it has none. */
struct query_links {
	struct slice name, template, session;
};

static struct query_links links_of(struct state *s, const struct prepared_query *q, struct slice id)
{
	struct query_links l = {0};
	struct uuid_bytes session;
	if (q && q->name.n)
		l.name = key_make(&s->scratch, "xl", S("n"), q->name);
	if (q && prepared_query_is_template(q))
		l.template = key_make(&s->scratch, "xl", S("t"), q->name);
	if (q && q->session.n && uuid_parse(q->session, &session, NULL) == OK)
		l.session = key_make(&s->scratch, "xx", uuid_slice(&session), id);
	return l;
}

static void relink(struct state *s, struct query_links was, struct query_links now, struct slice id)
{
	put_relink(s, TREE_QUERIES_NAME, was.name, now.name, id);
	put_relink(s, TREE_QUERIES_NAME, was.template, now.template, id);
	put_relink(s, TREE_QUERIES_SESSION, was.session, now.session, id);
}

/* Is a name key taken by a query other than `id`? */
static bool taken(struct state *s, struct slice name_key, struct slice id)
{
	const struct item *link = db_get(db_working(s->db), TREE_QUERIES_NAME, name_key);
	return link && !slice_eq(link_target(link), id);
}

static enum err check_name(struct state *s, const struct prepared_query *q, struct slice id, struct fail *f)
{
	struct query_links l = links_of(s, q, id);
	struct uuid_bytes as_id;
	if (l.name.p && taken(s, l.name, id))
		return fail_set(f, ERR_FAILED, "name '%.*s' aliases an existing query name", PS(q->name));
	if (!l.name.p && l.template.p && taken(s, l.template, id))
		return fail_set(f, ERR_FAILED, "a query template with an empty name already exists");
	if (uuid_valid(q->name) && uuid_parse(q->name, &as_id, NULL) == OK &&
	        query_at(db_working(s->db), uuid_slice(&as_id)))
		return fail_set(f, ERR_FAILED, "name '%.*s' aliases an existing query ID", PS(q->name));
	return OK;
}

static enum err check_session(struct state *s, const struct prepared_query *q, struct fail *f)
{
	const struct session *sess;
	if (!q->session.n)
		return OK;
	enum err err = session_get(db_working(s->db), NULL, q->session, &s->scratch, NULL, &sess, f);
	return err || sess ? err : session_unknown(q->session, f);
}

/* What another leader took goes into the table, even when our expressions fall short of it: running it will say so. */
static enum err check_template(struct state *s, const struct prepared_query *q, struct fail *f)
{
	enum err err = prepared_query_is_template(q) ? query_template_check(q, &s->scratch, f) : OK;
	if (err == ERR_NO_MEMORY)
		s->no_memory = true;
	return err && err != ERR_FULL ? fail_wrap(f, "failed compiling template") : OK;
}

static void store(struct state *s, const struct prepared_query *q, struct slice id)
{
	const struct prepared_query *now = query_at(db_working(s->db), id);
	relink(s, links_of(s, now, id), links_of(s, q, id), id);
	put_model(s, TREE_QUERIES, id, &prepared_query_schema, q);
}

enum err prepared_query_set(struct state *s, struct prepared_query *q, struct fail *f)
{
	struct uuid_bytes bytes;
	if (!q->id.n)
		return fail_set(f, ERR_FAILED, "Missing Query ID");
	if (uuid_parse(q->id, &bytes, f))
		return fail_wrap(f, "failed prepared query lookup: index error");
	struct slice id = uuid_slice(&bytes);
	const struct prepared_query *now = query_at(db_working(s->db), id);
	q->create_index = now ? now->create_index : s->index;
	q->modify_index = s->index;
	enum err err = check_name(s, q, id, f);
	err = err ? err : check_session(s, q, f);
	err = err ? err : check_template(s, q, f);
	if (err)
		return err;
	store(s, q, id);
	table_index_set(s, S("prepared-queries"));
	return OK;
}

static void remove_query(struct state *s, struct slice id)
{
	const struct prepared_query *q = query_at(db_working(s->db), id);
	if (!q)
		return;
	relink(s, links_of(s, q, id), (struct query_links){0}, id);
	db_remove(s->db, TREE_QUERIES, id);
	table_index_set(s, S("prepared-queries"));
}

enum err prepared_query_delete(struct state *s, struct slice id, struct fail *f)
{
	struct uuid_bytes bytes;
	if (uuid_parse(id, &bytes, f))
		return fail_wrap(f, "failed prepared query delete: failed prepared query lookup: index error");
	remove_query(s, uuid_slice(&bytes));
	return OK;
}

void prepared_query_session_gone(struct state *s, struct slice session_bytes)
{
	struct list ids = put_targets(s, TREE_QUERIES_SESSION, session_bytes);
	for (uint32_t i = 0; i < ids.n; i++)
		remove_query(s, ((const struct slice *)ids.items)[i]);
}

enum err prepared_query_restore(struct state *s, const struct prepared_query *q, struct fail *f)
{
	struct uuid_bytes bytes;
	if (uuid_parse(q->id, &bytes, f))
		return fail_wrap(f, "failed restoring prepared query: failed to build primary index");
	if (check_template(s, q, f))
		return f->code;
	store(s, q, uuid_slice(&bytes));
	table_index_raise(s, S("prepared-queries"), q->modify_index);
	return OK;
}
