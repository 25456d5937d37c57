/* translate_wan_addrs: nodes of another datacenter are shown by their WAN address (Consul 1.0.8:
 * agent/translate_addr.go). Only what came from there is changed: it is ours to change. */
#ifndef CORE_API_HTTP_TRANSLATE_H
#define CORE_API_HTTP_TRANSLATE_H

#include "core/api/http.h"
#include "store/model.h"

void http_translate_node(const struct http_call *hc, struct slice datacenter, struct node *n);
void http_translate_nodes(const struct http_call *hc, struct slice datacenter, struct list nodes);
void http_translate_services(const struct http_call *hc, struct slice datacenter, struct list service_nodes);
void http_translate_checked(const struct http_call *hc, struct slice datacenter, struct list check_service_nodes);

#endif
