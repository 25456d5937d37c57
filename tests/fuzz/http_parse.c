/* Any bytes as the head of a request and of an answer: never a byte beyond them, and what is accepted is consistent. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/http_parse.h"

static void inside(struct slice part, const char *p, size_t n)
{
	MUST(!part.n || (part.p >= p && part.p + part.n <= p + n));
}

static void check_request(char *p, size_t n)
{
	struct http_request r;
	struct http_framing f, again;
	enum http_parse_result e = http_parse_request(p, n, &r, &f);
	MUST(e != HTTP_PARSE_BAD || (f.status >= 400 && f.status <= 505));
	if (e != HTTP_PARSED)
		return;
	MUST(f.head <= n && r.header_count <= HTTP_HEADERS_MAX && r.content_length >= -1);
	MUST(!f.chunked || f.content_length == -1);
	inside(r.method, p, n);
	inside(r.target, p, n);
	inside(r.path, r.target.p, r.target.n);
	inside(r.query, r.target.p, r.target.n);
	for (unsigned i = 0; i < r.header_count; i++) {
		inside(r.headers[i].name, p, f.head);
		inside(r.headers[i].value, p, f.head);
	}
	MUST(http_parse_request(p, f.head, &r, &again) == HTTP_PARSED && again.head == f.head);
	MUST(http_parse_request(p, f.head - 1, &r, &again) != HTTP_PARSED);
}

static void check_response(char *p, size_t n)
{
	struct http_response r;
	struct http_framing f;
	if (http_parse_response(p, n, false, &r, &f) != HTTP_PARSED)
		return;
	MUST(f.head <= n && r.header_count <= HTTP_HEADERS_MAX && r.status >= 0 && r.status <= 999);
	http_response_header(&r, S("Location"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	for (int answer = 0; answer < 2; answer++) {
		char *p = malloc(n ? n : 1);
		memcpy(p, data, n);
		if (answer)
			check_response(p, n);
		else
			check_request(p, n);
		free(p);
	}
	return 0;
}
