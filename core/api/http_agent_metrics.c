/* /v1/agent/metrics: the shape of go-metrics' in-memory sink (inmem_endpoint.go), with what this agent can tell: its
 * memory, its threads, its queues, and who in the pools suspects whom. */
#include "core/agent/accusations.h"
#include "core/agent/config.h"
#include "core/api/http_agent.h"
#include "core/base/civil.h"
#include "core/base/json.h"
#include "core/base/slice.h"

enum { INTERVAL_S = 10 };

struct gauge {
	struct slice name;
	double value;
	struct list labels; /* map */
};
static const struct field gauge_fields[] = {
        FIELD(struct gauge, name, "Name", F_STR, 0),
        FIELD(struct gauge, value, "Value", F_FLOAT, 0),
        FIELD(struct gauge, labels, "Labels", F_MAP, FF_NIL_EMPTY),
};
static const struct schema gauge_schema = SCHEMA(struct gauge, "metrics.GaugeValue", gauge_fields);

struct sample {
	struct slice name;
	int64_t count;
	double sum, min, max, mean, stddev;
	struct list labels; /* map */
};
static const struct field sample_fields[] = {
        FIELD(struct sample, name, "Name", F_STR, 0),
        FIELD(struct sample, count, "Count", F_INT, 0),
        FIELD(struct sample, sum, "Sum", F_FLOAT, 0),
        FIELD(struct sample, min, "Min", F_FLOAT, 0),
        FIELD(struct sample, max, "Max", F_FLOAT, 0),
        FIELD(struct sample, mean, "Mean", F_FLOAT, 0),
        FIELD(struct sample, stddev, "Stddev", F_FLOAT, 0),
        FIELD(struct sample, labels, "Labels", F_MAP, FF_NIL_EMPTY),
};
static const struct schema sample_schema = SCHEMA(struct sample, "metrics.SampledValue", sample_fields);

struct summary {
	struct slice timestamp;
	struct list gauges, points, counters, samples;
};
static const struct field summary_fields[] = {
        FIELD(struct summary, timestamp, "Timestamp", F_STR, 0),
        FIELD_SUB(struct summary, gauges, "Gauges", F_LIST, FF_NIL_EMPTY, &gauge_schema),
        FIELD_SUB(struct summary, points, "Points", F_LIST, FF_NIL_EMPTY, &gauge_schema),
        FIELD_SUB(struct summary, counters, "Counters", F_LIST, FF_NIL_EMPTY, &sample_schema),
        FIELD_SUB(struct summary, samples, "Samples", F_LIST, FF_NIL_EMPTY, &sample_schema),
};
static const struct schema summary_schema = SCHEMA(struct summary, "metrics.MetricsSummary", summary_fields);

/* The beginning of the interval, as Go prints a time. */
static struct slice timestamp(struct http_call *hc)
{
	int64_t second = wall_seconds(hc->api->wall);
	struct civil t = civil_of(second - second % INTERVAL_S);
	return arena_str(&hc->api->arena, "%04lld-%02u-%02u %02u:%02u:%02u +0000 UTC", (long long)t.year, t.month,
	        t.day, t.hour, t.minute, t.second);
}

static struct slice full_name(struct http_call *hc, const char *name)
{
	struct slice prefix = hc->api->world->config->metrics_prefix;
	return arena_str(&hc->api->arena, "%.*s.%s", PS(prefix), name);
}

/* Looked at once an interval. */
static struct sample queue(struct http_call *hc, const char *name, uint32_t depth)
{
	return (struct sample){full_name(hc, name), 1, depth, depth, depth, depth, 0, {0}};
}

/* One of the two counts of a member, labelled with who it is. */
static void put_count(
        struct http_call *hc, struct list *gauges, const char *name, const struct accusations *of, uint64_t count)
{
	struct pair *labels = count ? ARENA_ARRAY(&hc->api->arena, struct pair, 2) : NULL;
	if (!labels)
		return;
	labels[0] = (struct pair){S("node"), of->node};
	labels[1] = (struct pair){S("pool"), of->wan ? S("wan") : S("lan")};
	((struct gauge *)gauges->items)[gauges->n++] = (struct gauge){full_name(hc, name), (double)count, {labels, 2}};
}

static void answer(struct http_call *hc, struct message *m)
{
	const struct world *w = hc->api->world;
	const struct gauge fixed[] = {
	        {full_name(hc, "runtime.alloc_bytes"), (double)w->memory_used, {0}},
	        {full_name(hc, "runtime.heap_objects"), (double)w->objects, {0}},
	        {full_name(hc, "runtime.num_goroutines"), (double)hc->api->threads, {0}},
	        {full_name(hc, "runtime.sys_bytes"), (double)w->memory_held, {0}},
	        {full_name(hc, "session_ttl.active"), (double)db_count(w->db, TREE_SESSIONS), {0}},
	        {full_name(hc, "memberlist.health.score"), w->lan.health_score, {0}},
	};
	struct sample samples[] = {
	        queue(hc, "serf.queue.Event", w->lan.event_queue),
	        queue(hc, "serf.queue.Intent", w->lan.intent_queue),
	        queue(hc, "serf.queue.Query", w->lan.query_queue),
	};
	const struct list *counted = m->reply;
	const struct accusations *all = counted->items;
	struct gauge *gauges = ARENA_ARRAY(&hc->api->arena, struct gauge, ARRAY_LEN(fixed) + 2 * counted->n);
	if (!gauges) {
		http_failed(hc, ERR_NO_MEMORY, S("out of memory"));
		return;
	}
	memcpy(gauges, fixed, sizeof fixed);
	struct summary s = {
	        .timestamp = timestamp(hc),
	        .gauges = {gauges, ARRAY_LEN(fixed)},
	        .samples = {samples, ARRAY_LEN(samples)},
	};
	for (uint32_t i = 0; i < counted->n; i++) {
		put_count(hc, &s.gauges, "memberlist.accusations.raised", &all[i], all[i].raised);
		put_count(hc, &s.gauges, "memberlist.accusations.suffered", &all[i], all[i].suffered);
	}
	http_json(hc, &summary_schema, &s);
}

enum api_state http_agent_metrics(struct http_call *hc)
{
	struct message *m = http_message(hc, ASK_ACCUSATIONS);
	return m ? http_ask(hc, m, answer) : http_failed(hc, ERR_NO_MEMORY, S("out of memory"));
}
