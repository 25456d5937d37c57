/* What kind of bytes are these? The tables of the WHATWG MIME Sniffing Standard as Go's net/http walks them: the first
 * row that fits wins, only the first 512 bytes count. */
#include "core/base/http_message.h"
#include "core/base/slice.h"

enum { SNIFF_MAX = 512 };

/* A '?' in the pattern of an EXACT row stands for any byte. */
struct row {
	struct slice pattern;
	const char *type;
	enum { EXACT, TAG, SKIP_BLANKS } how;
};

#define HTML(tag)                                                                                                      \
	{                                                                                                              \
		{tag, sizeof(tag) - 1}, "text/html; charset=utf-8", TAG                                                \
	}
#define ROW(bytes, type, how)                                                                                          \
	{                                                                                                              \
		{bytes, sizeof(bytes) - 1}, type, how                                                                  \
	}

static const struct row rows_first[] = {
        HTML("<!DOCTYPE HTML"),
        HTML("<HTML"),
        HTML("<HEAD"),
        HTML("<SCRIPT"),
        HTML("<IFRAME"),
        HTML("<H1"),
        HTML("<DIV"),
        HTML("<FONT"),
        HTML("<TABLE"),
        HTML("<A"),
        HTML("<STYLE"),
        HTML("<TITLE"),
        HTML("<B"),
        HTML("<BODY"),
        HTML("<BR"),
        HTML("<P"),
        HTML("<!--"),
        ROW("<?xml", "text/xml; charset=utf-8", SKIP_BLANKS),
        ROW("%PDF-", "application/pdf", EXACT),
        ROW("%!PS-Adobe-", "application/postscript", EXACT),
        ROW("\xFE\xFF??", "text/plain; charset=utf-16be", EXACT),
        ROW("\xFF\xFE??", "text/plain; charset=utf-16le", EXACT),
        ROW("\xEF\xBB\xBF?", "text/plain; charset=utf-8", EXACT),
        ROW("\x00\x00\x01\x00", "image/x-icon", EXACT),
        ROW("\x00\x00\x02\x00", "image/x-icon", EXACT),
        ROW("BM", "image/bmp", EXACT),
        ROW("GIF87a", "image/gif", EXACT),
        ROW("GIF89a", "image/gif", EXACT),
        ROW("RIFF????WEBPVP", "image/webp", EXACT),
        ROW("\x89PNG\r\n\x1A\n", "image/png", EXACT),
        ROW("\xFF\xD8\xFF", "image/jpeg", EXACT),
        ROW("FORM????AIFF", "audio/aiff", EXACT),
        ROW("ID3", "audio/mpeg", EXACT),
        ROW("OggS\x00", "application/ogg", EXACT),
        ROW("MThd\x00\x00\x00\x06", "audio/midi", EXACT),
        ROW("RIFF????AVI ", "video/avi", EXACT),
        ROW("RIFF????WAVE", "audio/wave", EXACT),
};

static const struct row rows_last[] = {
        ROW("\x1A\x45\xDF\xA3", "video/webm", EXACT),
        ROW("??????????????????????????????????LP", "application/vnd.ms-fontobject", EXACT),
        ROW("\x00\x01\x00\x00", "font/ttf", EXACT),
        ROW("OTTO", "font/otf", EXACT),
        ROW("ttcf", "font/collection", EXACT),
        ROW("wOFF", "font/woff", EXACT),
        ROW("wOF2", "font/woff2", EXACT),
        ROW("\x1F\x8B\x08", "application/x-gzip", EXACT),
        ROW("PK\x03\x04", "application/zip", EXACT),
        ROW("Rar!\x1A\x07\x00", "application/x-rar-compressed", EXACT),
        ROW("Rar!\x1A\x07\x01\x00", "application/x-rar-compressed", EXACT),
        ROW("\x00\x61\x73\x6D", "application/wasm", EXACT),
};

static bool is_blank(char c)
{
	return c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' ';
}

static bool row_fits(const struct row *r, struct slice data, struct slice trimmed)
{
	struct slice d = r->how == EXACT ? data : trimmed;
	if (d.n < r->pattern.n + (r->how == TAG))
		return false;
	for (size_t i = 0; i < r->pattern.n; i++) {
		char want = r->pattern.p[i], have = d.p[i];
		if (r->how == TAG && want >= 'A' && want <= 'Z')
			have &= (char)0xDF;
		if (want != have && (want != '?' || r->how != EXACT))
			return false;
	}
	return r->how != TAG || d.p[r->pattern.n] == ' ' || d.p[r->pattern.n] == '>';
}

static bool is_mp4(struct slice d)
{
	if (d.n < 12)
		return false;
	const unsigned char *p = (const unsigned char *)d.p;
	uint32_t size = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	if (d.n < size || size % 4 || memcmp(d.p + 4, "ftyp", 4))
		return false;
	for (uint32_t at = 8; at < size; at += 4)
		if (at != 12 && !memcmp(d.p + at, "mp4", 3))
			return true;
	return false;
}

static bool is_text(struct slice d)
{
	for (size_t i = 0; i < d.n; i++) {
		unsigned char c = (unsigned char)d.p[i];
		if (c <= 0x08 || c == 0x0B || (c >= 0x0E && c <= 0x1A) || (c >= 0x1C && c <= 0x1F))
			return false;
	}
	return true;
}

static const char *sniff_rows(const struct row *rows, size_t n, struct slice data, struct slice trimmed)
{
	for (size_t i = 0; i < n; i++)
		if (row_fits(&rows[i], data, trimmed))
			return rows[i].type;
	return NULL;
}

struct slice http_sniff(struct slice body)
{
	struct slice data = slice_cut(body, 0, SNIFF_MAX), trimmed = data;
	while (trimmed.n && is_blank(trimmed.p[0]))
		trimmed = slice_from(trimmed, 1);
	const char *type = sniff_rows(rows_first, ARRAY_LEN(rows_first), data, trimmed);
	if (!type && is_mp4(data))
		type = "video/mp4";
	if (!type)
		type = sniff_rows(rows_last, ARRAY_LEN(rows_last), data, trimmed);
	if (!type)
		type = is_text(trimmed) ? "text/plain; charset=utf-8" : "application/octet-stream";
	return slice_of(type);
}
