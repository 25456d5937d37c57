/* Errors as values. A function that can fail returns `enum err` and writes a sentence for a person into `struct fail`;
 * whoever knows more wraps it on the way up. Texts are Consul's own where it has one. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "core/base/types.h"

enum err {
	OK = 0,
	ERR_INVALID,   /* bad input: the request is refused (HTTP 400) */
	ERR_FAILED,    /* refused or failed on the server side (HTTP 500) */
	ERR_DENIED,    /* permission denied (HTTP 403) */
	ERR_ABSENT,    /* not there (HTTP 404) */
	ERR_NO_LEADER, /* no cluster leader */
	ERR_NO_PATH,   /* no path to datacenter */
	ERR_FULL,      /* a queue or limit is full (HTTP 429/503) */
	ERR_NO_MEMORY,
	ERR_IO,      /* the disk or the network said no */
	ERR_TORN,    /* a record cut short at the end: expected after a crash */
	ERR_CORRUPT, /* bytes that cannot be right */
	ERR_TIMEOUT,
	ERR_CLOSED,
};

enum { FAIL_TEXT_MAX = 1024 };

struct fail {
	enum err code;
	char text[FAIL_TEXT_MAX]; /* NUL-terminated, cut when longer */
};

/* Sets code and text. Returns the code, so that `return fail_set(f, ERR_INVALID, "...")` reads well. f may be NULL. */
enum err fail_set(struct fail *f, enum err code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "what: " before the text that is there; returns f->code. */
enum err fail_wrap(struct fail *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A short name of the code, for logs. */
const char *err_name(enum err e);

#endif
