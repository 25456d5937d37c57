/* /v1/snapshot (agent/snapshot_endpoint.go, agent/consul/snapshot_endpoint.go). No method of the table: in Consul, too,
 * it goes its own way, since the bodies may be large; it does not wait for a leader. */
#include "core/api/http_snapshot.h"

#include "core/agent/config.h"
#include "core/api/snapshot_archive.h"
#include "core/base/slice.h"
#include "core/state/archive.h"

/* May this server do it? False: the answer is complete. */
static bool may(struct http_call *hc, bool stale)
{
	const struct world *w = hc->api->world;
	struct write_head head;
	params_write(hc, &head);
	if (!slice_eq(head.datacenter, w->config->datacenter))
		http_failed(hc, ERR_FAILED, S("No path to datacenter"));
	else if (!stale && !world_leading(w))
		http_failed(hc, ERR_FAILED, S("No cluster leader"));
	else
		return true;
	return false;
}

static bool state_write(const struct world *w, struct buf *out)
{
	struct archive_writer from;
	archive_write_begin(&from, w->db, ARCHIVE_AS_CONSUL);
	while (archive_write_next(&from, out, SIZE_MAX) && !out->failed)
		;
	archive_write_end(&from);
	return !out->failed;
}

/* What raft.SnapshotMeta says of a snapshot of this very moment. */
static void meta_fill(struct http_call *hc, struct snapshot_server *self, struct snapshot_meta *meta, struct buf *peers)
{
	const struct world *w = hc->api->world;
	*self = (struct snapshot_server){.id = w->config->node_id, .address = w->self};
	*meta = (struct snapshot_meta){
	        .version = 1,
	        .id = arena_str(&hc->api->arena, "%llu-%llu-%lld", (unsigned long long)w->term,
	                (unsigned long long)w->applied, (long long)(hc->api->wall / NS_PER_MS)),
	        .index = w->applied,
	        .term = w->term,
	        .configuration.servers = {self, w->voter},
	        .configuration_index = w->configuration_index,
	};
	snapshot_peers(peers, &meta->configuration);
	meta->peers = buf_view(peers);
}

static enum api_state save(struct http_call *hc, bool stale)
{
	struct buf state = {0}, peers = {0};
	struct snapshot_server self;
	struct snapshot_meta meta;
	if (!may(hc, stale))
		return API_ANSWERED;
	const struct world *w = hc->api->world;
	bool written = state_write(w, &state);
	meta_fill(hc, &self, &meta, &peers);
	meta.size = (int64_t)state.n;
	if (written)
		snapshot_pack(&hc->ans->body, &meta, buf_view(&state), hc->api->wall);
	buf_free(&state);
	buf_free(&peers);
	if (!written || hc->ans->body.failed)
		return http_failed(hc, ERR_FAILED, S("out of memory"));
	dur_ns contact = world_leading(w) ? 0 : w->leader_contact ? hc->api->now - w->leader_contact : INT64_MAX;
	http_meta(hc, &(struct query_meta){.index = meta.index, .known_leader = w->leader.n, .last_contact = contact});
	hc->ans->sniff = true;
	return API_ANSWERED;
}

static void restored(struct http_call *hc, struct message *m)
{
	(void)hc, (void)m;
}

static enum api_state restore(struct http_call *hc, bool stale)
{
	struct buf tar = {0};
	struct snapshot_meta meta;
	struct slice state = S_NONE;
	struct fail f;
	if (!may(hc, stale))
		return API_ANSWERED;
	if (stale)
		return http_failed(hc, ERR_FAILED, S("stale not allowed for restore"));
	enum err e = snapshot_unpack(hc->r->body, &tar, &hc->api->arena, &meta, &state, &f);
	struct message *m = e ? NULL : http_message(hc, ASK_RESTORE);
	struct ask_restore *q = m ? ARENA_NEW(&m->mem, struct ask_restore) : NULL;
	if (q)
		*q = (struct ask_restore){.state = arena_copy(&m->mem, state), .index = meta.index};
	buf_free(&tar);
	if (e)
		return http_failed(hc, ERR_FAILED, slice_of(f.text));
	if (!m)
		return http_failed(hc, ERR_FAILED, S("out of memory"));
	m->request = q;
	return http_ask(hc, m, restored);
}

enum api_state http_snapshot(struct http_call *hc)
{
	bool stale = param_has(hc, "stale");
	return hc->r->verb == HTTP_PUT ? restore(hc, stale) : save(hc, stale);
}
