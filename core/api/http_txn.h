/* /v1/txn: several KV operations, all or nothing. */
#ifndef CORE_API_HTTP_TXN_H
#define CORE_API_HTTP_TXN_H

#include "core/api/http.h"

http_handler http_txn;

#endif
