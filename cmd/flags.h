/* Flags in the manner of Go's flag package: -x, --x, -x=v, -x v; a boolean takes its value only after '='; the first
 * word that is no flag, or "--", ends them. A set of flags is a table, ended by a row without a name; several tables
 * together make the flags of a command.
 *
 * Where a value lands belongs to the caller (usually a static of the command's file) and holds the default before.
 * Texts point into argv. Error texts are those of Go 1.19. */
#ifndef CMD_FLAGS_H
#define CMD_FLAGS_H

#include <stdio.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/types.h"

/* The kinds differ in what lies at `to` and in the words of their errors: the first five are Go's own
 * (`parse error`), those called OWN answer with the text of strconv or time. */
enum flag_kind {
	FLAG_BOOL,         /* bool */
	FLAG_STRING,       /* const char * */
	FLAG_INT,          /* int64_t */
	FLAG_UINT,         /* uint64_t */
	FLAG_DURATION,     /* dur_ns */
	FLAG_OWN_BOOL,     /* bool */
	FLAG_OWN_STRING,   /* const char * */
	FLAG_OWN_INT,      /* int64_t */
	FLAG_OWN_UINT,     /* uint64_t */
	FLAG_OWN_DURATION, /* dur_ns */
	FLAG_PAIRS,        /* struct flag_list of texts that hold a '='; may be given often */
	FLAG_LIST,         /* struct flag_list; may be given often */
};

enum { FLAG_LIST_MAX = 256 };

struct flag_list {
	const char *items[FLAG_LIST_MAX];
	size_t n;
};

struct flag {
	const char *name;
	enum flag_kind kind;
	void *to;
	const char *usage; /* a word in backquotes names the value */
	bool *given;       /* set when the flag was given; may be NULL */
	bool hidden;       /* works, but no list shows it */
};

enum { FLAG_TABLES_MAX = 4 };

/* The tables of one command. Those in `shared` are listed first, under "HTTP API Options". */
struct flag_set {
	const struct flag *own;
	const struct flag *shared[FLAG_TABLES_MAX]; /* until the first NULL */
};

enum flags_result { FLAGS_OK, FLAGS_HELP, FLAGS_WRONG };

/* Reads the flags at the beginning of words[0 .. n). *rest is the number of the first word that follows them.
 * FLAGS_WRONG: f has the sentence. FLAGS_HELP: -h or -help was among them. */
enum flags_result flags_parse(const struct flag_set *set, size_t n, char *const *words, size_t *rest, struct fail *f);

/* The list that follows an error: each flag, the kind of its value, its usage, its default. */
void flags_usage(const struct flag_set *set, FILE *out);

/* The page of help: `text`, then the flags in their groups, wrapped at 72 letters. Ends without a newline. */
void flags_help(const struct flag_set *set, const char *text, struct buf *out);

#endif
