/* The messages of hashicorp/raft's transport as bytes: a type byte and a msgpack map for a request; for an answer a
 * msgpack string (an error, or "") and a map, which is nil when there is an error. Maps are written with sorted keys,
 * in the old raw family, as go-msgpack does. (shared/wire: raft.md section 1.)
 *
 * Reading is total: false for anything that is not a whole message of its type; unknown keys are skipped, nil and
 * absent are zero. Texts and entries' data point into the bytes; the entries' array is in the arena. Writing appends to
 * a buf, which fails stickily.
 *
 * Two messages are ours alone, sent only to peers known to understand them: a RequestVote with the key PreVote, and
 * RAFT_WIRE_READ, by which a follower asks its leader up to where one has to have applied to read the newest. */
#ifndef CORE_RAFT_RAFT_WIRE_H
#define CORE_RAFT_RAFT_WIRE_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/raft/raft.h"

/* The type bytes. Later versions of hashicorp/raft have more than the first three, but none as high as ours. */
enum raft_wire_kind { RAFT_WIRE_APPEND = 0, RAFT_WIRE_VOTE = 1, RAFT_WIRE_INSTALL = 2, RAFT_WIRE_READ = 8 };

enum { RAFT_WIRE_ENTRIES_MAX = 4096 }; /* in one request; hashicorp/raft sends 64 */

struct raft_wire_append {
	int64_t protocol;
	raft_term term;
	struct slice leader; /* address */
	raft_index prev;
	raft_term prev_term;
	bool no_entries; /* Entries is nil: a heartbeat */
	const struct raft_entry *entries;
	size_t n; /* at most RAFT_BATCH_MAX when written */
	raft_index commit;
};

struct raft_wire_vote {
	int64_t protocol;
	raft_term term;
	struct slice candidate; /* address */
	raft_index last;
	raft_term last_term;
	bool prevote; /* would you, if I asked? Nothing changes by it */
};

struct raft_wire_install {
	int64_t protocol, version; /* of the snapshot: 1; 0 has no configuration, only peers */
	raft_term term;
	struct slice leader;
	raft_index last;
	raft_term last_term;
	struct slice peers, configuration; /* msgpack (raft_wire_put_peers, raft_wire_put_configuration) */
	raft_index configuration_index;
	int64_t size; /* of the state that follows */
};

struct raft_wire_read {
	int64_t protocol;
	raft_term term;
	struct slice reader; /* id of whoever asks: in this term it follows the one that it asks */
};

struct raft_wire_request {
	enum raft_wire_kind kind;
	union {
		struct raft_wire_append append;
		struct raft_wire_vote vote;
		struct raft_wire_install install;
		struct raft_wire_read read;
	};
};

struct raft_wire_answer {
	struct slice error; /* not empty: nothing else is there */
	int64_t protocol;
	raft_term term;
	bool success; /* of a vote: granted */
	/* append */
	raft_index last_log;
	bool no_backoff;
	/* vote */
	struct slice peers; /* p == NULL: nil */
	/* read */
	raft_index index; /* success: all that was acknowledged before the question is not above it */
};

/* For a host that reads a connection: how many bytes the first whole request takes; 0: not complete yet; SIZE_MAX: it
 * can't become one, or would be longer than `limit`. Behind an InstallSnapshot follow *state bytes of state (else 0).
 */
size_t raft_wire_request_size(struct slice bytes, size_t limit, uint64_t *state);
/* The same for an answer; it has no state. */
size_t raft_wire_answer_size(struct slice bytes, size_t limit);

bool raft_wire_read_request(struct slice bytes, struct arena *a, struct raft_wire_request *out);
void raft_wire_put_request(struct buf *out, const struct raft_wire_request *q);

bool raft_wire_read_answer(struct slice bytes, enum raft_wire_kind kind, struct raft_wire_answer *out);
void raft_wire_put_answer(struct buf *out, enum raft_wire_kind kind, const struct raft_wire_answer *a);

/* The bytes of an EFF_RAFT_INSTALL again, with the size of the state that follows them. False: they are none. */
bool raft_wire_sized(struct slice install, int64_t size, struct buf *out);

/* A configuration {Servers: [{Address, ID, Suffrage}]}, and the old list of the voters' addresses (nil when empty).
 * Read servers are in the arena, their texts in `bytes`; the old list gives voters whose id is the address. False: not
 * that, or more than RAFT_SERVERS_MAX. */
void raft_wire_put_configuration(struct buf *out, const struct raft_server *servers, size_t n);
bool raft_wire_read_configuration(struct slice bytes, struct arena *a, struct raft_server **servers, size_t *n);
void raft_wire_put_peers(struct buf *out, const struct raft_server *servers, size_t n);
bool raft_wire_read_peers(struct slice bytes, struct arena *a, struct raft_server **servers, size_t *n);

#endif
