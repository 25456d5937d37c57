/* /v1/coordinate/: where nodes are in the network. */
#ifndef CORE_API_HTTP_COORDINATE_H
#define CORE_API_HTTP_COORDINATE_H

#include "core/api/http.h"

http_handler http_coordinate_datacenters, http_coordinate_nodes, http_coordinate_node, http_coordinate_update;

#endif
