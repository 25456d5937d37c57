/* HTTP on a front: net's server on one side, core's api on the other. */
#ifndef CMD_AGENT_FRONT_HTTP_H
#define CMD_AGENT_FRONT_HTTP_H

#include "cmd/agent/front_thread.h"

void front_http_init(struct front *f);
bool front_http_listen(struct front *f, struct fail *why);
void front_http_free(struct front *f);

#endif
