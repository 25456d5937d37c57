/* /v1/query: prepared queries, their definitions and what they find. */
#ifndef CORE_API_HTTP_QUERY_H
#define CORE_API_HTTP_QUERY_H

#include "core/api/http.h"

http_handler http_queries, http_query;

#endif
