/* Transactions that only read: answered by any server, with the meta in the body. */
#ifndef CORE_METHOD_TXN_H
#define CORE_METHOD_TXN_H

#include "core/method/method.h"
#include "core/method/requests.h"
#include "core/state/command.h"

struct txn_read_request {
	struct read_head head;
	struct list ops; /* of struct txn_op */
};

struct txn_read_response {
	struct query_meta meta;
	struct txn_response response;
};

extern const struct schema txn_read_request_schema, txn_read_response_schema;

#endif
