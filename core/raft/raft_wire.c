#include "core/raft/raft_wire.h"

#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/schema.h"
#include "core/base/slice.h"

/* ---- the tables ---- */

struct log_map {
	struct slice data;
	uint64_t index, term;
	int64_t type;
};

struct append_map {
	struct list entries; /* of struct log_map */
	struct slice leader;
	uint64_t commit, prev, prev_term;
	int64_t protocol;
	uint64_t term;
};

struct server_map {
	struct slice address, id;
	int64_t suffrage;
};

struct configuration_map {
	struct list servers; /* of struct server_map */
};

static const struct field log_fields[] = {
        FIELD(struct log_map, data, "Data", F_BYTES, 0),
        FIELD(struct log_map, index, "Index", F_UINT, 0),
        FIELD(struct log_map, term, "Term", F_UINT, 0),
        FIELD(struct log_map, type, "Type", F_INT, 0),
};
static const struct schema log_schema = SCHEMA(struct log_map, "raft.Log", log_fields);

static const struct field append_fields[] = {
        FIELD_SUB(struct append_map, entries, "Entries", F_LIST, 0, &log_schema),
        FIELD(struct append_map, leader, "Leader", F_BYTES, 0),
        FIELD(struct append_map, commit, "LeaderCommitIndex", F_UINT, 0),
        FIELD(struct append_map, prev, "PrevLogEntry", F_UINT, 0),
        FIELD(struct append_map, prev_term, "PrevLogTerm", F_UINT, 0),
        FIELD(struct append_map, protocol, "ProtocolVersion", F_INT, 0),
        FIELD(struct append_map, term, "Term", F_UINT, 0),
};
static const struct schema append_schema = SCHEMA(struct append_map, "raft.AppendEntriesRequest", append_fields);

static const struct field vote_fields[] = {
        FIELD(struct raft_wire_vote, candidate, "Candidate", F_BYTES, 0),
        FIELD(struct raft_wire_vote, last, "LastLogIndex", F_UINT, 0),
        FIELD(struct raft_wire_vote, last_term, "LastLogTerm", F_UINT, 0),
        FIELD(struct raft_wire_vote, prevote, "PreVote", F_BOOL, FF_MP_OMITEMPTY),
        FIELD(struct raft_wire_vote, protocol, "ProtocolVersion", F_INT, 0),
        FIELD(struct raft_wire_vote, term, "Term", F_UINT, 0),
};
static const struct schema vote_schema = SCHEMA(struct raft_wire_vote, "raft.RequestVoteRequest", vote_fields);

static const struct field install_fields[] = {
        FIELD(struct raft_wire_install, configuration, "Configuration", F_BYTES, 0),
        FIELD(struct raft_wire_install, configuration_index, "ConfigurationIndex", F_UINT, 0),
        FIELD(struct raft_wire_install, last, "LastLogIndex", F_UINT, 0),
        FIELD(struct raft_wire_install, last_term, "LastLogTerm", F_UINT, 0),
        FIELD(struct raft_wire_install, leader, "Leader", F_BYTES, 0),
        FIELD(struct raft_wire_install, peers, "Peers", F_BYTES, 0),
        FIELD(struct raft_wire_install, protocol, "ProtocolVersion", F_INT, 0),
        FIELD(struct raft_wire_install, size, "Size", F_INT, 0),
        FIELD(struct raft_wire_install, version, "SnapshotVersion", F_INT, 0),
        FIELD(struct raft_wire_install, term, "Term", F_UINT, 0),
};
static const struct schema install_schema =
        SCHEMA(struct raft_wire_install, "raft.InstallSnapshotRequest", install_fields);

static const struct field read_fields[] = {
        FIELD(struct raft_wire_read, protocol, "ProtocolVersion", F_INT, 0),
        FIELD(struct raft_wire_read, reader, "Reader", F_BYTES, 0),
        FIELD(struct raft_wire_read, term, "Term", F_UINT, 0),
};
static const struct schema read_schema = SCHEMA(struct raft_wire_read, "raft.ReadRequest", read_fields);

