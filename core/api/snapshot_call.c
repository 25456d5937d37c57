#include "core/api/snapshot_call.h"

#include "core/agent/config.h"
#include "core/leader/peers.h"
#include "core/agent/servers.h"
#include "core/api/snapshot_archive.h"
#include "core/base/msgpack.h"
#include "core/base/slice.h"
#include "core/method/requests.h"
#include "core/state/archive.h"

enum { REQUEST_MAX = 64 << 10 /* without the archive */ };

static const struct field request_fields[] = {
        FIELD(struct snapshot_request, allow_stale, "AllowStale", F_BOOL, 0),
        FIELD(struct snapshot_request, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct snapshot_request, op, "Op", F_INT, 0),
        FIELD(struct snapshot_request, token, "Token", F_STR, 0),
};
const struct schema snapshot_request_schema =
        SCHEMA(struct snapshot_request, "structs.SnapshotRequest", request_fields);

static const struct field response_fields[] = {
        FIELD(struct snapshot_response, error, "Error", F_STR, 0),
        FIELD_SUB(struct snapshot_response, meta, "QueryMeta", F_EMBED, 0, &query_meta_schema),
};
const struct schema snapshot_response_schema =
        SCHEMA(struct snapshot_response, "structs.SnapshotResponse", response_fields);

static enum api_state failed(struct snapshot_outcome *out, enum err e, struct slice why)
{
	out->err = e;
	out->error = why;
	return API_ANSWERED;
}

/* ---- elsewhere ---- */

/* s NULL: another thread of ours. */
static enum api_state forward_to(struct api *a, const struct server *s, const struct snapshot_request *q,
        struct slice archive, struct snapshot_outcome *out, struct api_wait *wait)
{
	struct buf b = {0};
	schema_mp_write(&b, &snapshot_request_schema, q);
	wait->forward = (struct call_forward){
	        .to = s ? arena_copy(&a->arena, s->address) : S_NONE,
	        .datacenter = s ? arena_copy(&a->arena, s->datacenter) : S_NONE,
	        .tls = s && s->use_tls,
	        .args = b.failed ? S_NONE : arena_copy(&a->arena, buf_view(&b)),
	        .tail = archive,
	};
	buf_free(&b);
	return wait->forward.args.p ? API_FORWARD : failed(out, ERR_NO_MEMORY, S("out of memory"));
}

static enum api_state answered(struct api *a, struct snapshot_outcome *out, struct api_wait *wait)
{
	const struct call_answer *from = wait->again.answer;
	struct snapshot_response reply = {0};
	wait->again.answer = NULL;
	if (from->kind != ANSWER_REPLY) {
		if (from->from.n)
			router_failed(&a->router, from->from, a->now);
		return failed(out, ERR_FAILED, arena_copy(&a->arena, from->text));
	}
	size_t n = mp_whole(from->body);
	struct mp_reader r = mp_read(slice_cut(from->body, 0, n == SIZE_MAX ? 0 : n));
	schema_mp_read(&r, &snapshot_response_schema, &reply, &a->arena);
	if (r.failed)
		return failed(out, ERR_FAILED, S("failed to decode response: EOF"));
	if (reply.error.n)
		return failed(out, ERR_FAILED, arena_copy(&a->arena, reply.error));
	out->meta = reply.meta;
	out->meta.consistency = arena_copy(&a->arena, reply.meta.consistency);
	buf_slice(out->archive, slice_from(from->body, n));
	return out->archive->failed ? failed(out, ERR_NO_MEMORY, S("out of memory")) : API_ANSWERED;
}

/* ---- here ---- */

static bool state_write(const struct world *w, struct buf *out)
{
	struct archive_writer from;
	archive_write_begin(&from, w->db, ARCHIVE_AS_CONSUL);
	while (archive_write_next(&from, out, SIZE_MAX) && !out->failed)
		;
	archive_write_end(&from);
	return !out->failed;
}

