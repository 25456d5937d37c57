#include "core/method/prepared_query.h"

#include "core/agent/config.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/method/near.h"
#include "core/method/notes.h"
#include "core/method/query_run.h"
#include "core/state/catalog_write.h"
#include "core/state/command.h"
#include "core/state/query_template.h"

/* ---- writing ---- */

/* What an id or a name leads to is looked at once more when the command is applied. */
static enum err check_exists(struct call *c, struct slice id)
{
	raft_index index;
	const struct prepared_query *q;
	if (prepared_query_get(c->world->db, NULL, id, c->arena, &index, &q, &c->fail)) {
		fail_wrap(&c->fail, "Prepared Query lookup failed");
		return c->err = ERR_FAILED;
	}
	if (!q)
		return call_fail(c, ERR_FAILED, "Cannot modify non-existent prepared query: '%.*s'", PS(id));
	return OK;
}

static enum err check_ttl(struct call *c, struct slice text)
{
	dur_ns ttl;
	struct fail f;
	if (!text.n)
		return OK;
	if (dur_parse(text, &ttl, &f))
		return call_fail(c, ERR_FAILED, "Bad DNS TTL '%.*s': %s", PS(text), f.text);
	return ttl < 0 ? call_fail(c, ERR_FAILED, "DNS TTL '%lld', must be >=0", (long long)ttl) : OK;
}

static enum err check_definition(struct call *c, const struct prepared_query *q)
{
	struct fail f;
	bool bound = q->name.n || q->template.type.n || q->session.n;
	if (c->world->config->acl_enforce_version_8 && !bound)
		return call_fail(c, ERR_FAILED, "Must be bound to a session");
	if (slice_is(q->token, "<hidden>"))
		return call_fail(c, ERR_FAILED,
		        "Bad Token '%.*s', it looks like a query definition with a redacted token was submitted",
		        PS(q->token));
	if (!q->service.service.n)
		return call_fail(c, ERR_FAILED, "Must provide a Service name to query");
	if (q->service.failover.nearest_n < 0)
		return call_fail(
		        c, ERR_FAILED, "Bad NearestN '%lld', must be >= 0", (long long)q->service.failover.nearest_n);
	if (catalog_check_meta(q->service.node_meta, true, &f))
		return call_fail(c, ERR_FAILED, "%s", f.text);
	return check_ttl(c, q->dns.ttl);
}

/* Only what our expressions refuse and Consul's would not is refused here: it must not come into the log. */
static enum err check_template(struct call *c, const struct prepared_query *q)
{
	struct fail f;
	if (prepared_query_is_template(q) && query_template_check(q, c->arena, &f) == ERR_FULL)
		return call_fail(c, ERR_FAILED, "failed compiling template: %s", f.text);
	return OK;
}

static enum err apply(struct call *c)
{
	struct query_request *req = c->request;
	struct prepared_query *q = req->query;
	bool create = slice_is(req->op, "create"), update = slice_is(req->op, "update");
	if (!q)
		return call_fail(c, ERR_FAILED, "Missing Query ID");
	if (create && q->id.n)
		return call_fail(c, ERR_FAILED, "ID must be empty when creating a new prepared query");
	if (!create && check_exists(c, q->id))
		return c->err;
	if (create) {
		char id[UUID_TEXT + 1];
		uuid_make(c->rand, id);
		q->id = arena_copy(&c->message->mem, slice_of(id));
	}
	if ((create || update) && check_definition(c, q)) {
		fail_wrap(&c->fail, "Invalid prepared query");
		return c->err;
	}
	if ((create || update) && check_template(c, q))
		return c->err;
	if (!create && !update && !slice_is(req->op, "delete"))
		return call_fail(c, ERR_FAILED, "Unknown prepared query operation: %.*s", PS(req->op));
	return call_command(c, COMMAND_QUERY, &query_request_schema, req);
}

/* ---- reading ---- */

