/* Any bytes as what a client of port 8400 sends: cut into values in pieces as at once, answered by whole msgpack
 * values, requests of the HTTP API inside them included. */
#include "core/api/ipc.h"

#include "core/agent/config.h"
#include "core/agent/member.h"
#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "store/db.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct db *db;
static struct agent_config config;
static struct world world;
static struct api api;
static struct http_answer answer;

static void fill(void)
{
	static struct pair tags[] = {{{"dc", 2}, {"dc1", 3}}, {{"role", 4}, {"consul", 6}}};
	db = db_new(NULL);
	MUST(db);
	struct item *it = db_item_new(db, S("a"), sizeof(struct member));
	MUST(it);
	*(struct member *)item_payload_new(it) = (struct member){
	        .name = S("a"), .addr = S("127.0.0.1"), .port = 8301, .tags = {tags, 2}, .status = MEMBER_ALIVE};
	MUST(db_put(db, TREE_MEMBERS_LAN, it));
	db_publish(db);
	config = (struct agent_config){.datacenter = S("dc1"), .node_name = S("a"), .server_mode = true};
	world = (struct world){.config = &config,
	        .db = db_published(db),
	        .role = RAFT_LEADER,
	        .ready = true,
	        .leader = S("127.0.0.1:8300")};
	api_init(&api, 0, 1);
	api.world = &world;
}

/* The same place, however the bytes come. */
static size_t cut(struct slice in, size_t limit, unsigned step)
{
	struct mp_scan s = MP_SCAN, once = MP_SCAN;
	size_t n = 0;
	for (size_t have = 0; have < in.n && !n; have += step)
		n = mp_scan(&s, slice_cut(in, 0, have + step), limit);
	MUST(n == mp_scan(&once, in, limit));
	if (n && n != SIZE_MAX) {
		struct mp_reader r = mp_read(in);
		mp_skip(&r);
		MUST(n <= limit && !r.failed && mp_left(&r) == in.n - n);
	}
	return n;
}

static void serve_http(struct ipc_client *c, struct buf *out, const struct http_request *r)
{
	struct api_wait wait = {0};
	buf_reset(&answer.headers, 1 << 16);
	buf_reset(&answer.body, 1 << 16);
	answer.content_type = S_NONE;
	answer.sniff = false;
	switch (api_http(&api, r, &answer, &wait)) {
	case API_ANSWERED: ipc_put_http(out, c, &answer); break;
	case API_SENT: message_give(&api, wait.message); break;
	default: break;
	}
}

static void check(struct slice out)
{
	while (out.n) {
		size_t n = mp_whole(out);
		MUST(n && n != SIZE_MAX);
		out = slice_from(out, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!db)
		fill();
	if (!size)
		return 0;
	struct slice in = slice_at(data + 1, size - 1);
	struct ipc_client c = {0};
	struct buf out = {0};
	struct ipc_step step;
	enum ipc_state state = IPC_ANSWERED;
	c.shaken = data[0] & 1;
	while (state != IPC_CLOSE && in.n) {
		size_t n = cut(in, ipc_limit(&c), 1 + (data[0] >> 4));
		if (!n || n == SIZE_MAX)
			break;
		state = ipc_take(&api, &c, S("127.0.0.1:1"), slice_cut(in, 0, n), &out, &step);
		if (state == IPC_SENT)
			ipc_finish(&c, step.message, &out);
		if (state == IPC_SENT || state == IPC_TOLD)
			message_give(&api, step.message);
		if (state == IPC_HTTP)
			serve_http(&c, &out, &step.http);
		if (state == IPC_MONITOR)
			ipc_put_line(&out, &c, S("2026/01/02 03:04:05 [INFO] x"));
		MUST(state != IPC_CLOSE || step.why.n);
		in = slice_from(in, n);
		arena_reset(&api.arena, 1 << 16);
		buf_reset(&api.log.lines, 1 << 16);
	}
	check(buf_view(&out));
	buf_free(&out);
	ipc_client_free(&c);
	return 0;
}
