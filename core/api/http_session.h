/* /v1/session/: create, destroy, renew, info, node, list. */
#ifndef CORE_API_HTTP_SESSION_H
#define CORE_API_HTTP_SESSION_H

#include "core/api/http.h"

http_handler http_session_create, http_session_destroy, http_session_renew, http_session_info, http_session_node,
        http_session_list;

#endif
