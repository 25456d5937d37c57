/* Templates of prepared queries: the ${…} in the texts of their service part, filled in for a name that was asked for
 * (Consul 1.0.8: agent/consul/prepared_query/template.go).
 *
 * What Consul compiles once is read anew each time: that is a few microseconds, and nothing has to be kept beside rows.
 */
#ifndef CORE_STATE_QUERY_TEMPLATE_H
#define CORE_STATE_QUERY_TEMPLATE_H

#include "core/state/prepared_query.h"

/* The query as it is to be run for `name`, asked in the network segment `segment`. Shares with `q` what is no text of
 * its service part. Consul's words on failure; ERR_FULL: fine for Consul, but more than our regular expressions or our
 * nesting take, which the text says. */
enum err query_template_render(const struct prepared_query *q, struct slice name, struct slice segment, struct arena *a,
        const struct prepared_query **out, struct fail *f);

/* May it be stored? Filled in for its own name, as Consul tries it. */
static inline enum err query_template_check(const struct prepared_query *q, struct arena *a, struct fail *f)
{
	const struct prepared_query *rendered;
	return query_template_render(q, q->name, S(""), a, &rendered, f);
}

#endif
