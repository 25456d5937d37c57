/* Writing rows while a command is applied. Running out of memory is noted in the state; apply.c then undoes the
 * command, so nobody on the way needs to look. */
#ifndef CORE_STATE_PUT_H
#define CORE_STATE_PUT_H

#include "core/state/apply.h"
#include "store/model.h"

/* Inserts or replaces. it == NULL: it could not be made. */
void put_item(struct state *s, enum db_tree t, struct item *it);
/* A struct of the model under a key. */
void put_model(struct state *s, enum db_tree t, struct slice key, const struct schema *schema, const void *obj);
/* A secondary row. It is written anew with each change of its primary, so that watching the link is watching the row.
 */
void put_link(struct state *s, enum db_tree t, struct slice key, struct slice primary);
/* … and the old one is removed when the change moved it. was.p == NULL: there was none. now.p == NULL: there is none.
 */
void put_relink(struct state *s, enum db_tree t, struct slice was, struct slice now, struct slice primary);

/* The targets of all links under a prefix, copied to the scratch arena: for loops that change what they walk. */
struct list put_targets(struct state *s, enum db_tree t, struct slice prefix);

#endif
