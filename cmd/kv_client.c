/* Keys over a client. */
#include "cmd/kv_client.h"

#include "core/base/enc.h"
#include "core/base/json.h"
#include "core/base/slice.h"

/* ---- reading ---- */

static struct slice without_slash(struct slice key)
{
	return key.n && key.p[0] == '/' ? slice_from(key, 1) : key;
}

static void wait_params(struct client *c, struct client_request *r, const struct kv_wait *w)
{
	if (w->stale)
		request_param(r, "stale", S(""));
	if (w->consistent)
		request_param(r, "consistent", S(""));
	if (w->index)
		request_param_fmt(c, r, "index", "%llu", (unsigned long long)w->index);
	if (w->wait) {
		dur_ns ms = w->wait / NS_PER_MS;
		request_param_fmt(c, r, "wait", "%lldms", (long long)(ms ? ms : 1));
	}
}

static struct client_request read_request(struct client *c, struct slice key, const struct kv_wait *w)
{
	struct client_request r = client_request(c, "GET", "/v1/kv/%.*s", PS(without_slash(key)));
	wait_params(c, &r, w);
	return r;
}

/* No such key is an answer: V_NULL. The text of an error is not repeated, as in the reference. */
static enum err read_ask(
        struct client *c, const struct client_request *r, struct value *out, raft_index *index, struct fail *f)
{
	struct client_answer a;
	struct slice rest;
	*out = (struct value){.type = V_NULL};
	if (client_ask(c, r, &a, f) != OK)
		return f->code;
	if (index)
		*index = a.index;
	if (a.status == 404)
		return OK;
	if (a.status != 200)
		return fail_set(f, ERR_FAILED, "Unexpected response code: %d", a.status);
	return json_read_first(a.body, client_arena(c), out, &rest, f);
}

static enum err pair_read(struct client *c, const struct value *v, struct kv_pair *p, struct fail *f)
{
	*p = (struct kv_pair){
	        .key = value_text(v, "Key"),
	        .session = value_text(v, "Session"),
	        .flags = value_number(v, "Flags"),
	        .create_index = value_number(v, "CreateIndex"),
	        .modify_index = value_number(v, "ModifyIndex"),
	        .lock_index = value_number(v, "LockIndex"),
	};
	struct slice text = value_text(v, "Value");
	return text.p ? base64_get(text, client_arena(c), &p->value, f) : OK;
}

static enum err pairs_read(struct client *c, const struct value *list, struct kv_pair **out, size_t *n, struct fail *f)
{
	*n = list->type == V_LIST ? list->n : 0;
	*out = ARENA_ARRAY(client_arena(c), struct kv_pair, *n);
	if (!*out)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < *n; i++)
		if (pair_read(c, &list->items[i], &(*out)[i], f) != OK)
			return f->code;
	return OK;
}

enum err kv_client_get(struct client *c, struct slice key, const struct kv_wait *w, struct kv_pair *out, bool *found,
        raft_index *index, struct fail *f)
{
	struct value list;
	struct client_request r = read_request(c, key, w);
	*found = false;
	if (read_ask(c, &r, &list, index, f) != OK)
		return f->code;
	*found = list.type == V_LIST && list.n;
	return *found ? pair_read(c, &list.items[0], out, f) : OK;
}

enum err kv_client_list(struct client *c, struct slice prefix, const struct kv_wait *w, struct kv_pair **out, size_t *n,
        raft_index *index, struct fail *f)
{
	struct value list;
	struct client_request r = read_request(c, prefix, w);
	request_param(&r, "recurse", S(""));
	if (read_ask(c, &r, &list, index, f) != OK)
		return f->code;
	return pairs_read(c, &list, out, n, f);
}

enum err kv_keys(struct client *c, struct slice prefix, const char *separator, const struct kv_wait *w,
        struct slice **out, size_t *n, raft_index *index, struct fail *f)
{
	struct value list;
	struct client_request r = read_request(c, prefix, w);
	request_param(&r, "keys", S(""));
	if (*separator)
		request_param(&r, "separator", slice_of(separator));
	if (read_ask(c, &r, &list, index, f) != OK)
		return f->code;
	*n = list.type == V_LIST ? list.n : 0;
	*out = ARENA_ARRAY(client_arena(c), struct slice, *n);
	for (size_t i = 0; *out && i < *n; i++)
		(*out)[i] = list.items[i].text;
	return *out ? OK : fail_set(f, ERR_NO_MEMORY, "out of memory");
}

/* ---- writing ---- */

static enum err write_ask(struct client *c, const struct client_request *r, bool *done, struct fail *f)
{
	struct client_answer a;
	*done = false;
	if (client_ask_ok(c, r, &a, f) != OK)
		return f->code;
	*done = slice_search(a.body, S("true")) >= 0;
	return OK;
}

enum err kv_put(struct client *c, enum kv_write how, const struct kv_pair *p, bool *done, struct fail *f)
{
	if (p->key.n && p->key.p[0] == '/')
		return fail_set(f, ERR_INVALID, "Invalid key. Key must not begin with a '/': %.*s", PS(p->key));
	struct client_request r = client_request(c, "PUT", "/v1/kv/%.*s", PS(p->key));
	if (p->flags)
		request_param_fmt(c, &r, "flags", "%llu", (unsigned long long)p->flags);
	if (how == KV_CAS)
		request_param_fmt(c, &r, "cas", "%llu", (unsigned long long)p->modify_index);
	else if (how != KV_SET)
		request_param(&r, how == KV_ACQUIRE ? "acquire" : "release", p->session);
	request_body(&r, p->value);
	return write_ask(c, &r, done, f);
}

enum err kv_remove(
        struct client *c, enum kv_removal how, struct slice key, raft_index modify_index, bool *done, struct fail *f)
{
	struct client_request r = client_request(c, "DELETE", "/v1/kv/%.*s", PS(without_slash(key)));
	if (how == KV_DELETE_CAS)
		request_param_fmt(c, &r, "cas", "%llu", (unsigned long long)modify_index);
	else if (how == KV_DELETE_TREE)
		request_param(&r, "recurse", S(""));
	return write_ask(c, &r, done, f);
}
