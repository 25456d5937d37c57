/* HCL 1 as values: what hcl.Decode of the reference puts into a map[string]interface{}.
 *
 * The root is an object. A block is a list of objects, one for each time it is written, and a label is an object around
 * it: `service "web" { port = 80 }` twice gives {"service": [{"web": [{"port": 80}]}, {"web": [{"port": 80}]}]}.
 * An object in a list stands there as it is. Of repeated scalars the last one counts, in the type of the first; lists
 * are joined. Whole numbers are written in decimals whatever they were written in (0x1F, 017); `boolean` of a
 * V_NUMBER is true when it was written as a float.
 *
 * For the tree with its labels and places see hcl_tree.h; limits, memory and errors are the same. */
#ifndef BASE_HCL_READ_H
#define BASE_HCL_READ_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/value.h"

enum err hcl_read(struct slice text, struct arena *a, struct value *out, struct fail *f);

#endif
