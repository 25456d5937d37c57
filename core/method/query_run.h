/* Running a prepared query: who fits it here, and which other datacenters are asked when nobody does. */
#ifndef CORE_METHOD_QUERY_RUN_H
#define CORE_METHOD_QUERY_RUN_H

#include "core/method/prepared_query.h"

/* The healthy instances that fit, in a random order, into the reply. No failover, no limit, no sorting. */
void query_run(struct call *c, const struct prepared_query *q, struct query_execute_reply *reply);

/* Nobody fits here: asks the datacenters that the query names, one after another, until one has somebody. May end with
 * c->forward set: then the call goes on when that datacenter has answered (c->again.failovers counts). */
enum err query_failover(struct call *c, const struct prepared_query *q, struct query_execute_reply *reply);

#endif
