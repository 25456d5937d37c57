/* Prepared queries as rows: definitions, their names, the session they live with. Running them: core/method. */
#ifndef CORE_STATE_PREPARED_QUERY_H
#define CORE_STATE_PREPARED_QUERY_H

#include "core/base/err.h"
#include "core/state/apply.h"
#include "store/model.h"
#include "store/watchset.h"

struct prepared_query {
	struct slice id, name, session, token;
	struct {
		struct slice type, regexp;
		bool remove_empty_tags;
	} template;
	struct {
		struct slice service;
		struct {
			int64_t nearest_n;
			struct list datacenters; /* strings */
		} failover;
		bool only_passing;
		struct list ignore_check_ids; /* strings */
		struct slice near;
		struct list tags;      /* strings */
		struct list node_meta; /* map */
	} service;
	struct {
		struct slice ttl;
	} dns;
	raft_index create_index, modify_index;
};
extern const struct schema prepared_query_schema, query_dns_schema;

/* *out is NULL when absent; points into the item. Index of `prepared-queries`. A text that is no UUID is an error. */
enum err prepared_query_get(const struct db_root *r, struct watchset *ws, struct slice id, struct arena *a,
        raft_index *index, const struct prepared_query **out, struct fail *f);
/* By id. */
raft_index prepared_query_list(const struct db_root *r, struct watchset *ws, struct arena *a, struct list *queries);
/* By id when it looks like one, by exact name, or the template with the longest matching name; not rendered. */
enum err prepared_query_resolve(const struct db_root *r, struct slice id_or_name, struct arena *a, raft_index *index,
        const struct prepared_query **out, struct fail *f);
static inline bool prepared_query_is_template(const struct prepared_query *q)
{
	return q->template.type.n > 0;
}

/* ---- writing: core thread, while applying ---- */

enum err prepared_query_set(struct state *s, struct prepared_query *q, struct fail *f);
enum err prepared_query_delete(struct state *s, struct slice id, struct fail *f);
void prepared_query_session_gone(struct state *s, struct slice session_bytes);
enum err prepared_query_restore(struct state *s, const struct prepared_query *q, struct fail *f);

#endif
