/* Requests and replies as net/rpc carries them: msgpack by their field tables, scalars bare. */
#include "core/base/msgpack.h"
#include "core/base/slice.h"
#include "core/method/method.h"

/* ---- requests ---- */

void *method_read_request(const struct method *m, struct slice args, struct arena *a)
{
	void *request = arena_zalloc(a, m->request->size);
	struct mp_reader r = mp_read(args);
	if (!request)
		return NULL;
	schema_mp_read(&r, m->request, request, a);
	return r.failed || mp_left(&r) ? NULL : request;
}

void method_write_request(const struct method *m, const void *request, struct buf *out)
{
	if (m->flags & M_NO_REQUEST)
		mp_put_map(out, 0);
	else
		schema_mp_write(out, m->request, request);
}

/* ---- replies ---- */

void *method_new_reply(const struct method *m, struct arena *a)
{
	bool by_schema = m->shape == SHAPE_STRUCT && m->reply;
	return arena_zalloc(a, by_schema ? m->reply->size : sizeof(struct list_reply));
}

static void write_struct(const struct method *m, const void *reply, struct buf *out)
{
	if (m->reply)
		schema_mp_write(out, m->reply, reply);
	else
		mp_put_map(out, 0);
}

static void write_list(const struct method *m, const struct list *l, struct buf *out)
{
	const char *item = l->items;
	mp_put_array(out, l->n); /* never nil: net/rpc makes bare slices before the method runs */
	for (uint32_t i = 0; i < l->n; i++) {
		if (m->shape == SHAPE_LIST)
			schema_mp_write(out, m->reply, item + i * m->reply->size);
		else
			mp_put_str(out, ((const struct slice *)(const void *)item)[i]);
	}
}

void method_write_reply(const struct method *m, const void *reply, struct buf *out)
{
	const struct list *l = m->shape == SHAPE_STRUCT ? NULL : &((const struct list_reply *)reply)->items;
	switch (m->shape) {
	case SHAPE_STRUCT: write_struct(m, reply, out); break;
	case SHAPE_BOOL: mp_put_bool(out, false); break; /* reads have none */
	case SHAPE_TEXT: mp_put_str(out, l->n ? *(const struct slice *)l->items : S("")); break;
	case SHAPE_TEXTS:
	case SHAPE_LIST: write_list(m, l, out); break;
	}
}

void method_write_result(const struct method *m, const struct message *msg, struct buf *out)
{
	const struct apply_result *r = &msg->result;
	struct arena a = {0};
	void *reply = NULL;
	if (m->shape == SHAPE_BOOL) {
		mp_put_bool(out, r->kind == APPLY_BOOL && r->yes);
	} else if (m->shape == SHAPE_TEXT) {
		mp_put_str(out, r->kind == APPLY_TEXT ? r->text : S(""));
	} else if (m->shape != SHAPE_STRUCT) {
		write_list(m, msg->reply, out);
	} else {
		if (m->reply && (reply = method_new_reply(m, &a)))
			m->reply_of(msg, reply, &a);
		out->failed = out->failed || (m->reply && !reply);
		if (!out->failed)
			write_struct(m, reply, out);
	}
	arena_free(&a);
}

/* ---- replies of others ---- */

static bool read_list(struct mp_reader *r, const struct method *m, struct list *to, struct arena *a)
{
	if (mp_nil(r))
		return true;
	uint32_t n = mp_array(r);
	size_t size = m->shape == SHAPE_LIST ? m->reply->size : sizeof(struct slice);
	char *items = n ? arena_zalloc(a, n * size) : list_empty;
	if (!items)
		return false;
	for (uint32_t i = 0; i < n && !r->failed; i++) {
		if (m->shape == SHAPE_LIST)
			schema_mp_read(r, m->reply, items + i * size, a);
		else
			((struct slice *)(void *)items)[i] = mp_str(r);
	}
	*to = (struct list){items, n};
	return true;
}

static bool read_text(struct mp_reader *r, struct list_reply *to, struct arena *a)
{
	struct slice *t = ARENA_NEW(a, struct slice);
	if (!t)
		return false;
	*t = mp_str(r);
	to->items = (struct list){t, 1};
	return true;
}

/* A read's reply in the call's own arena, what it points to in `body`. */
static bool read_reply(struct call *c, struct mp_reader *r)
{
	const struct method *m = c->method;
	switch (m->shape) {
	case SHAPE_STRUCT:
		if (m->reply)
			schema_mp_read(r, m->reply, c->reply, c->arena);
		else
			mp_skip(r);
		return true;
	case SHAPE_BOOL: mp_skip(r); return true;
	case SHAPE_TEXT: return read_text(r, c->reply, c->arena);
	case SHAPE_TEXTS:
	case SHAPE_LIST: return read_list(r, m, &((struct list_reply *)c->reply)->items, c->arena);
	}
	return false;
}

static bool read_result(struct call *c, struct mp_reader *r)
{
	const struct method *m = c->method;
	struct message *msg = c->message;
	if (m->shape == SHAPE_BOOL) {
		bool yes = mp_bool(r);
		msg->result = (struct apply_result){.kind = APPLY_BOOL, .yes = yes};
		if (m->take_reply)
			m->take_reply(c, &yes);
	} else if (m->shape == SHAPE_TEXT) {
		struct slice text = mp_str(r);
		msg->result = (struct apply_result){
		        .kind = text.n ? APPLY_TEXT : APPLY_NONE, .text = arena_copy(&msg->mem, text)};
	} else if (m->shape != SHAPE_STRUCT) {
		struct list *reply = ARENA_NEW(&msg->mem, struct list);
		msg->reply = reply;
		return reply && read_list(r, m, reply, &msg->mem);
	} else if (m->reply) {
		void *reply = method_new_reply(m, &msg->mem);
		if (!reply)
			return false;
		schema_mp_read(r, m->reply, reply, &msg->mem);
		if (!r->failed)
			m->take_reply(c, reply);
	} else {
		mp_skip(r);
	}
	return !msg->mem.failed;
}

bool method_read_reply(struct call *c, struct slice body)
{
	struct mp_reader r = mp_read(body);
	bool good = c->method->flags & M_WRITE ? read_result(c, &r) : read_reply(c, &r);
	return good && !r.failed && !c->arena->failed;
}
