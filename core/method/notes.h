/* For read handlers: where to note what was looked at; NULL when the call will not block anyway. */
#ifndef CORE_METHOD_NOTES_H
#define CORE_METHOD_NOTES_H

#include "core/method/call.h"

static inline struct watchset *call_notes(struct call *c)
{
	const struct read_head *head = c->request;
	return head->q.min_index ? &c->watched : NULL;
}

#endif
