/* JSON where HCL is expected. For hcl_tree.c only. */
#ifndef BASE_HCL_JSON_H
#define BASE_HCL_JSON_H

#include "core/base/hcl_tree.h"

enum err hcl_json_parse(struct slice text, struct arena *a, struct hcl_node *root, struct fail *f);

#endif
