/* Data that a word of the command line names: "@path" a file, "-" standard input, anything else itself. */
#ifndef CMD_INPUT_H
#define CMD_INPUT_H

#include "core/base/buf.h"
#include "core/base/err.h"

/* Appends it to `out`. Errors: "Failed to read file: open x: no such file or directory". */
enum err input_word(const char *word, struct buf *out, struct fail *f);

/* All that standard input holds. */
enum err input_stdin(struct buf *out, struct fail *f);

/* Appends a whole file. "open x: no such file or directory". */
enum err input_file(const char *path, struct buf *out, struct fail *f);

#endif
