/* A request and an answer of HTTP as data: what net hands to core and core to net. Neither includes the other. */
#ifndef BASE_HTTP_MESSAGE_H
#define BASE_HTTP_MESSAGE_H

#include "core/base/buf.h"
#include "core/base/types.h"

enum http_verb { HTTP_GET, HTTP_HEAD, HTTP_PUT, HTTP_POST, HTTP_DELETE, HTTP_OPTIONS, HTTP_PATCH, HTTP_OTHER };

enum { HTTP_HEADERS_MAX = 64 };

struct http_header {
	struct slice name, value; /* value trimmed */
};

/* Everything points into the connection's input; lives until the handler returns. */
struct http_request {
	enum http_verb verb;
	struct slice method; /* as sent */
	struct slice target; /* as sent: "/v1/kv/a?raw" */
	struct slice path;   /* raw, before the '?', still escaped */
	struct slice query;  /* raw, after the '?', may be empty */
	bool has_query;      /* there was a '?' */
	uint8_t minor;       /* HTTP/1.minor */
	struct http_header headers[HTTP_HEADERS_MAX];
	unsigned header_count;
	struct slice body; /* whole, chunks joined */
	struct slice
	        body_cut; /* why the body is not whole: "unexpected EOF", "invalid byte in chunk length"; else empty */
	int64_t content_length; /* -1: chunked or none */
	struct slice remote;    /* "127.0.0.1:54321" of the client, "@" for a unix socket */
	bool tls;
	mono_ns began; /* when the request was whole */
};

/* The value of the header called `name` (any case), S_NONE if absent. The first of several. */
struct slice http_header_get(const struct http_request *r, struct slice name);

/* The core fills status, headers and body; net adds Date, Content-Length or chunking, Connection. */
struct http_answer {
	int status;
	struct buf headers;        /* whole lines "Name: value\r\n"; of Content-Length only the place counts */
	struct slice content_type; /* empty: none; sniff when `sniff` */
	bool sniff;                /* decide Content-Type from the body as net/http does */
	struct buf body;
};

/* HTTP_OTHER for methods without a name there; by exact bytes. */
enum http_verb http_verb_of(struct slice method);

const char *http_status_text(int status); /* "OK", "Not Found" …; "" when unknown */
/* http.DetectContentType. */
struct slice http_sniff(struct slice body);

#endif
