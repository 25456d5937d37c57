/* /v1/event/ (agent/event_endpoint.go). */
#include "core/api/http_event.h"

#include "core/agent/config.h"
#include "core/agent/user_events.h"
#include "core/base/slice.h"
#include "core/method/requests.h"
#include "core/state/rows.h"

#define WAIT_MAX (600 * NS_PER_S)

/* ---- firing ---- */

static void fired(struct http_call *hc, struct message *m)
{
	http_json(hc, &user_event_schema, m->reply);
}

/* The same each time the request runs, also when a server elsewhere has answered it. */
static const char *make_id(struct http_call *hc, char id[static UUID_TEXT + 1])
{
	struct rand rand;
	uint64_t *seed = &hc->wait->again.seed;
	if (!*seed)
		*seed = rand_u64(&hc->api->rand);
	rand_seed(&rand, *seed);
	uuid_make(&rand, id);
	return id;
}

enum api_state http_event_fire(struct http_call *hc)
{
	struct fail f;
	struct user_event e = {
	        .name = http_rest(hc),
	        .node_filter = param_get(hc, "node"),
	        .service_filter = param_get(hc, "service"),
	        .tag_filter = param_get(hc, "tag"),
	};
	if (hc->r->content_length > 0)
		e.payload = hc->r->body;
	if (!e.name.n)
		return http_text(hc, 400, "Missing name");
	if (user_event_check(&e, &f))
		return http_error(hc, &f);
	char id[UUID_TEXT + 1];
	e.id = slice_at(make_id(hc, id), UUID_TEXT);
	e.version = USER_EVENT_VERSION;
	/* Any server will do, in any datacenter: gossip takes over from there. */
	struct write_head head;
	params_write(hc, &head);
	struct event_fire_request q = {
	        .head = {head.datacenter, {.token = head.token, .allow_stale = true}}, .name = e.name};
	struct buf payload = {0};
	schema_mp_write(&payload, &user_event_schema, &e);
	q.payload = arena_copy(&hc->api->arena, buf_view(&payload));
	buf_free(&payload);
	return http_send(hc, &method_internal_event_fire, &q, fired);
}

/* ---- the list ---- */

static struct list events(struct http_call *hc, struct slice name)
{
	struct rows rows = ROWS(&hc->api->arena, struct user_event);
	struct cursor c;
	cursor_prefix(&c, hc->api->world->db, TREE_EVENTS, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct user_event *e = item_payload(it);
		struct user_event *to = !name.n || slice_eq(e->name, name) ? rows_add(&rows) : NULL;
		if (to)
			*to = *e;
	}
	return rows_list(&rows);
}

/* The index is made of the newest event's id, so it does not grow: one waits for it to be another. An empty list has 1,
 * lest its watchers ask again and again. */
enum api_state http_event_list(struct http_call *hc)
{
	struct query_options q = {0};
	struct api *a = hc->api;
	if (!params_wait(hc, &q))
		return API_ANSWERED;
	struct list list = events(hc, param_get(hc, "name"));
	const struct user_event *all = list.items;
	uint64_t index = list.n ? user_event_index(all[list.n - 1].id) : 1;
	mono_ns *deadline = &hc->wait->again.deadline;
	if (!*deadline) {
		bool whole = q.max_query_time <= 0 || q.max_query_time > WAIT_MAX;
		*deadline = a->now + (whole ? WAIT_MAX : q.max_query_time);
	}
	hc->wait->wake = *deadline;
	if (q.min_index && index == q.min_index && a->now < *deadline) {
		hc->wait->watched = (struct watchset){.arena = &a->arena};
		watch_tree(&hc->wait->watched, a->world->db, TREE_EVENTS);
		return API_WAIT;
	}
	http_header(hc, "X-Consul-Index", arena_str(&a->arena, "%llu", (unsigned long long)index));
	return http_json_items(hc, &user_event_schema, list);
}