static const struct field append_answer_fields[] = {
        FIELD(struct raft_wire_answer, last_log, "LastLog", F_UINT, 0),
        FIELD(struct raft_wire_answer, no_backoff, "NoRetryBackoff", F_BOOL, 0),
        FIELD(struct raft_wire_answer, protocol, "ProtocolVersion", F_INT, 0),
        FIELD(struct raft_wire_answer, success, "Success", F_BOOL, 0),
        FIELD(struct raft_wire_answer, term, "Term", F_UINT, 0),
};
static const struct field vote_answer_fields[] = {
        FIELD(struct raft_wire_answer, success, "Granted", F_BOOL, 0),
        FIELD(struct raft_wire_answer, peers, "Peers", F_BYTES, 0),
        FIELD(struct raft_wire_answer, protocol, "ProtocolVersion", F_INT, 0),
        FIELD(struct raft_wire_answer, term, "Term", F_UINT, 0),
};
static const struct field install_answer_fields[] = {
        FIELD(struct raft_wire_answer, protocol, "ProtocolVersion", F_INT, 0),
        FIELD(struct raft_wire_answer, success, "Success", F_BOOL, 0),
        FIELD(struct raft_wire_answer, term, "Term", F_UINT, 0),
};
static const struct field read_answer_fields[] = {
        FIELD(struct raft_wire_answer, index, "Index", F_UINT, 0),
        FIELD(struct raft_wire_answer, protocol, "ProtocolVersion", F_INT, 0),
        FIELD(struct raft_wire_answer, success, "Success", F_BOOL, 0),
        FIELD(struct raft_wire_answer, term, "Term", F_UINT, 0),
};
static const struct schema answer_schemas[] = {
        [RAFT_WIRE_APPEND] = SCHEMA(struct raft_wire_answer, "raft.AppendEntriesResponse", append_answer_fields),
        [RAFT_WIRE_VOTE] = SCHEMA(struct raft_wire_answer, "raft.RequestVoteResponse", vote_answer_fields),
        [RAFT_WIRE_INSTALL] = SCHEMA(struct raft_wire_answer, "raft.InstallSnapshotResponse", install_answer_fields),
        [RAFT_WIRE_READ] = SCHEMA(struct raft_wire_answer, "raft.ReadResponse", read_answer_fields),
};

static const struct field server_fields[] = {
        FIELD(struct server_map, address, "Address", F_STR, 0),
        FIELD(struct server_map, id, "ID", F_STR, 0),
        FIELD(struct server_map, suffrage, "Suffrage", F_INT, 0),
};
static const struct schema server_schema = SCHEMA(struct server_map, "raft.Server", server_fields);

static const struct field configuration_fields[] = {
        FIELD_SUB(struct configuration_map, servers, "Servers", F_LIST, 0, &server_schema),
};
static const struct schema configuration_schema =
        SCHEMA(struct configuration_map, "raft.Configuration", configuration_fields);

/* ---- requests ---- */

static bool is_kind(char byte)
{
	return (unsigned char)byte <= RAFT_WIRE_INSTALL || byte == RAFT_WIRE_READ;
}

size_t raft_wire_request_size(struct slice bytes, size_t limit, uint64_t *state)
{
	*state = 0;
	if (!bytes.n)
		return 0;
	if (!is_kind(bytes.p[0]))
		return SIZE_MAX;
	struct mp_scan scan = MP_SCAN;
	size_t n = mp_scan(&scan, slice_from(bytes, 1), limit);
	if (!n || n == SIZE_MAX)
		return n;
	if (bytes.p[0] == RAFT_WIRE_INSTALL) {
		struct arena none = {0};
		struct raft_wire_request q;
		bool read = raft_wire_read_request(slice_cut(bytes, 0, n + 1), &none, &q);
		arena_free(&none);
		if (!read)
			return SIZE_MAX;
		*state = (uint64_t)q.install.size;
	}
	return n + 1;
}

static bool read_append(struct mp_reader *r, struct arena *a, struct raft_wire_append *out)
{
	struct append_map m = {0};
	schema_mp_read(r, &append_schema, &m, a);
	if (r->failed || m.entries.n > RAFT_WIRE_ENTRIES_MAX)
		return false;
	struct raft_entry *entries = ARENA_ARRAY(a, struct raft_entry, m.entries.n);
	if (!entries)
		return false;
	const struct log_map *from = m.entries.items;
	for (uint32_t i = 0; i < m.entries.n; i++) {
		if (from[i].type < 0 || from[i].type > UINT8_MAX)
			return false;
		entries[i] = (struct raft_entry){.index = from[i].index,
		        .term = from[i].term,
		        .type = (uint8_t)from[i].type,
		        .data = from[i].data};
	}
	*out = (struct raft_wire_append){
	        m.protocol, m.term, m.leader, m.prev, m.prev_term, !m.entries.items, entries, m.entries.n, m.commit};
	return true;
}

bool raft_wire_read_request(struct slice bytes, struct arena *a, struct raft_wire_request *out)
{
	if (!bytes.n || !is_kind(bytes.p[0]))
		return false;
	*out = (struct raft_wire_request){.kind = (enum raft_wire_kind)bytes.p[0]};
	struct mp_reader r = mp_read(slice_from(bytes, 1));
	if (mp_peek(&r) != MP_MAP)
		return false;
	switch (out->kind) {
	case RAFT_WIRE_APPEND:
		if (!read_append(&r, a, &out->append))
			return false;
		break;
	case RAFT_WIRE_VOTE: schema_mp_read(&r, &vote_schema, &out->vote, a); break;
	case RAFT_WIRE_INSTALL:
		schema_mp_read(&r, &install_schema, &out->install, a);
		if (out->install.size < 0)
			return false;
		break;
	case RAFT_WIRE_READ: schema_mp_read(&r, &read_schema, &out->read, a); break;
	}
	return !r.failed && !mp_left(&r);
}

