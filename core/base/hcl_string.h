/* The contents of HCL strings and heredocs. For hcl_tree.c only. */
#ifndef BASE_HCL_STRING_H
#define BASE_HCL_STRING_H

#include "core/base/arena.h"

/* What the quoted string as written means: escapes decoded, except within ${ … }. False when it is wrong or the arena
 * is full. */
bool hcl_unquote(struct slice written, struct arena *a, struct slice *out);

/* What the heredoc as written means; <<- takes the indentation of the last line away from all. */
bool hcl_heredoc(struct slice written, struct arena *a, struct slice *out);

#endif
