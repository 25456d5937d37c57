/* /v1/internal/ui/: what the web page shows. */
#ifndef CORE_API_HTTP_UI_H
#define CORE_API_HTTP_UI_H

#include "core/api/http.h"

http_handler http_ui_nodes, http_ui_node, http_ui_services;

#endif
