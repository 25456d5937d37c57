/* /v1/acl/: tokens and their rules. */
#ifndef CORE_API_HTTP_ACL_H
#define CORE_API_HTTP_ACL_H

#include "core/api/http.h"

http_handler http_acl;

#endif
