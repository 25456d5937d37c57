/* What stands behind the '?': url.ParseQuery, and the parameters that every read or write takes. */
#include "core/agent/config.h"
#include "core/api/http.h"
#include "core/base/enc.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/method/requests.h"

bool params_parse(struct http_call *hc)
{
	struct slice rest = hc->r->query;
	size_t max = 1;
	for (size_t i = 0; i < rest.n; i++)
		max += rest.p[i] == '&';
	if (max > PARAMS_MAX)
		max = PARAMS_MAX;
	if (!rest.n)
		return true;
	hc->params = ARENA_ARRAY(&hc->api->arena, struct param, max);
	bool ok = hc->params;
	while (ok && rest.n && hc->param_count < max) {
		struct slice pair = slice_next(&rest, '&');
		if (!pair.n)
			continue;
		if (slice_find(pair, ';') >= 0)
			return false;
		struct param *p = &hc->params[hc->param_count++];
		struct slice key = slice_next(&pair, '=');
		ok = percent_get_query(key, &hc->api->arena, &p->key) &&
		     percent_get_query(pair, &hc->api->arena, &p->val);
	}
	return ok;
}

static const struct param *param_find(const struct http_call *hc, const char *key)
{
	for (unsigned i = 0; i < hc->param_count; i++)
		if (slice_is(hc->params[i].key, key))
			return &hc->params[i];
	return NULL;
}

bool param_has(const struct http_call *hc, const char *key)
{
	return param_find(hc, key) != NULL;
}

struct slice param_get(const struct http_call *hc, const char *key)
{
	const struct param *p = param_find(hc, key);
	return p ? p->val : S_NONE;
}

void params_encode(struct http_call *hc, struct buf *out)
{
	struct param *p = hc->params;
	for (unsigned i = 1; i < hc->param_count; i++) /* stable: values of one key keep their order */
		for (unsigned k = i; k > 0 && slice_cmp(p[k - 1].key, p[k].key) > 0; k--) {
			struct param t = p[k];
			p[k] = p[k - 1];
			p[k - 1] = t;
		}
	for (unsigned i = 0; i < hc->param_count; i++) {
		if (i)
			buf_char(out, '&');
		percent_put_query(out, p[i].key);
		buf_char(out, '=');
		percent_put_query(out, p[i].val);
	}
}

/* The query first (only the first token= counts), then the header, then the agent's own. */
struct slice params_token(struct http_call *hc)
{
	struct slice token = param_get(hc, "token");
	if (!token.n)
		token = http_header_get(hc->r, S("X-Consul-Token"));
	return token.n ? token : hc->api->world->user_token;
}

static struct slice datacenter(const struct http_call *hc)
{
	struct slice dc = param_get(hc, "dc");
	return dc.n ? dc : hc->api->world->config->datacenter;
}

void params_write(struct http_call *hc, struct write_head *head)
{
	head->datacenter = datacenter(hc);
	head->token = params_token(hc);
}

static bool read_consistency(struct http_call *hc, struct query_options *q)
{
	bool defaults = !param_has(hc, "stale") && !param_has(hc, "consistent") && !param_has(hc, "leader");
	q->allow_stale = param_has(hc, "stale");
	q->require_consistent = param_has(hc, "consistent");
	struct slice max = param_get(hc, "max_stale");
	if (max.n) {
		if (dur_parse(max, &q->max_stale, NULL)) {
			struct buf quoted = {0};
			buf_fmt(&quoted, "Invalid max_stale value \"%.*s\"", PS(max));
			http_text(hc, 400, "%.*s", PS(buf_view(&quoted)));
			buf_free(&quoted);
			return false;
		}
		if (q->max_stale > 0) {
			q->allow_stale = true;
			defaults = false;
		}
	}
	dur_ns discovery = hc->api->world->config->discovery_max_stale;
	if (defaults && discovery > 0 &&
	        (slice_starts(hc->path, S("/v1/catalog")) || slice_starts(hc->path, S("/v1/health")))) {
		q->max_stale = discovery;
		q->allow_stale = true;
	}
	if (q->allow_stale && q->require_consistent) {
		http_text(hc, 400, "Cannot specify ?stale with ?consistent, conflicting semantics.");
		return false;
	}
	return true;
}

bool params_wait(struct http_call *hc, struct query_options *q)
{
	struct slice wait = param_get(hc, "wait");
	if (wait.n && dur_parse(wait, &q->max_query_time, NULL)) {
		http_text(hc, 400, "Invalid wait time");
		return false;
	}
	struct slice index = param_get(hc, "index");
	if (index.n && num_u64(index, &q->min_index, NULL)) {
		http_text(hc, 400, "Invalid index");
		return false;
	}
	return true;
}

bool params_read(struct http_call *hc, struct read_head *head)
{
	head->datacenter = datacenter(hc);
	head->q.token = params_token(hc);
	if (!hc->param_count && !hc->api->world->config->discovery_max_stale)
		return true;
	return read_consistency(hc, &head->q) && params_wait(hc, &head->q);
}

/* node-meta=key:value, several times. */
struct list params_meta(struct http_call *hc)
{
	struct list l = {0};
	struct pair *pairs = NULL;
	for (unsigned i = 0; i < hc->param_count; i++) {
		if (!slice_is(hc->params[i].key, "node-meta"))
			continue;
		if (!pairs)
			pairs = ARENA_ARRAY(&hc->api->arena, struct pair, hc->param_count);
		if (!pairs)
			return l;
		struct slice val = hc->params[i].val, key = slice_next(&val, ':');
		uint32_t at = 0;
		while (at < l.n && slice_cmp(pairs[at].key, key) < 0)
			at++;
		if (at == l.n || !slice_eq(pairs[at].key, key)) {
			memmove(&pairs[at + 1], &pairs[at], (l.n - at) * sizeof *pairs);
			l.n++;
		}
		pairs[at] = (struct pair){key, val};
	}
	l.items = pairs;
	return l;
}

/* Whose distance ?near= sorts by; the asker's address from X-Forwarded-For or the connection. */
void params_source(struct http_call *hc, struct query_source *source)
{
	source->datacenter = datacenter(hc);
	struct slice forwarded = http_header_get(hc->r, S("X-Forwarded-For"));
	struct slice first = slice_trim(slice_next(&forwarded, ','));
	if (first.n) {
		source->ip = first;
	} else {
		ptrdiff_t colon = slice_find_last(hc->r->remote, ':');
		source->ip = colon < 0 ? S_NONE : slice_cut(hc->r->remote, 0, (size_t)colon);
	}
	struct slice near = param_get(hc, "near");
	source->node = slice_is(near, "_agent") ? hc->api->world->config->node_name : near;
}

bool params_service(struct http_call *hc, struct service_request *q)
{
	q->node_meta_filters = params_meta(hc);
	params_source(hc, &q->source);
	if (!params_read(hc, &q->head))
		return false;
	q->tag_filter = param_has(hc, "tag");
	q->service_tag = param_get(hc, "tag");
	q->service_name = http_rest(hc);
	if (!q->service_name.n)
		http_text(hc, 400, "Missing service name");
	return q->service_name.n > 0;
}

bool params_node(struct http_call *hc, struct node_request *q)
{
	if (!params_read(hc, &q->head))
		return false;
	q->node = http_rest(hc);
	if (!q->node.n)
		http_text(hc, 400, "Missing node name");
	return q->node.n > 0;
}