static enum err get(struct call *c)
{
	const struct query_one_request *req = c->request;
	struct indexed_queries *reply = c->reply;
	const struct prepared_query *q;
	if (prepared_query_get(c->world->db, call_notes(c), req->id, c->arena, &reply->meta.index, &q, &c->fail))
		return c->err = ERR_FAILED;
	if (!q)
		return call_fail(c, ERR_ABSENT, QUERY_NOT_FOUND);
	reply->queries = (struct list){schema_copy(&prepared_query_schema, q, c->arena), 1};
	return reply->queries.items ? OK : call_fail(c, ERR_NO_MEMORY, "out of memory");
}

static enum err list(struct call *c)
{
	struct indexed_queries *reply = c->reply;
	reply->meta.index = prepared_query_list(c->world->db, call_notes(c), c->arena, &reply->queries);
	return OK;
}

/* The query that is meant, filled in. */
static enum err resolve(struct call *c, const struct prepared_query **out)
{
	const struct query_execute_request *req = c->request;
	raft_index index;
	enum err e = prepared_query_resolve(c->world->db, req->id_or_name, c->arena, &index, out, &c->fail);
	if (!e && !*out)
		return call_fail(c, ERR_ABSENT, QUERY_NOT_FOUND);
	if (!e && prepared_query_is_template(*out))
		e = query_template_render(*out, req->id_or_name, req->agent.segment, c->arena, out, &c->fail);
	return c->err = e ? ERR_FAILED : OK;
}

static enum err explain(struct call *c)
{
	struct query_explain_reply *reply = c->reply;
	const struct prepared_query *q;
	if (resolve(c, &q))
		return c->err;
	reply->query = *q;
	return OK;
}

/* ---- running ---- */

/* "_ip" is the node whose address the asker has. */
static struct slice node_of_ip(struct call *c, struct slice ip)
{
	struct list nodes = {0};
	if (!ip.n)
		log_warn(c->log, "Prepared Query using near=_ip requires the source IP to be set but none was "
		                 "provided. No distance sorting will be done.");
	else
		catalog_nodes(c->world->db, NULL, (struct list){0}, c->arena, &nodes);
	const struct node *n = nodes.items;
	for (uint32_t i = 0; i < nodes.n; i++)
		if (slice_eq(n[i].address, ip))
			return n[i].name;
	return S_NONE;
}

/* Whom the answer is to be near to: as the asker wants, else as the query does. */
static struct query_source source_of(struct call *c, const struct prepared_query *q)
{
	const struct query_execute_request *req = c->request;
	struct query_source s = req->source;
	if (!s.datacenter.n)
		s.datacenter = req->agent.datacenter;
	if (!s.node.n)
		s.node = q->service.near;
	if (slice_is(s.node, "_agent"))
		s.node = req->agent.node;
	else if (slice_is(s.node, "_ip"))
		s.node = node_of_ip(c, req->source.ip);
	return s;
}

/* The node itself comes first, even when others are as near: one of the first ten, if the answer is sorted. */
static void put_first(struct list nodes, struct slice name)
{
	enum { DEPTH = 10 };
	struct check_service_node *items = nodes.items;
	for (uint32_t i = 0; i < nodes.n && i < DEPTH; i++) {
		if (!slice_eq(items[i].node->name, name))
			continue;
		struct check_service_node t = items[0];
		items[0] = items[i];
		items[i] = t;
		return;
	}
}

static void limit(struct list *nodes, int64_t most)
{
	if (most > 0 && nodes->n > most)
		nodes->n = (uint32_t)most;
}

static enum err execute(struct call *c)
{
	const struct query_execute_request *req = c->request;
	struct query_execute_reply *reply = c->reply;
	const struct prepared_query *q;
	if (resolve(c, &q))
		return c->err;
	query_run(c, q, reply);
	if (!reply->nodes.n)
		return query_failover(c, q, reply);
	struct query_source source = source_of(c, q);
	near_sort(c, &source, &reply->nodes, sizeof(struct check_service_node), offsetof(struct node, name),
	        NEAR_IN_POINTER);
	if (source.node.n && slice_eq(reply->datacenter, source.datacenter))
		put_first(reply->nodes, source.node);
	limit(&reply->nodes, req->limit);
	return OK;
}

