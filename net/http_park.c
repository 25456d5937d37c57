#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/http_conn.h"

/* A request in one piece: method, target, body, then for each kept header its number in the settings, the length of its
 * value and the value. */
struct http_kept {
	mono_ns began;
	int64_t content_length;
	struct slice body_cut; /* a constant text */
	uint32_t method, target, body;
	uint16_t headers;
	char bytes[];
};

enum { HEADER_COST = 1 + sizeof(uint32_t) };

/* Which of the settings' names it is; -1 for none. */
static int kept_name(const struct http_settings *s, struct slice name)
{
	for (unsigned i = 0; i < s->park_header_count; i++)
		if (slice_eq_fold(name, s->park_headers[i]))
			return (int)i;
	return -1;
}

static char *put(char *at, struct slice s)
{
	if (s.n)
		memcpy(at, s.p, s.n);
	return at + s.n;
}

static size_t kept_size(const struct http_settings *s, const struct http_request *r)
{
	size_t n = sizeof(struct http_kept) + r->method.n + r->target.n + r->body.n;
	for (unsigned i = 0; i < r->header_count; i++)
		if (kept_name(s, r->headers[i].name) >= 0)
			n += HEADER_COST + r->headers[i].value.n;
	return n;
}

bool http_kept_make(struct http_conn *c, const struct http_request *r)
{
	const struct http_settings *s = &c->server->set;
	struct http_kept *k = malloc(kept_size(s, r));
	if (!k)
		return false;
	*k = (struct http_kept){.began = r->began,
	        .content_length = r->content_length,
	        .body_cut = r->body_cut,
	        .method = (uint32_t)r->method.n,
	        .target = (uint32_t)r->target.n,
	        .body = (uint32_t)r->body.n};
	char *at = put(put(put(k->bytes, r->method), r->target), r->body);
	for (unsigned i = 0; i < r->header_count; i++) {
		int which = kept_name(s, r->headers[i].name);
		if (which < 0)
			continue;
		uint32_t n = (uint32_t)r->headers[i].value.n;
		*at++ = (char)which;
		memcpy(at, &n, sizeof n);
		at = put(at + sizeof n, r->headers[i].value);
		k->headers++;
	}
	c->kept = k;
	return true;
}

void http_kept_free(struct http_conn *c)
{
	free(c->kept);
	c->kept = NULL;
}

void http_parked_request(struct http_conn *c, struct http_request *r)
{
	const struct http_kept *k = c->kept;
	MUST(k != NULL);
	const char *at = k->bytes;
	r->method = (struct slice){at, k->method};
	r->target = (struct slice){at += k->method, k->target};
	r->body = (struct slice){at += k->target, k->body};
	at += k->body;
	MUST(http_parse_target(r));
	r->verb = http_verb_of(r->method);
	r->minor = c->minor;
	r->content_length = k->content_length;
	r->body_cut = k->body_cut;
	r->began = k->began;
	r->remote = (struct slice){c->remote, c->remote_n};
	r->tls = c->s.tls != NULL;
	r->header_count = k->headers;
	for (unsigned i = 0; i < k->headers; i++) {
		uint32_t n;
		memcpy(&n, at + 1, sizeof n);
		r->headers[i].name = c->server->set.park_headers[(uint8_t)*at];
		r->headers[i].value = (struct slice){at + HEADER_COST, n};
		at += HEADER_COST + n;
	}
}
