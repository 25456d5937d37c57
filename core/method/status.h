/* Status.*: what any server knows of leader and peers, without a leader. */
#ifndef CORE_METHOD_STATUS_H
#define CORE_METHOD_STATUS_H

#include "core/method/method.h"
#include "core/method/requests.h"

struct text_list {
	struct query_meta meta;
	struct list texts; /* of struct slice */
};

#endif
