/* Tables of the command line. */
#include "cmd/columns.h"

#include <stdlib.h>

#include "core/base/slice.h"

enum { COLUMNS_MAX = 64, TAB_PADDING = 6 };

static void blanks(struct buf *out, size_t n)
{
	while (n--)
		buf_char(out, ' ');
}

/* ---- cells cut at '|' ---- */

static size_t cells_of(struct slice line, struct slice cells[COLUMNS_MAX])
{
	size_t n = 0;
	for (;;) {
		ptrdiff_t bar = n + 1 < COLUMNS_MAX ? slice_find(line, '|') : -1;
		cells[n++] = slice_trim(bar < 0 ? line : slice_cut(line, 0, (size_t)bar));
		if (bar < 0)
			return n;
		line = slice_from(line, (size_t)bar + 1);
	}
}

void columns_format(struct slice lines, struct buf *out)
{
	size_t widths[COLUMNS_MAX] = {0};
	struct slice cells[COLUMNS_MAX];
	for (struct slice rest = lines; rest.n;) {
		size_t n = cells_of(slice_next(&rest, '\n'), cells);
		for (size_t i = 0; i < n; i++)
			if (cells[i].n > widths[i])
				widths[i] = cells[i].n;
	}
	while (lines.n) {
		size_t n = cells_of(slice_next(&lines, '\n'), cells);
		for (size_t i = 0; i < n; i++) {
			buf_slice(out, cells[i]);
			if (i + 1 < n)
				blanks(out, widths[i] - cells[i].n + 2);
		}
		if (lines.n)
			buf_char(out, '\n');
	}
}

/* ---- cells ended by tabs ---- */

struct tab_cell {
	struct slice text;
	size_t width; /* of the column in this line's block */
};

struct tab_line {
	struct tab_cell *cells;
	size_t n; /* the last one is not ended by a tab */
};

static size_t characters(struct slice s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static bool is_tab(char c)
{
	return c == '\t' || c == '\v';
}

/* Cuts `text` into cells, which are taken from *free_cells on. */
static void tab_line_read(struct tab_line *l, struct slice text, struct tab_cell **free_cells)
{
	*l = (struct tab_line){*free_cells, 0};
	for (;;) {
		size_t end = 0;
		while (end < text.n && (!is_tab(text.p[end]) || l->n + 1 == COLUMNS_MAX))
			end++;
		l->cells[l->n++].text = slice_cut(text, 0, end);
		if (end == text.n)
			break;
		text = slice_from(text, end + 1);
	}
	*free_cells += l->n;
}

/* Gives each column of lines[from .. to) its width, then goes into the blocks of the column to its right. No deeper
 * than COLUMNS_MAX. */
static void tab_block(struct tab_line *lines, size_t from, size_t to, size_t column)
{
	for (size_t i = from; i < to; i++) {
		if (column + 1 >= lines[i].n)
			continue;
		size_t end = i, width = 0;
		for (; end < to && column + 1 < lines[end].n; end++) {
			size_t w = characters(lines[end].cells[column].text);
			width = w > width ? w : width;
		}
		for (size_t j = i; j < end; j++)
			lines[j].cells[column].width = width + TAB_PADDING;
		tab_block(lines, i, end, column + 1);
		i = end;
	}
}

static void tab_line_write(const struct tab_line *l, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++) {
		buf_slice(out, l->cells[i].text);
		if (i + 1 < l->n)
			blanks(out, l->cells[i].width - characters(l->cells[i].text));
	}
}

/* One stretch of lines that share their blocks. Unless it is ended by a newline or its like, a tab at its very end
 * begins no cell. */
static void stretch_format(struct slice text, bool ended, struct buf *out)
{
	size_t n = 1, tabs = 0;
	for (size_t i = 0; i < text.n; i++) {
		n += text.p[i] == '\n';
		tabs += is_tab(text.p[i]);
	}
	struct tab_line *lines = calloc(n, sizeof(*lines));
	struct tab_cell *cells = calloc(n + tabs, sizeof(*cells)), *free_cells = cells;
	out->failed |= !lines || !cells;
	if (!out->failed) {
		for (size_t i = 0; i < n; i++)
			tab_line_read(&lines[i], slice_next(&text, '\n'), &free_cells);
		if (!ended && lines[n - 1].n > 1 && !lines[n - 1].cells[lines[n - 1].n - 1].text.n)
			lines[n - 1].n--;
		tab_block(lines, 0, n, 0);
		for (size_t i = 0; i < n; i++) {
			tab_line_write(&lines[i], out);
			if (i + 1 < n || ended)
				buf_char(out, '\n');
		}
	}
	free(lines);
	free(cells);
}

void tabs_format(struct slice text, struct buf *out)
{
	for (ptrdiff_t feed; (feed = slice_find(text, '\f')) >= 0; text = slice_from(text, (size_t)feed + 1))
		stretch_format(slice_cut(text, 0, (size_t)feed), true, out);
	stretch_format(text, false, out);
}