static struct list configuration(const struct world *w, struct arena *a)
{
	struct list l = {ARENA_ARRAY(a, struct snapshot_server, db_count(w->db, TREE_RAFT_PEERS)), 0};
	struct snapshot_server *s = l.items;
	struct cursor c;
	const struct peer *p;
	peers_open(&c, w->db);
	while (s && (p = peers_next(&c)))
		s[l.n++] = (struct snapshot_server){p->suffrage, p->id, p->address};
	return l;
}

/* What raft.SnapshotMeta says of a snapshot of this very moment. */
static void meta_fill(struct api *a, struct snapshot_meta *meta, struct buf *peers)
{
	const struct world *w = a->world;
	*meta = (struct snapshot_meta){
	        .version = 1,
	        .id = arena_str(&a->arena, "%llu-%llu-%lld", (unsigned long long)w->term,
	                (unsigned long long)w->applied, (long long)(a->wall / NS_PER_MS)),
	        .index = w->applied,
	        .term = w->term,
	        .configuration.servers = configuration(w, &a->arena),
	        .configuration_index = w->configuration_index,
	};
	snapshot_peers(peers, &meta->configuration);
	meta->peers = buf_view(peers);
}

static enum api_state save(struct api *a, const struct snapshot_request *q, struct snapshot_outcome *out)
{
	const struct world *w = a->world;
	struct buf state = {0}, peers = {0};
	struct snapshot_meta meta;
	if (!q->allow_stale && !w->ready)
		return failed(out, ERR_FAILED, S("Not ready to serve consistent reads"));
	bool written = state_write(w, &state);
	meta_fill(a, &meta, &peers);
	meta.size = (int64_t)state.n;
	if (written && !peers.failed)
		snapshot_pack(out->archive, &meta, buf_view(&state), a->wall);
	bool good = written && !peers.failed && !out->archive->failed && !a->arena.failed;
	buf_free(&state);
	buf_free(&peers);
	if (!good)
		return failed(out, ERR_NO_MEMORY, S("out of memory"));
	dur_ns contact = world_leading(w) ? 0 : w->leader_contact ? a->now - w->leader_contact : INT64_MAX;
	out->meta = (struct query_meta){.index = meta.index, .known_leader = w->leader.n, .last_contact = contact};
	return API_ANSWERED;
}

static enum api_state restore(struct api *a, const struct snapshot_request *q, struct slice archive,
        struct snapshot_outcome *out, struct api_wait *wait)
{
	struct buf tar = {0};
	struct snapshot_meta meta;
	struct slice state = S_NONE;
	struct fail f;
	if (q->allow_stale)
		return failed(out, ERR_FAILED, S("stale not allowed for restore"));
	enum err e = snapshot_unpack(archive, &tar, &a->arena, &meta, &state, &f);
	struct message *m = e ? NULL : message_take(a);
	struct ask_restore *ask = m ? ARENA_NEW(&m->mem, struct ask_restore) : NULL;
	if (ask) {
		*ask = (struct ask_restore){.state = arena_copy(&m->mem, state), .index = meta.index};
		m->ask = ASK_RESTORE;
		m->request = ask;
	}
	buf_free(&tar);
	if (e)
		return failed(out, ERR_FAILED, arena_str(&a->arena, "%s", f.text));
	if (m && !m->mem.failed) {
		wait->message = m;
		return API_SENT;
	}
	if (m)
		message_give(a, m);
	return failed(out, ERR_NO_MEMORY, S("out of memory"));
}

static enum api_state run_here(struct api *a, const struct snapshot_request *q, struct slice archive,
        struct snapshot_outcome *out, struct api_wait *wait)
{
	switch (q->op) {
	case SNAPSHOT_SAVE: return forward_to(a, NULL, q, S_NONE, out, wait);
	case SNAPSHOT_RESTORE: return restore(a, q, archive, out, wait);
	default: /* Go prints a number by %q as the character of that number */
		return failed(out, ERR_FAILED,
		        arena_str(&a->arena, "unrecognized snapshot op '\\x%02x'", (unsigned)(q->op & 0xff)));
	}
}

