/* /v1/agent/metrics: the shape of go-metrics' in-memory sink (inmem_endpoint.go), with what this agent can tell: its
 * memory, its threads, its queues. */
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

enum api_state http_agent_metrics(struct http_call *hc)
{
	const struct world *w = hc->api->world;
	struct gauge gauges[] = {
	        {full_name(hc, "runtime.alloc_bytes"), (double)w->memory_used, {0}},
	        {full_name(hc, "runtime.heap_objects"), (double)w->objects, {0}},
	        {full_name(hc, "runtime.num_goroutines"), (double)hc->api->threads, {0}},
	        {full_name(hc, "runtime.sys_bytes"), (double)w->memory_held, {0}},
	        {full_name(hc, "session_ttl.active"), (double)db_count(w->db, TREE_SESSIONS), {0}},
	};
	struct sample samples[] = {
	        queue(hc, "serf.queue.Event", w->lan.event_queue),
	        queue(hc, "serf.queue.Intent", w->lan.intent_queue),
	        queue(hc, "serf.queue.Query", w->lan.query_queue),
	};
	const struct summary s = {
	        .timestamp = timestamp(hc),
	        .gauges = {gauges, ARRAY_LEN(gauges)},
	        .samples = {samples, ARRAY_LEN(samples)},
	};
	return http_json(hc, &summary_schema, &s);
}
