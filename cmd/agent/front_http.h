/* HTTP on a front: net's server on one side, core's api on the other. */
#ifndef CMD_AGENT_FRONT_HTTP_H
#define CMD_AGENT_FRONT_HTTP_H

#include "cmd/agent/front_thread.h"

void front_http_init(struct front *f);
bool front_http_listen(struct front *f, struct fail *why);
void front_http_free(struct front *f);
/* A message came back from the core. */
void front_http_reply(struct front *f, struct message *m);
/* Sends new log lines to those who monitor. */
void front_http_monitors(struct front *f);

#endif
