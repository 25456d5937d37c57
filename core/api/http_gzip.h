/* Packed answers, for clients that take them (1.0.8: NYTimes/gziphandler around every endpoint, with no least size). */
#ifndef CORE_API_HTTP_GZIP_H
#define CORE_API_HTTP_GZIP_H

#include "core/base/http_message.h"

/* Does Accept-Encoding name gzip with a quality above 0? */
bool http_takes_gzip(const struct http_request *r);

/* Packs what was written, be it of no length; an answer nobody wrote to stays as it is. */
void http_gzip(struct http_answer *a);

#endif
