/* /v1/kv/: one key, a prefix, a list of keys; set, cas, lock, unlock, delete. */
#ifndef CORE_API_HTTP_KV_H
#define CORE_API_HTTP_KV_H

#include "core/api/http.h"

http_handler http_kv;
/* A value announced as too long: it will be refused, nobody has to wait for it. */
bool http_kv_refuses(const struct http_request *r);

#endif
