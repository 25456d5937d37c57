/* HTTP: 2xx passes, 429 warns, all else is critical; redirects are followed. Consul 1.0.8: agent/checks/check.go,
 * CheckHTTP; texts of Go's client. */
#include "cmd/agent/check_job.h"
#include "core/base/schema.h"
#include "core/base/slice.h"
#include "core/base/text.h"

/* ---- the answer ---- */

static void data(struct errand *e, struct slice piece, bool first)
{
	struct check_job *j = e->owner;
	if (first)
		j->tail.total = 0;
	tail_put(&j->tail, piece);
}

static void done(struct errand *e, int status, struct slice text)
{
	struct check_job *j = e->owner;
	if (!status) {
		check_job_fail(j, "%.*s", PS(text));
		return;
	}
	struct buf said = {0};
	const char *health = status >= 200 && status <= 299 ? "passing" : status == 429 ? "warning" : "critical";
	buf_fmt(&said, "HTTP %.*s %.*s: %d %.*s Output: ", PS(j->ask.method), PS(j->ask.http), status, PS(text));
	tail_read(&j->tail, &said);
	check_job_end(j, health, buf_view(&said));
	buf_free(&said);
}

/* ---- the request ---- */

static bool has_header(const struct check_job *j, const char *name)
{
	const struct named_strs *h = j->ask.header.items;
	for (uint32_t i = 0; i < j->ask.header.n; i++)
		if (slice_eq_fold(h[i].key, slice_of(name)) && h[i].strs.n)
			return true;
	return false;
}

static void put_headers(const struct check_job *j, struct buf *b)
{
	static const char *const ruled[] = {"Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection"};
	const struct named_strs *h = j->ask.header.items;
	if (!has_header(j, "User-Agent"))
		buf_fmt(b, "User-Agent: %.*s\r\n", PS(j->ask.user_agent));
	if (!has_header(j, "Accept"))
		BUF_LIT(b, "Accept: text/plain, text/*, */*\r\n");
	for (uint32_t i = 0; i < j->ask.header.n; i++) {
		const struct slice *values = h[i].strs.items;
		bool skip = false;
		for (size_t k = 0; k < ARRAY_LEN(ruled); k++)
			skip |= slice_eq_fold(h[i].key, slice_of(ruled[k]));
		for (uint32_t k = 0; k < h[i].strs.n && !skip; k++) {
			buf_fmt(b, "%.*s: %.*s\r\n", PS(h[i].key), PS(values[k]));
			skip = slice_eq_fold(h[i].key, S("User-Agent"));
		}
	}
}

/* A header of that name can't be set any other way: it is what the request line's connection is for. Empty: none. */
static struct slice host_header(const struct check_job *j)
{
	const struct named_strs *h = j->ask.header.items;
	for (uint32_t i = 0; i < j->ask.header.n; i++)
		if (slice_eq_fold(h[i].key, S("Host")) && h[i].strs.n && ((const struct slice *)h[i].strs.items)->n)
			return *(const struct slice *)h[i].strs.items;
	return S_NONE;
}

static void start(struct check_job *j)
{
	char quoted[256];
	struct buf headers = {0};
	if (!j->ask.method.n)
		j->ask.method = S("GET");
	if (!errand_method(j->ask.method)) {
		check_job_fail(j, "net/http: invalid method %s", quote_cstr(j->ask.method, quoted, sizeof quoted));
		return;
	}
	put_headers(j, &headers);
	j->errand = (struct errand){
	        .loop = j->loop,
	        .owner = j,
	        .method = j->ask.method,
	        .url = j->ask.http,
	        .host = host_header(j),
	        .headers = arena_copy(&j->mem, buf_view(&headers)),
	        .tls_skip_verify = j->ask.tls_skip_verify,
	        .own = j->own,
	        .deadline = j->deadline,
	        .data = data,
	        .done = done,
	};
	buf_free(&headers);
	errand_start(&j->errand);
}

static void drop(struct check_job *j)
{
	errand_drop(&j->errand);
}

const struct check_kind_of check_http = {start, drop};
