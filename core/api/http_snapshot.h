/* /v1/snapshot: all that the servers know, as an archive; and back. */
#ifndef CORE_API_HTTP_SNAPSHOT_H
#define CORE_API_HTTP_SNAPSHOT_H

#include "core/api/http.h"

http_handler http_snapshot;

#endif
