/* /v1/event/: user events, fired and listed. */
#ifndef CORE_API_HTTP_EVENT_H
#define CORE_API_HTTP_EVENT_H

#include "core/api/http.h"

http_handler http_event_fire, http_event_list;

#endif
