/* /v1/catalog/: what is registered; registering by hand. */
#ifndef CORE_API_HTTP_CATALOG_H
#define CORE_API_HTTP_CATALOG_H

#include "core/api/http.h"

http_handler http_catalog_register, http_catalog_deregister, http_catalog_datacenters, http_catalog_nodes,
        http_catalog_services, http_catalog_service, http_catalog_node;

#endif
