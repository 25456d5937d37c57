/* The shape in which the reference's client library holds an answer: which fields, in which order, what stands for
 * those that are absent. `watch` prints answers in that shape, not as the agent sent them. */
#ifndef AGENT_WATCH_SHAPE_H
#define AGENT_WATCH_SHAPE_H

#include "core/base/arena.h"
#include "core/base/value.h"

enum shape_kind {
	SHAPE_TEXT,
	SHAPE_BYTES, /* base64, or null */
	SHAPE_NUMBER,
	SHAPE_FLAG,
	SHAPE_DURATION, /* "10s" */
	SHAPE_TEXTS,    /* list of texts, or null */
	SHAPE_MAP,      /* name → the field's `of`, or null; names are sorted */
	SHAPE_LIST,     /* list of the field's `of`, or null */
	SHAPE_OBJECT,   /* its fields; never null */
};

struct shape {
	enum shape_kind kind;
	const struct shape_field *fields; /* SHAPE_OBJECT, ended by a nameless one */
	const struct shape *of;           /* SHAPE_LIST, SHAPE_MAP */
};

struct shape_field {
	const char *name;
	const struct shape *shape;
};

extern const struct shape shape_kv_pair, shape_kv_pairs, shape_services, shape_nodes, shape_service_entries,
        shape_checks, shape_events;

/* `v` (NULL: absent) in that shape, in the arena. */
struct value shape_take(const struct shape *s, const struct value *v, struct arena *a);

#endif
