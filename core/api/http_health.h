/* /v1/health/: checks of a node, a service, in a state; instances of a service with their health. */
#ifndef CORE_API_HTTP_HEALTH_H
#define CORE_API_HTTP_HEALTH_H

#include "core/api/http.h"

http_handler http_health_state, http_health_node, http_health_checks, http_health_service;

#endif
