/* /v1/status/: who leads, who votes. Asked first by almost every client. */
#ifndef CORE_API_HTTP_STATUS_H
#define CORE_API_HTTP_STATUS_H

#include "core/api/http.h"

http_handler http_status_leader, http_status_peers;

#endif
