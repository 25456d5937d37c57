#include "core/api/rpc.h"

#include "core/base/slice.h"
#include "core/method/method.h"

enum { BODY_KEEP = 128 << 10 };

static enum api_state failed(struct rpc_reply *out, struct slice why)
{
	out->body.n = 0;
	out->error = why;
	return API_ANSWERED;
}

static enum api_state refused(struct rpc_reply *out, struct slice why)
{
	out->refused = true;
	return failed(out, why);
}

static void clear(struct rpc_reply *out)
{
	out->error = S_NONE;
	out->refused = false;
	buf_reset(&out->body, BODY_KEEP);
}

static enum api_state finished(struct rpc_reply *out)
{
	return out->body.failed ? failed(out, S("out of memory")) : API_ANSWERED;
}

/* The dispatcher's words for a name that is none (Go: net/rpc/server.go). */
static enum api_state unknown(struct api *a, struct slice name, struct rpc_reply *out)
{
	ptrdiff_t dot = -1;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '.')
			dot = (ptrdiff_t)i;
	if (dot < 0)
		return refused(out, arena_str(&a->arena, "rpc: service/method request ill-formed: %.*s", PS(name)));
	bool service = method_service_known(slice_cut(name, 0, (size_t)dot));
	return refused(out, arena_str(&a->arena, "rpc: can't find %s %.*s", service ? "method" : "service", PS(name)));
}

static enum api_state put_off(const struct call *c, struct api_wait *wait, enum api_state how)
{
	api_put_off(c, wait);
	return how;
}

/* A write that the log was not asked for. */
static enum api_state not_sent(struct call *c, struct rpc_reply *out)
{
	c->message->result = c->refused;
	method_write_result(c->method, c->message, &out->body);
	return finished(out);
}

static enum api_state run_write(struct api *a, struct call *c, struct rpc_reply *out, struct api_wait *wait)
{
	struct message *m = c->message = message_take(a);
	if (!m)
		return failed(out, S("out of memory"));
	m->context = (void *)(uintptr_t)c->method; /* a constant; only read again */
	enum call_state state = method_run(c);
	if (state == CALL_SENT) {
		wait->message = m;
		return API_SENT;
	}
	enum api_state then = API_ANSWERED;
	switch (state) {
	case CALL_DONE: then = not_sent(c, out); break;
	case CALL_WAIT_LEADER: then = put_off(c, wait, API_WAIT_LEADER); break;
	case CALL_FORWARD: then = put_off(c, wait, API_FORWARD); break;
	default: then = failed(out, arena_str(&a->arena, "%s", c->fail.text)); break;
	}
	message_give(a, m);
	return then;
}

static enum api_state run_read(struct api *a, struct call *c, struct rpc_reply *out, struct api_wait *wait)
{
	c->reply = method_new_reply(c->method, &a->arena);
	if (!c->reply)
		return failed(out, S("out of memory"));
	switch (method_run(c)) {
	case CALL_DONE: method_write_reply(c->method, c->reply, &out->body); return finished(out);
	case CALL_WAIT: return put_off(c, wait, API_WAIT);
	case CALL_WAIT_LEADER: return put_off(c, wait, API_WAIT_LEADER);
	case CALL_FORWARD: return put_off(c, wait, API_FORWARD);
	case CALL_VERIFY: return put_off(c, wait, API_VERIFY);
	default: return failed(out, arena_str(&a->arena, "%s", c->fail.text));
	}
}

enum api_state api_rpc(
        struct api *a, struct slice name, struct slice args, struct rpc_reply *out, struct api_wait *wait)
{
	const struct method *m = method_find(name);
	const struct call_answer *answer = wait->again.answer;
	clear(out);
	if (!m)
		return unknown(a, name, out);
	if (answer && answer->kind == ANSWER_REPLY && !wait->again.failovers) {
		buf_slice(&out->body, answer->body);
		return finished(out);
	}
	void *request = method_read_request(m, args, &a->arena);
	if (!request)
		return refused(out, S("the arguments can't be decoded"));
	struct call c = api_call(a, m, request, NULL, &wait->again);
	enum api_state state = m->flags & M_WRITE ? run_write(a, &c, out, wait) : run_read(a, &c, out, wait);
	if (state == API_FORWARD && !wait->again.failovers)
		wait->forward.args = args; /* as they came: there may be more in them than we know */
	return state;
}

void api_rpc_finish(struct api *a, struct message *m, struct rpc_reply *out)
{
	const struct method *method = m->context;
	clear(out);
	if (m->err)
		failed(out, arena_copy(&a->arena, m->why));
	else if (m->result.kind == APPLY_ERROR)
		failed(out, arena_copy(&a->arena, m->result.text));
	else
		method_write_result(method, m, &out->body);
	finished(out);
}