/* ---- whose it is ---- */

static const struct server *leader_of(const struct world *w)
{
	return w->leader.n && !slice_eq(w->leader, w->self) ? server_by_address(w->db, w->leader) : NULL;
}

enum api_state snapshot_call(struct api *a, const struct snapshot_request *q, struct slice archive,
        struct snapshot_outcome *out, struct api_wait *wait)
{
	const struct world *w = a->world;
	const struct agent_config *c = w->config;
	const struct server *s = NULL;
	bool client = !c->server_mode, other = !slice_eq(q->datacenter, c->datacenter);
	out->err = OK;
	out->error = S_NONE;
	out->meta = (struct query_meta){0};
	if (wait->again.answer)
		return answered(a, out, wait);
	if (client || other)
		s = router_pick(&a->router, w->db, c->datacenter, client ? c->datacenter : q->datacenter);
	else if (!q->allow_stale && !world_leading(w))
		s = leader_of(w);
	else
		return run_here(a, q, archive, out, wait);
	if (s)
		return forward_to(a, s, q, archive, out, wait);
	if (client)
		return failed(out, ERR_FAILED, S("No known Consul servers"));
	return other ? failed(out, ERR_NO_PATH, S("No path to datacenter"))
	             : failed(out, ERR_NO_LEADER, S("No cluster leader"));
}

/* ---- as bytes ---- */

size_t snapshot_request_size(struct slice bytes, bool *brings)
{
	struct snapshot_request q = {0};
	struct arena a = {0};
	size_t n = mp_whole(bytes);
	*brings = false;
	if (!n)
		return bytes.n > REQUEST_MAX ? SIZE_MAX : 0;
	if (n == SIZE_MAX)
		return n;
	struct mp_reader r = mp_read(slice_cut(bytes, 0, n));
	schema_mp_read(&r, &snapshot_request_schema, &q, &a);
	*brings = q.op == SNAPSHOT_RESTORE;
	arena_free(&a);
	return r.failed ? SIZE_MAX : n;
}

static void respond(struct slice error, const struct query_meta *meta, struct slice archive, struct buf *out)
{
	const struct snapshot_response reply = {.error = error, .meta = *meta};
	schema_mp_write(out, &snapshot_response_schema, &reply);
	if (!error.n)
		buf_slice(out, archive);
}

void snapshot_save(const struct world *w, struct slice request, mono_ns now, wall_ns wall, struct buf *out)
{
	struct api a = {.world = w, .now = now, .wall = wall};
	struct snapshot_request q = {0};
	struct buf archive = {0};
	struct snapshot_outcome got = {.archive = &archive};
	struct mp_reader r = mp_read(request);
	schema_mp_read(&r, &snapshot_request_schema, &q, &a.arena);
	save(&a, &q, &got);
	respond(got.error, &got.meta, buf_view(&archive), out);
	buf_free(&archive);
	arena_free(&a.arena);
}

enum api_state snapshot_serve(struct api *a, struct slice request, struct buf *out, struct api_wait *wait)
{
	struct snapshot_request q = {0};
	struct buf archive = {0};
	struct snapshot_outcome got = {.archive = &archive};
	bool brings;
	size_t n = snapshot_request_size(request, &brings);
	struct mp_reader r = mp_read(slice_cut(request, 0, n));
	schema_mp_read(&r, &snapshot_request_schema, &q, &a->arena);
	enum api_state state = snapshot_call(a, &q, slice_from(request, n), &got, wait);
	if (state == API_ANSWERED)
		respond(got.error, &got.meta, buf_view(&archive), out);
	buf_free(&archive);
	return state;
}

void snapshot_served(const struct message *m, struct buf *out)
{
	respond(m->err ? m->why : S_NONE, &(struct query_meta){0}, S_NONE, out);
}
