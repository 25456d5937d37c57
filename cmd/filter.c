/* Which nodes an event is for. */
#include "cmd/filter.h"

#include "core/base/pattern.h"
#include "core/base/slice.h"

static enum err expression_check(const char *text, const char *what, struct fail *f)
{
	struct pattern *p;
	if (!*text)
		return OK;
	if (pattern_compile(slice_of(text), &p, f) != OK)
		return fail_wrap(f, "Failed to compile %s filter regexp", what);
	pattern_free(p);
	return OK;
}

enum err node_filter_check(const struct node_filter *n, struct fail *f)
{
	if (expression_check(n->node, "node", f) != OK || expression_check(n->service, "service", f) != OK ||
	        expression_check(n->tag, "tag", f) != OK)
		return f->code;
	if (*n->tag && !*n->service)
		return fail_set(f, ERR_INVALID, "Cannot provide tag filter without service filter.");
	return OK;
}

void node_filter_params(const struct node_filter *n, struct client_request *r)
{
	if (*n->node)
		request_param(r, "node", slice_of(n->node));
	if (*n->service)
		request_param(r, "service", slice_of(n->service));
	if (*n->tag)
		request_param(r, "tag", slice_of(n->tag));
}
