/* The words of HCL 1, as hashicorp/hcl/hcl/scanner cuts them. For hcl_tree.c only. */
#ifndef BASE_HCL_SCAN_H
#define BASE_HCL_SCAN_H

#include "core/base/types.h"

enum hcl_token_type {
	HCL_ILLEGAL,
	HCL_EOF,
	HCL_COMMENT,
	HCL_IDENT,
	HCL_NUMBER,
	HCL_FLOAT,
	HCL_BOOL,
	HCL_STRING,
	HCL_HEREDOC,
	HCL_LBRACK,
	HCL_LBRACE,
	HCL_COMMA,
	HCL_PERIOD,
	HCL_RBRACK,
	HCL_RBRACE,
	HCL_ASSIGN,
	HCL_ADD,
	HCL_SUB,
};

struct hcl_pos {
	uint32_t line, column; /* from 1, columns in runes; line 0: none */
};

struct hcl_token {
	enum hcl_token_type type;
	struct hcl_pos pos;
	struct slice text; /* as written */
};

struct hcl_scanner {
	struct slice text;
	size_t at;
	struct hcl_pos pos, before; /* of what was read last, and of the rune before */
	uint32_t last_line_length;
	uint32_t last_size; /* bytes of the rune read last; 0 at the end */
	const char *error;  /* the last thing found wrong, NULL if none */
	struct hcl_pos error_pos;
};

struct hcl_scanner hcl_scan_begin(struct slice text);

/* The next word; HCL_EOF for ever at the end. Goes on after an error, which stays in the scanner. */
struct hcl_token hcl_scan(struct hcl_scanner *s);

/* "IDENT", "LBRACE" …, as in error texts. */
const char *hcl_token_name(enum hcl_token_type t);

#endif
