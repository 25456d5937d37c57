/* Tables as the reference prints them; it has two ways.
 *
 * columns_*: cells cut at '|', trimmed, each column as wide as its widest cell (in bytes), two blanks between.
 * tabs_format: text with tabs; a cell that a tab ends is padded to the widest in its block of lines (in characters)
 * plus six blanks, where a block is a run of lines that have that column; what follows the last tab is not padded. \v
 * counts as a tab, \f as a newline that ends all blocks (text/tabwriter of Go). */
#ifndef CMD_COLUMNS_H
#define CMD_COLUMNS_H

#include "core/base/buf.h"

/* Lines of cells separated by '|', each ended by \n. Appends the table to `out`, without a last newline. */
void columns_format(struct slice lines, struct buf *out);

/* Appends `text` with its tabs turned into blanks. */
void tabs_format(struct slice text, struct buf *out);

#endif
