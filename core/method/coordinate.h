/* Coordinate.*: places of nodes in the network, and writing them. */
#ifndef CORE_METHOD_COORDINATE_H
#define CORE_METHOD_COORDINATE_H

#include "core/method/method.h"
#include "core/method/requests.h"

enum { COORDINATE_DIMENSIONS = 8 };

struct coordinate_update_request {
	struct write_head head;
	struct slice node, segment;
	struct coordinate *coord;
};

extern const struct schema coordinate_update_request_schema;

#endif
