/* HCL 1 as a syntax tree: what was written, with the labels of blocks and the places in the text.
 *
 * `service "web" { port = 80 }` is an item with the keys service and web whose value is an object with one item.
 * Repeated items stay separate. Text whose first character is '{' is JSON and gives the same kind of tree: as
 * hashicorp/hcl has it, an object that holds nothing but objects is taken apart into labels, a list of objects into
 * repeated items.
 *
 * Total and bounded (HCL_DEPTH_MAX, HCL_ITEMS_MAX); all memory is the arena's, nothing points into the text. Errors are
 * those of hashicorp/hcl: "At 1:3: illegal char". Of several things wrong in the words the last one read is told. */
#ifndef BASE_HCL_TREE_H
#define BASE_HCL_TREE_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/hcl_scan.h"

enum { HCL_DEPTH_MAX = 200, HCL_ITEMS_MAX = 16384 /* of one object or list */ };

enum hcl_kind { HCL_IS_BOOL, HCL_IS_INT, HCL_IS_FLOAT, HCL_IS_STRING, HCL_IS_LIST, HCL_IS_OBJECT };

struct hcl_item;

struct hcl_node {
	enum hcl_kind kind;
	bool heredoc; /* a string written as one */
	struct hcl_pos pos;
	uint32_t n;        /* of items or nodes */
	struct slice text; /* strings decoded; numbers and booleans as written */
	union {
		struct hcl_node *nodes; /* HCL_IS_LIST */
		struct hcl_item *items; /* HCL_IS_OBJECT */
	};
};

struct hcl_item {
	struct slice *keys;
	uint32_t key_count; /* at least 1 */
	struct hcl_pos pos; /* of the first key */
	struct hcl_node val;
};

/* The whole text: an object. */
enum err hcl_parse(struct slice text, struct arena *a, struct hcl_node *root, struct fail *f);

#endif
