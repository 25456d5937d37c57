/* Any bytes as the arguments of any method, on a server that leads, on one that follows, on a client; and any bytes as
 * what another server replies. Whatever is answered is one msgpack value. Byte 0: who we are; byte 1: the method; two
 * bytes: how long the arguments are; the rest is the reply of others. */
#include "core/api/rpc.h"

#include <stdlib.h>

#include "core/agent/config.h"
#include "core/agent/servers.h"
#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/method/method.h"
#include "store/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"ACL.Get", "Catalog.Deregister", "Catalog.ListDatacenters", "Catalog.ListNodes",
        "Catalog.ListServices", "Catalog.NodeServices", "Catalog.Register", "Catalog.ServiceNodes",
        "Coordinate.ListDatacenters", "Coordinate.ListNodes", "Coordinate.Node", "Coordinate.Update",
        "Health.ChecksInState", "Health.NodeChecks", "Health.ServiceChecks", "Health.ServiceNodes",
        "Internal.EventFire", "Internal.KeyringOperation", "Internal.NodeDump", "Internal.NodeInfo", "KVS.Apply",
        "KVS.Get", "KVS.List", "KVS.ListKeys", "Operator.AutopilotGetConfiguration",
        "Operator.AutopilotSetConfiguration", "Operator.RaftGetConfiguration", "Operator.RaftRemovePeerByAddress",
        "Operator.RaftRemovePeerByID", "Operator.ServerHealth", "Session.Apply", "Session.Get", "Session.List",
        "Session.NodeSessions", "Session.Renew", "Status.Leader", "Status.Peers", "Status.Ping", "Status.RaftStats",
        "Txn.Apply", "Txn.Read", "KVS.Bogus", "Bogus.Get", "Bogus"};

static struct db *db;
static struct state state;
static struct agent_config config;
static struct world world;
static struct api api;
static struct rpc_reply reply;
static raft_index last = 10;

static void fill(void)
{
	const struct server s = {.name = S("s1"), .datacenter = S("dc1"), .address = S("10.0.0.1:8300"), .alive = true};
	db = db_new(NULL);
	MUST(db);
	state_init(&state, db);
	struct item *it = model_item(db, s.name, &server_schema, &s);
	MUST(it && db_put(db, TREE_SERVERS_LAN, it));
	db_publish(db);
	config = (struct agent_config){.datacenter = S("dc1"), .node_name = S("a"), .rpc_hold_timeout = NS_PER_S};
	world = (struct world){.config = &config, .self = S("10.0.0.9:8300")};
	api_init(&api, 0, 1);
	api.log.level = LOG_ERR + 1;
	api.world = &world;
}

enum who { LEADER, FOLLOWER, LONELY, CLIENT, WHOS };

static void become(enum who who)
{
	config.server_mode = who != CLIENT;
	world.role = who == LEADER ? RAFT_LEADER : RAFT_FOLLOWER;
	world.ready = who == LEADER;
	world.leader = who == FOLLOWER ? S("10.0.0.1:8300") : S_NONE;
	world.db = db_published(db);
}

/* As the core would: what can be applied is. */
static void carry_out(struct message *m)
{
	if (m->ask == ASK_COMMAND && m->command.n) {
		m->index = ++last;
		state_apply(&state, m->index, m->command, 0, &m->mem, &m->result);
		MUST(m->result.kind != APPLY_BROKEN);
		db_publish(db);
		world.db = db_published(db);
		api_rpc_finish(&api, m, &reply);
	} else {
		m->err = ERR_FAILED;
		m->why = S("not here");
		api_rpc_finish(&api, m, &reply);
	}
	message_give(&api, m);
}

/* Another server's reply goes into the structs of a call, too, as on an agent that asks over HTTP. */
static void take_reply(const struct method *m, struct slice args, struct slice body)
{
	void *request = m ? method_read_request(m, args, &api.arena) : NULL;
	if (!request)
		return;
	struct call c = api_call(&api, m, request, NULL, &(struct call_again){0});
	struct buf b = {0};
	c.reply = method_new_reply(m, &api.arena);
	c.message = message_take(&api);
	MUST(c.reply && c.message);
	if (method_read_reply(&c, body)) {
		if (m->flags & M_WRITE)
			method_write_result(m, c.message, &b);
		else
			method_write_reply(m, c.reply, &b);
		MUST(b.failed || mp_whole(buf_view(&b)) == b.n);
	}
	buf_free(&b);
	message_give(&api, c.message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_wait wait = {0};
	if (!db)
		fill();
	if (size < 4)
		return 0;
	size_t n = (size_t)(data[2] << 8 | data[3]), left = size - 4;
	struct slice name = slice_of(names[data[1] % ARRAY_LEN(names)]);
	struct slice args = slice_at(data + 4, n < left ? n : left), body = slice_from(slice_at(data + 4, left), n);
	become((enum who)(data[0] % WHOS));
	enum api_state s = api_rpc(&api, name, args, &reply, &wait);
	if (s == API_FORWARD && body.n) {
		const struct call_answer a = {.kind = (enum answer_kind)(data[0] / WHOS % 4),
		        .from = wait.forward.to,
		        .text = body,
		        .body = body};
		take_reply(method_find(name), args, body);
		wait = (struct api_wait){.again = wait.again};
		wait.again.answer = &a;
		s = api_rpc(&api, name, args, &reply, &wait);
		if (a.kind == ANSWER_REPLY)
			s = API_WAIT; /* passed on as it came */
	}
	if (s == API_SENT)
		carry_out(wait.message);
	if ((s == API_SENT || s == API_ANSWERED) && !reply.error.n)
		MUST(mp_whole(buf_view(&reply.body)) == reply.body.n);
	arena_reset(&api.arena, 1 << 16);
	buf_reset(&api.log.lines, 1 << 16);
	return 0;
}
