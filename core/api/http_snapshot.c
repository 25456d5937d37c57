/* /v1/snapshot (agent/snapshot_endpoint.go). */
#include "core/api/http_snapshot.h"

#include "core/api/snapshot_call.h"

static void restored(struct http_call *hc, struct message *m)
{
	(void)hc, (void)m;
}

static enum api_state answer(struct http_call *hc, const struct snapshot_request *q, const struct snapshot_outcome *out)
{
	if (out->err)
		return http_failed(hc, out->err, out->error);
	if (q->op == SNAPSHOT_SAVE) {
		http_meta(hc, &out->meta);
		hc->ans->sniff = true;
	}
	return API_ANSWERED;
}

enum api_state http_snapshot(struct http_call *hc)
{
	struct snapshot_request q = {
	        .allow_stale = param_has(hc, "stale"),
	        .op = hc->r->verb == HTTP_PUT ? SNAPSHOT_RESTORE : SNAPSHOT_SAVE,
	};
	struct snapshot_outcome out = {.archive = &hc->ans->body};
	struct write_head head;
	params_write(hc, &head);
	q.datacenter = head.datacenter;
	q.token = head.token;
	enum api_state state =
	        snapshot_call(hc->api, &q, q.op == SNAPSHOT_RESTORE ? hc->r->body : S_NONE, &out, hc->wait);
	if (state == API_SENT)
		return http_ask(hc, hc->wait->message, restored);
	return state == API_ANSWERED ? answer(hc, &q, &out) : state;
}
