/* /v1/agent/: what this agent is and has, what is registered with it, and what it is told to do. Reading is answered
 * from the world; everything else is a question to the core thread. */
#ifndef CORE_API_HTTP_AGENT_H
#define CORE_API_HTTP_AGENT_H

#include "core/api/http.h"

/* http_agent.c */
http_handler http_agent_self, http_agent_members, http_agent_services, http_agent_checks, http_agent_monitor;
/* http_agent_metrics.c */
http_handler http_agent_metrics;
/* http_agent_register.c */
http_handler http_agent_service_register, http_agent_service_deregister, http_agent_service_maintenance,
        http_agent_check_register, http_agent_check_deregister, http_agent_check_pass, http_agent_check_warn,
        http_agent_check_fail, http_agent_check_update, http_agent_maintenance;
/* http_agent_control.c */
http_handler http_agent_join, http_agent_leave, http_agent_force_leave, http_agent_reload, http_agent_token;

/* Sends a question whose good answer is empty. `request` lies in the message's memory. */
enum api_state http_agent_ask(struct http_call *hc, struct message *m, void *request);

#endif
