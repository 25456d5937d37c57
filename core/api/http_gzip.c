#include "core/api/http_gzip.h"

#include "core/base/gzip.h"
#include "core/base/num.h"
#include "core/base/slice.h"

/* "gzip;q=0.5": the quality of the last part counts, 1 when that says none; what does not parse is no coding at all. */
static bool coding_read(struct slice coding, struct slice *name, double *quality)
{
	bool first = true, good = true;
	while (coding.n || first) {
		struct slice part = slice_trim(slice_next(&coding, ';'));
		*quality = 1;
		if (first)
			*name = part;
		else if (slice_starts(part, S("q=")))
			good = num_float(slice_from(part, 2), quality, NULL) == OK;
		first = false;
	}
	return good && name->n;
}

bool http_takes_gzip(const struct http_request *r)
{
	struct slice all = http_header_get(r, S("Accept-Encoding"));
	bool takes = false;
	while (all.n) {
		struct slice coding = slice_next(&all, ','), name;
		double quality;
		if (coding_read(coding, &name, &quality) && slice_eq_fold(name, S("gzip")))
			takes = quality > 0;
	}
	return takes;
}

void http_gzip(struct http_answer *a)
{
	struct buf packed = {0};
	if (!a->body.n && !a->content_type.n && !a->sniff)
		return;
	if (!a->content_type.n)
		a->content_type = http_sniff(buf_view(&a->body));
	gzip(buf_view(&a->body), &packed);
	if (!packed.failed) {
		buf_reset(&a->body, SIZE_MAX);
		buf_slice(&a->body, buf_view(&packed));
		BUF_LIT(&a->headers, "Content-Encoding: gzip\r\n");
	}
	buf_free(&packed);
}