static void put_append(struct buf *out, const struct raft_wire_append *q)
{
	struct log_map entries[RAFT_BATCH_MAX];
	MUST(q->n <= RAFT_BATCH_MAX);
	for (size_t i = 0; i < q->n; i++)
		entries[i] = (struct log_map){
		        q->entries[i].data, q->entries[i].index, q->entries[i].term, q->entries[i].type};
	const struct append_map m = {
	        .entries = {q->no_entries ? NULL : entries, (uint32_t)q->n},
	        .leader = q->leader,
	        .commit = q->commit,
	        .prev = q->prev,
	        .prev_term = q->prev_term,
	        .protocol = q->protocol,
	        .term = q->term,
	};
	schema_mp_write(out, &append_schema, &m);
}

void raft_wire_put_request(struct buf *out, const struct raft_wire_request *q)
{
	buf_char(out, (char)q->kind);
	switch (q->kind) {
	case RAFT_WIRE_APPEND: put_append(out, &q->append); break;
	case RAFT_WIRE_VOTE: schema_mp_write(out, &vote_schema, &q->vote); break;
	case RAFT_WIRE_INSTALL: schema_mp_write(out, &install_schema, &q->install); break;
	case RAFT_WIRE_READ: schema_mp_write(out, &read_schema, &q->read); break;
	}
}

bool raft_wire_sized(struct slice install, int64_t size, struct buf *out)
{
	struct arena none = {0};
	struct raft_wire_request q;
	bool ok = raft_wire_read_request(install, &none, &q) && q.kind == RAFT_WIRE_INSTALL;
	if (ok) {
		q.install.size = size;
		raft_wire_put_request(out, &q);
	}
	arena_free(&none);
	return ok && !out->failed;
}

/* ---- answers ---- */

size_t raft_wire_answer_size(struct slice bytes, size_t limit)
{
	struct mp_scan scan = {.due = 2};
	return mp_scan(&scan, bytes, limit);
}

bool raft_wire_read_answer(struct slice bytes, enum raft_wire_kind kind, struct raft_wire_answer *out)
{
	struct arena none = {0};
	struct mp_reader r = mp_read(bytes);
	*out = (struct raft_wire_answer){.error = mp_str(&r)};
	if (!mp_nil(&r))
		schema_mp_read(&r, &answer_schemas[kind], out, &none);
	else if (!out->error.n)
		mp_fail(&r);
	arena_free(&none);
	return !r.failed && !mp_left(&r);
}

void raft_wire_put_answer(struct buf *out, enum raft_wire_kind kind, const struct raft_wire_answer *a)
{
	mp_put_str(out, a->error);
	if (a->error.n)
		mp_put_nil(out);
	else
		schema_mp_write(out, &answer_schemas[kind], a);
}

/* ---- configurations ---- */

void raft_wire_put_configuration(struct buf *out, const struct raft_server *servers, size_t n)
{
	mp_put_map(out, 1);
	mp_put_str(out, S("Servers"));
	mp_put_array(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		const struct raft_server *s = &servers[i];
		schema_mp_write(out, &server_schema, &(struct server_map){s->address, s->id, s->suffrage});
	}
}

bool raft_wire_read_configuration(struct slice bytes, struct arena *a, struct raft_server **servers, size_t *n)
{
	struct mp_reader r = mp_read(bytes);
	struct configuration_map m = {0};
	if (mp_peek(&r) != MP_MAP)
		return false;
	schema_mp_read(&r, &configuration_schema, &m, a);
	if (r.failed || mp_left(&r) || m.servers.n > RAFT_SERVERS_MAX)
		return false;
	const struct server_map *from = m.servers.items;
	*n = m.servers.n;
	*servers = ARENA_ARRAY(a, struct raft_server, *n);
	for (size_t i = 0; *servers && i < *n; i++) {
		if (from[i].suffrage < RAFT_VOTER || from[i].suffrage > RAFT_STAGING)
			return false;
		(*servers)[i].id = from[i].id;
		(*servers)[i].address = from[i].address;
		(*servers)[i].suffrage = (unsigned)from[i].suffrage;
	}
	return *servers != NULL;
}

void raft_wire_put_peers(struct buf *out, const struct raft_server *servers, size_t n)
{
	uint32_t voters = 0;
	for (size_t i = 0; i < n; i++)
		voters += servers[i].suffrage == RAFT_VOTER;
	if (!voters)
		mp_put_nil(out);
	else
		mp_put_array(out, voters);
	for (size_t i = 0; i < n; i++)
		if (servers[i].suffrage == RAFT_VOTER)
			mp_put_bytes(out, servers[i].address);
}

bool raft_wire_read_peers(struct slice bytes, struct arena *a, struct raft_server **servers, size_t *n)
{
	struct mp_reader r = mp_read(bytes);
	if (mp_peek(&r) != MP_ARRAY && mp_peek(&r) != MP_NIL)
		return false;
	*n = mp_array(&r);
	if (r.failed || *n > RAFT_SERVERS_MAX)
		return false;
	*servers = ARENA_ARRAY(a, struct raft_server, *n);
	for (size_t i = 0; *servers && i < *n; i++)
		(*servers)[i].id = (*servers)[i].address = mp_str(&r);
	return *servers && !r.failed && !mp_left(&r);
}
