/* Session.* (agent/consul/session_endpoint.go). */
#include "core/agent/config.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/method/method.h"
#include "core/method/notes.h"
#include "core/method/requests.h"
#include "core/state/command.h"
#include "core/state/session.h"

#define TTL_MAX (24 * NS_PER_H)
#define TTL_MIN_DEFAULT (10 * NS_PER_S)

static enum err session_get_one(struct call *c)
{
	const struct session_request_one *q = c->request;
	struct indexed_sessions *reply = c->reply;
	const struct session *s = NULL;
	enum err e = session_get(c->world->db, call_notes(c), q->session, c->arena, &reply->meta.index, &s, &c->fail);
	if (e)
		return call_fail(c, ERR_FAILED, "%s", arena_str(c->arena, "%s", c->fail.text).p);
	struct session *copy = s ? ARENA_NEW(c->arena, struct session) : NULL;
	if (copy) {
		*copy = *s;
		reply->sessions = (struct list){copy, 1};
	}
	return OK;
}

static enum err session_all(struct call *c)
{
	struct indexed_sessions *reply = c->reply;
	reply->meta.index = session_list(c->world->db, call_notes(c), c->arena, &reply->sessions);
	return OK;
}

static enum err session_of_node(struct call *c)
{
	const struct node_request *q = c->request;
	struct indexed_sessions *reply = c->reply;
	reply->meta.index = session_list_node(c->world->db, call_notes(c), q->node, c->arena, &reply->sessions);
	return OK;
}

static enum err check_ttl(struct call *c, struct slice text)
{
	dur_ns ttl, min = c->world->config->session_ttl_min;
	struct fail f;
	if (!text.n)
		return OK;
	if (dur_parse(text, &ttl, &f))
		return call_fail(c, ERR_FAILED, "Session TTL '%.*s' invalid: %s", PS(text), f.text);
	min = min ? min : TTL_MIN_DEFAULT;
	if (ttl == 0 || (ttl >= min && ttl <= TTL_MAX))
		return OK;
	struct buf range = {0};
	dur_print(&range, min);
	buf_char(&range, '=');
	dur_print(&range, TTL_MAX);
	call_fail(c, ERR_FAILED, "Invalid Session TTL '%lld', must be between [%.*s]", (long long)ttl,
	        PS(buf_view(&range)));
	buf_free(&range);
	return ERR_FAILED;
}

/* The id is made here, before the log: applying must give the same everywhere. */
static enum err session_apply(struct call *c)
{
	struct session_request *q = c->request;
	bool create = slice_is(q->op, "create");
	if (!create && !q->session.id.n)
		return call_fail(c, ERR_FAILED, "Must provide ID");
	if (create && !q->session.node.n)
		return call_fail(c, ERR_FAILED, "Must provide Node");
	if (!q->session.behavior.n)
		q->session.behavior = S("release");
	if (!slice_is(q->session.behavior, "release") && !slice_is(q->session.behavior, "delete"))
		return call_fail(c, ERR_FAILED, "Invalid Behavior setting '%.*s'", PS(q->session.behavior));
	if (check_ttl(c, q->session.ttl))
		return c->err;
	if (create) {
		char id[UUID_TEXT + 1];
		uuid_make(c->rand, id);
		q->session.id = arena_copy(&c->message->mem, slice_of(id));
	}
	return call_command(c, COMMAND_SESSION, &session_request_schema, q);
}

/* Renewing is no write: the leader's core restarts the session's clock. */
static enum err session_renew(struct call *c)
{
	const struct session_request_one *q = c->request;
	struct slice *id = ARENA_NEW(&c->message->mem, struct slice);
	if (!id)
		return call_fail(c, ERR_NO_MEMORY, "out of memory");
	*id = arena_copy(&c->message->mem, q->session);
	c->message->ask = ASK_SESSION_RENEW;
	c->message->request = id;
	return OK;
}

static void renewed(const struct message *m, void *reply, struct arena *a)
{
	(void)a;
	struct indexed_sessions *r = reply;
	r->meta = (struct query_meta){.index = m->index}; /* the reference says no more */
	r->sessions = (struct list){m->reply, m->reply ? 1 : 0};
}

static void take_renewed(struct call *c, const void *reply)
{
	const struct indexed_sessions *r = reply;
	struct slice *id = ARENA_NEW(&c->message->mem, struct slice);
	if (id)
		*id = arena_copy(&c->message->mem, ((const struct session_request_one *)c->request)->session);
	c->message->request = id;
	c->message->index = r->meta.index;
	c->message->reply = r->sessions.n ? r->sessions.items : NULL;
}

const struct method method_session_get = {
        "Session.Get", &session_request_one_schema, &indexed_sessions_schema, M_READ, session_get_one};
const struct method method_session_list = {
        "Session.List", &dc_request_schema, &indexed_sessions_schema, M_READ, session_all};
const struct method method_session_node = {
        "Session.NodeSessions", &node_request_schema, &indexed_sessions_schema, M_READ, session_of_node};
const struct method method_session_apply = {
        "Session.Apply", &session_request_schema, NULL, M_WRITE, session_apply, SHAPE_TEXT};
const struct method method_session_renew = {"Session.Renew", &session_request_one_schema, &indexed_sessions_schema,
        M_WRITE | M_TWICE, session_renew, .reply_of = renewed, .take_reply = take_renewed};
