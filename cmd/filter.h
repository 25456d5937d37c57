/* Which nodes an event is for: regular expressions on node, service and tag, as `event` and `exec` take them. */
#ifndef CMD_FILTER_H
#define CMD_FILTER_H

#include "cmd/client.h"

struct node_filter {
	const char *node, *service, *tag; /* "": any */
};

/* Are they expressions, and fit together? "Failed to compile node filter regexp: …" */
enum err node_filter_check(const struct node_filter *n, struct fail *f);

/* Adds them to a request that fires an event. */
void node_filter_params(const struct node_filter *n, struct client_request *r);

#endif
