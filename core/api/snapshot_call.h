/* A snapshot asked for or brought: what /v1/snapshot and byte 5 of the server port have in common (Consul 1.0.8:
 * agent/consul/snapshot_endpoint.go). It goes its own way beside the methods since its bodies may be large: a request
 * and an answer of msgpack, each with an archive behind it, on a connection of its own.
 *
 * Who has to do it: a server of the datacenter that is meant, there the leader unless a stale one will do. Nobody waits
 * for a leader, nothing is tried twice. */
#ifndef CORE_API_SNAPSHOT_CALL_H
#define CORE_API_SNAPSHOT_CALL_H

#include "core/api/api.h"

enum snapshot_op { SNAPSHOT_SAVE, SNAPSHOT_RESTORE };

enum { SNAPSHOT_CALL_MAX = 1 << 30 }; /* bytes of a request or an answer, archive included */

struct snapshot_request {
	bool allow_stale;
	struct slice datacenter;
	int64_t op;
	struct slice token;
};

struct snapshot_response {
	struct query_meta meta;
	struct slice error; /* not empty: nothing follows */
};

extern const struct schema snapshot_request_schema, snapshot_response_schema;

struct snapshot_outcome {
	enum err err;
	struct slice error; /* in the api's arena, or constant */
	struct query_meta meta;
	struct buf *archive; /* given by the caller: a saved one is appended */
};

/* API_ANSWERED: *out says it. API_SENT: a restore, wait->message is to be sent; then its err and why are the answer.
 * API_FORWARD: wait->forward without a method: `args` and `tail` are what to send, the answer's body all that came
 * back; then again with it in wait->again, the same request and archive. Without an address, too: it is to be saved
 * here, by snapshot_save(args), where it holds nobody up. */
enum api_state snapshot_call(struct api *a, const struct snapshot_request *q, struct slice archive,
        struct snapshot_outcome *out, struct api_wait *wait);

/* The answer to a save, as bytes, of this world; any thread that may read it. Takes its time. */
void snapshot_save(const struct world *w, struct slice request, mono_ns now, wall_ns wall, struct buf *out);

/* The same as snapshot_call for a whole request as bytes (msgpack and the archive behind it) and the whole answer, into
 * `out`. */
enum api_state snapshot_serve(struct api *a, struct slice request, struct buf *out, struct api_wait *wait);
/* … after API_SENT. */
void snapshot_served(const struct message *m, struct buf *out);

/* Does the request go on after its first value? 0: that is not complete yet; SIZE_MAX: nonsense; else where the archive
 * begins, and *brings says whether there is one to wait for. */
size_t snapshot_request_size(struct slice bytes, bool *brings);

#endif
