#include "core/api/http.h"

#include "core/base/slice.h"
#include "core/base/text.h"

bool http_path_printable(struct slice path)
{
	for (size_t at = 0; at < path.n;)
		if (!rune_printable(utf8_next(path, &at)))
			return false;
	return true;
}

static bool needs_cleaning(struct slice path)
{
	if (!path.n || path.p[0] != '/')
		return true;
	for (size_t i = 0; i + 1 < path.n; i++)
		if (path.p[i] == '/' && (path.p[i + 1] == '/' || path.p[i + 1] == '.'))
			return true;
	return false;
}

struct slice http_path_clean(struct arena *a, struct slice path)
{
	char *out = needs_cleaning(path) ? arena_alloc(a, path.n + 2) : NULL;
	if (!out)
		return path;
	size_t n = 0;
	bool slash = path.n && path.p[path.n - 1] == '/';
	struct slice rest = path;
	while (rest.n) {
		struct slice part = slice_next(&rest, '/');
		if (!part.n || slice_is(part, "."))
			continue;
		if (slice_is(part, "..")) {
			while (n && out[--n] != '/')
				;
			continue;
		}
		out[n++] = '/';
		memcpy(out + n, part.p, part.n);
		n += part.n;
	}
	if (!n || (slash && out[n - 1] != '/'))
		out[n++] = '/';
	return (struct slice){out, n};
}

struct slice http_rest(const struct http_call *hc)
{
	return slice_from(hc->path, strlen(hc->route->pattern));
}
