/* MD5 (RFC 1321), for names of files only: Consul calls the files of its data directory by it. Not for security. */
#ifndef BASE_MD5_H
#define BASE_MD5_H

#include "core/base/types.h"

enum { MD5_TEXT = 32 };

/* The digest in lower-case hex, NUL-terminated. */
void md5_hex(struct slice bytes, char out[static MD5_TEXT + 1]);

#endif