static enum err execute_remote(struct call *c)
{
	const struct query_remote_request *req = c->request;
	struct query_execute_reply *reply = c->reply;
	query_run(c, &req->query, reply);
	limit(&reply->nodes, req->limit);
	return OK;
}

/* ---- shapes ---- */

#define HEAD(type) FIELD_SUB(type, head, "QueryOptions", F_EMBED, 0, &read_head_schema)
#define META(type) FIELD_SUB(type, meta, "QueryMeta", F_EMBED, 0, &query_meta_schema)

static const struct field one_fields[] = {
        HEAD(struct query_one_request),
        FIELD(struct query_one_request, id, "QueryID", F_STR, 0),
};
static const struct schema one_schema =
        SCHEMA(struct query_one_request, "structs.PreparedQuerySpecificRequest", one_fields);

static const struct field execute_fields[] = {
        HEAD(struct query_execute_request),
        FIELD(struct query_execute_request, id_or_name, "QueryIDOrName", F_STR, 0),
        FIELD(struct query_execute_request, limit, "Limit", F_INT, 0),
        FIELD_SUB(struct query_execute_request, source, "Source", F_STRUCT, 0, &query_source_schema),
        FIELD_SUB(struct query_execute_request, agent, "Agent", F_STRUCT, 0, &query_source_schema),
};
static const struct schema execute_schema =
        SCHEMA(struct query_execute_request, "structs.PreparedQueryExecuteRequest", execute_fields);

static const struct field remote_fields[] = {
        HEAD(struct query_remote_request),
        FIELD_SUB(struct query_remote_request, query, "Query", F_STRUCT, 0, &prepared_query_schema),
        FIELD(struct query_remote_request, limit, "Limit", F_INT, 0),
};
static const struct schema remote_schema =
        SCHEMA(struct query_remote_request, "structs.PreparedQueryExecuteRemoteRequest", remote_fields);

static const struct field indexed_fields[] = {
        FIELD_SUB(struct indexed_queries, queries, "Queries", F_LIST, 0, &prepared_query_schema),
        META(struct indexed_queries),
};
static const struct schema indexed_schema =
        SCHEMA(struct indexed_queries, "structs.IndexedPreparedQueries", indexed_fields);

static const struct field execute_reply_fields[] = {
        FIELD(struct query_execute_reply, service, "Service", F_STR, 0),
        FIELD_SUB(struct query_execute_reply, nodes, "Nodes", F_LIST, 0, &check_service_node_schema),
        FIELD_SUB(struct query_execute_reply, dns, "DNS", F_STRUCT, 0, &query_dns_schema),
        FIELD(struct query_execute_reply, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct query_execute_reply, failovers, "Failovers", F_INT, 0),
        META(struct query_execute_reply),
};
const struct schema query_execute_reply_schema =
        SCHEMA(struct query_execute_reply, "structs.PreparedQueryExecuteResponse", execute_reply_fields);

static const struct field explain_reply_fields[] = {
        FIELD_SUB(struct query_explain_reply, query, "Query", F_STRUCT, 0, &prepared_query_schema),
        META(struct query_explain_reply),
};
const struct schema query_explain_reply_schema =
        SCHEMA(struct query_explain_reply, "structs.PreparedQueryExplainResponse", explain_reply_fields);

const struct method method_query_apply = {
        "PreparedQuery.Apply", &query_request_schema, NULL, M_WRITE, apply, SHAPE_TEXT};
const struct method method_query_get = {"PreparedQuery.Get", &one_schema, &indexed_schema, M_READ, get};
const struct method method_query_list = {"PreparedQuery.List", &dc_request_schema, &indexed_schema, M_READ, list};
const struct method method_query_explain = {
        "PreparedQuery.Explain", &execute_schema, &query_explain_reply_schema, M_READ | M_NO_BLOCK, explain};
const struct method method_query_execute = {
        "PreparedQuery.Execute", &execute_schema, &query_execute_reply_schema, M_READ | M_NO_BLOCK, execute};
const struct method method_query_execute_remote = {"PreparedQuery.ExecuteRemote", &remote_schema,
        &query_execute_reply_schema, M_READ | M_NO_BLOCK, execute_remote};
