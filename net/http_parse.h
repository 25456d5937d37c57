/* The head of a request or of an answer: total, without copying, as strict as Go's net/http (go1.19), which is what the
 * clients of the world are used to.
 *
 * The bytes are read where they lie; every slice of the result points into them. Only one thing is changed in place:
 * folded header lines ("a\r\n b") are joined to "a b". Parsing a head that is not whole yet costs
 * its length again next time; callers bound that (http_server.h). The first HTTP_HEADERS_MAX headers are kept, all are
 * checked, and those that rule the framing are obeyed wherever they stand.
 *
 * Rules, by net/http: lines end in \n or \r\n; a request line has exactly three words; the target is a path, an
 * absolute URI, an authority (CONNECT) or "*"; Content-Length repeated must not differ; Transfer-Encoding may only be
 * one "chunked", which beats Content-Length; HTTP/1.1 needs one Host; names are tokens, values have no control
 * characters; an empty name is skipped. */
#ifndef NET_HTTP_PARSE_H
#define NET_HTTP_PARSE_H

#include "core/base/http_message.h"
#include "core/base/types.h"

enum http_parse_result { HTTP_PARSED, HTTP_PARSE_MORE, HTTP_PARSE_BAD };

/* What the head says about the message around it. */
struct http_framing {
	size_t head;            /* bytes of the head, its empty line included */
	int64_t content_length; /* -1: not said */
	bool chunked;
	bool close;           /* the connection ends after this message */
	bool keep_alive_10;   /* HTTP/1.0 that asked to stay */
	bool expect_continue; /* Expect: 100-continue */
	bool expect_other;    /* any other expectation: 417 */
	int status;           /* HTTP_PARSE_BAD: what to answer … */
	const char *reason;   /* … and the sentence behind it, NULL for none */
	struct slice about;   /* … of an answer: the words that are wrong */
};

struct http_response {
	int status;
	uint8_t minor;
	struct slice reason; /* "OK" */
	struct http_header headers[HTTP_HEADERS_MAX];
	unsigned header_count;
};

/* Fills method … headers and content_length of r (body, remote, tls and began are the caller's). */
enum http_parse_result http_parse_request(char *p, size_t n, struct http_request *r, struct http_framing *f);

/* Cuts r->target into path, query and has_query, by r->method; false when it is no target. */
bool http_parse_target(struct http_request *r);

/* The same as http_parse_request for an answer; `reason` of f says what is wrong in the words of net/http. Framing by
 * RFC 7230 3.3.3 for an answer to `head_only` (HEAD) or not: content_length is 0 where there can be no body. */
enum http_parse_result http_parse_response(
        char *p, size_t n, bool head_only, struct http_response *r, struct http_framing *f);

/* The value of a header of an answer, any case; S_NONE if absent. */
struct slice http_response_header(const struct http_response *r, struct slice name);

/* Is `token` one of the comma- or blank-separated words of a header value? Any case. */
bool http_has_token(struct slice value, const char *token);

#endif
