#include "core/agent/keys.h"
#include "core/api/ipc.h"

#include "core/agent/config.h"
#include "core/agent/member.h"
#include "core/base/enc.h"
#include "core/base/msgpack.h"
#include "core/base/slice.h"
#include "store/db.h"
#include "tests/test.h"

/* ---- an agent of one, and a client of it ---- */

static struct db *db;
static struct agent_config config;
static struct world world;
static struct api api;
static struct ipc_client client;
static struct buf out;
static struct ipc_step step;
static enum ipc_state state;
static struct arena said; /* what the client sent: steps point into it */

static void add_member(enum db_tree tree, const char *name, uint64_t port, int64_t status)
{
	static struct pair tags[] = {{{"dc", 2}, {"dc1", 3}}, {{"role", 4}, {"consul", 6}}};
	struct item *it = db_item_new(db, slice_of(name), sizeof(struct member));
	*(struct member *)item_payload_new(it) = (struct member){.name = slice_of(name),
	        .addr = S("127.8.2.1"),
	        .port = port,
	        .tags = {tags, 2},
	        .status = status,
	        .protocol_min = 1,
	        .protocol_max = 5,
	        .protocol_cur = 2,
	        .delegate_min = 2,
	        .delegate_max = 5,
	        .delegate_cur = 4};
	ASSERT(db_put(db, tree, it));
}

static void setup(void)
{
	db = db_new(NULL);
	config = (struct agent_config){.datacenter = S("dc1"), .server_mode = true, .version = S("1.0.8")};
	api_init(&api, 0, 1);
	api.log.level = LOG_ERR;
	add_member(TREE_MEMBERS_LAN, "oldie", 8301, MEMBER_ALIVE);
	add_member(TREE_MEMBERS_WAN, "oldie.dc1", 8302, MEMBER_ALIVE);
	db_publish(db);
	world = (struct world){.config = &config, .db = db_published(db), .role = RAFT_LEADER, .lan.members = 1};
	api.world = &world;
	client = (struct ipc_client){0};
}

static void teardown(void)
{
	arena_free(&said);
	ipc_client_free(&client);
	api_free(&api);
	buf_free(&out);
	db_free(db);
}

/* Gives the bytes to the client's connection, value by value, until it is to be closed. */
static void feed_bytes(struct slice bytes)
{
	buf_reset(&out, SIZE_MAX);
	while (bytes.n) {
		size_t n = mp_whole(bytes);
		ASSERT(n && n != SIZE_MAX && n <= ipc_limit(&client));
		state = ipc_take(&api, &client, S("127.0.0.1:5"), slice_cut(bytes, 0, n), &out, &step);
		bytes = slice_from(bytes, n);
		if (state == IPC_CLOSE)
			break;
	}
}

static void feed(const char *hex)
{
	struct slice bytes;
	ASSERT(hex_get(slice_of(hex), &said, &bytes));
	feed_bytes(bytes);
}

static const char *sent(void)
{
	static struct buf hex;
	buf_reset(&hex, SIZE_MAX);
	hex_put(&hex, buf_view(&out));
	buf_char(&hex, 0);
	return hex.p;
}

#define SENT(want) CHECK_STR(slice_of(sent()), want)

/* A header and the first part of a body map, for requests made here. */
static struct buf request(const char *command, uint64_t seq)
{
	struct buf b = {0};
	mp_put_map(&b, 2);
	mp_put_str_new(&b, S("Command"));
	mp_put_str_new(&b, slice_of(command));
	mp_put_str_new(&b, S("Seq"));
	mp_put_u64(&b, seq);
	return b;
}

static void put_text(struct buf *b, const char *key, const char *text)
{
	mp_put_str_new(b, slice_of(key));
	mp_put_str_new(b, slice_of(text));
}

static void ask(struct buf *b)
{
	struct slice bytes = arena_copy(&said, buf_view(b));
	buf_free(b);
	feed_bytes(bytes);
}

#define SHAKE "83a7436f6d6d616e64a968616e647368616b65a353657101a5546f6b656ea081a756657273696f6e01"
#define SHAKEN "82a54572726f72a0a353657101"

/* ---- transcripts of a real 0.7.5 ---- */

struct transcript {
	const char *client, *server;
	enum ipc_state state;
};

static const struct transcript transcripts[] = {
        {SHAKE, SHAKEN, IPC_ANSWERED},
        /* members-lan before the handshake */
        {"83a7436f6d6d616e64ab6d656d626572732d6c616ea353657107a5546f6b656ea0",
                "82a54572726f72b248616e647368616b65207265717569726564a353657107", IPC_CLOSE},
        /* version 9, version 0; a refused handshake is repeated; a second one */
        {"83a7436f6d6d616e64a968616e647368616b65a353657101a5546f6b656ea081a756657273696f6e09",
                "82a54572726f72b7556e737570706f72746564205250432076657273696f6ea353657101", IPC_ANSWERED},
        {"83a7436f6d6d616e64a968616e647368616b65a353657101a5546f6b656ea081a756657273696f6e00",
                "82a54572726f72b7556e737570706f72746564205250432076657273696f6ea353657101", IPC_ANSWERED},
        {"83a7436f6d6d616e64a968616e647368616b65a353657101a5546f6b656ea081a756657273696f6e09"
         "83a7436f6d6d616e64a968616e647368616b65a353657102a5546f6b656ea081a756657273696f6e01",
                "82a54572726f72b7556e737570706f72746564205250432076657273696f6ea353657101"
                "82a54572726f72a0a353657102",
                IPC_ANSWERED},
        {SHAKE "83a7436f6d6d616e64a968616e647368616b65a353657102a5546f6b656ea081a756657273696f6e01",
                SHAKEN "82a54572726f72bb48616e647368616b6520616c726561647920706572666f726d6564a353657102",
                IPC_ANSWERED},
        /* an unknown command; what follows is not looked at */
        {SHAKE "83a7436f6d6d616e64a5626f677573a353657102a5546f6b656ea083a7436f6d6d616e64ab6d656d626572732d6c61"
               "6ea353657103a5546f6b656ea0",
                SHAKEN "82a54572726f72b3556e737570706f7274656420636f6d6d616e64a353657102", IPC_CLOSE},
        /* not a message */
        {"05", "", IPC_CLOSE},
        /* an unknown level of the log */
        {SHAKE "83a7436f6d6d616e64a76d6f6e69746f72a353657102a5546f6b656ea081a84c6f674c6576656ca44c4f5544",
                SHAKEN "82a54572726f72b7556e6b6e6f776e206c6f67206c6576656c3a204c4f5544a353657102", IPC_ANSWERED},
};

TEST(ipc, transcripts_of_the_reference)
{
	for (size_t i = 0; i < ARRAY_LEN(transcripts); i++) {
		setup();
		feed(transcripts[i].client);
		SENT(transcripts[i].server);
		CHECK_EQ(state, transcripts[i].state);
		CHECK_EQ(state == IPC_CLOSE, step.why.n > 0);
		teardown();
	}
}

#define ADDR "a441646472c4047f080201"
#define REST                                                                                                           \
	"ab44656c656761746543757204ab44656c65676174654d617805ab44656c65676174654d696e02a44e616d65a96f6c6469652e646331" \
	"a4506f7274cd206eab50726f746f636f6c43757202ab50726f746f636f6c4d617805ab50726f746f636f6c4d696e01a6537461747573" \
	"a5616c697665a45461677382a26463a3646331a4726f6c65a6636f6e73756c"

TEST(ipc, a_field_left_out_is_as_it_was)
{
	setup();
	feed("82a353657105a7436f6d6d616e64a968616e647368616b6581a756657273696f6e0181a7436f6d6d616e64ab6d656d626572732d7"
	     "7"
	     "616e");
	SENT("82a54572726f72a0a35365710582a54572726f72a0a35365710581a74d656d62657273918b" ADDR REST);
	teardown();
}

TEST(ipc, headers_and_bodies_may_be_arrays)
{
	setup();
	feed("93a968616e647368616b6503a0910193ab6d656d626572732d77616e04a0");
	SENT("82a54572726f72a0a35365710382a54572726f72a0a35365710481a74d656d62657273918b" ADDR REST);
	teardown();
}

/* ---- what goes to the core ---- */

TEST(ipc, a_join_is_sent_with_its_token)
{
	setup();
	feed(SHAKE);
	feed("83a7436f6d6d616e64a46a6f696ea353657102a5546f6b656ea373656382a84578697374696e6791ab3132372e382e322e323530a"
	     "357"
	     "414ec3");
	ASSERT(state == IPC_SENT);
	const struct ask_join *j = step.message->request;
	CHECK_EQ(step.message->ask, ASK_JOIN);
	CHECK_STR(step.message->token, "sec");
	CHECK_EQ(j->wan, true);
	CHECK_EQ(j->addresses.n, 1);
	CHECK_STR(((const struct slice *)j->addresses.items)[0], "127.8.2.250");
	SENT("");
	ipc_finish(&client, step.message, &out);
	SENT("82a54572726f72a0a35365710281a34e756d00");
	buf_reset(&out, SIZE_MAX);
	step.message->err = ERR_FAILED;
	step.message->why = S("no");
	ipc_finish(&client, step.message, &out);
	SENT("82a54572726f72a26e6fa35365710281a34e756d00");
	message_give(&api, step.message);
	teardown();
}

TEST(ipc, reload_is_answered_before_it_is_done)
{
	setup();
	feed(SHAKE "83a7436f6d6d616e64a672656c6f6164a353657102a5546f6b656ea0");
	CHECK_EQ(state, IPC_TOLD);
	CHECK_EQ(step.message->ask, ASK_RELOAD);
	SENT(SHAKEN "82a54572726f72a0a353657102");
	message_give(&api, step.message);
	teardown();
}

TEST(ipc, force_leave_and_leave)
{
	setup();
	feed(SHAKE);
	struct buf b = request("force-leave", 2);
	mp_put_map(&b, 1);
	put_text(&b, "Node", "ghost");
	ask(&b);
	ASSERT(state == IPC_SENT);
	CHECK_EQ(step.message->ask, ASK_FORCE_LEAVE);
	CHECK_STR(*(const struct slice *)step.message->request, "ghost");
	ipc_finish(&client, step.message, &out);
	SENT("82a54572726f72a0a353657102");
	message_give(&api, step.message);
	b = request("leave", 3);
	ask(&b);
	CHECK_EQ(state, IPC_SENT);
	CHECK_EQ(step.message->ask, ASK_LEAVE);
	message_give(&api, step.message);
	teardown();
}

/* ---- the log ---- */

static void monitor(const char *level, uint64_t seq)
{
	struct buf b = request("monitor", seq);
	mp_put_map(&b, 1);
	put_text(&b, "LogLevel", level);
	ask(&b);
}

static void stop(uint64_t seq, uint64_t of)
{
	struct buf b = request("stop", seq);
	mp_put_map(&b, 1);
	mp_put_str_new(&b, S("Stop"));
	mp_put_u64(&b, of);
	ask(&b);
}

TEST(ipc, one_monitor_a_connection)
{
	setup();
	feed(SHAKE);
	monitor("warn", 5);
	CHECK_EQ(state, IPC_MONITOR);
	CHECK_EQ(step.level, LOG_WARN);
	buf_reset(&out, SIZE_MAX);
	ipc_put_line(&out, &client, S("x"));
	SENT("82a54572726f72a0a35365710581a34c6f67a178");
	monitor("err", 6);
	CHECK_EQ(state, IPC_ANSWERED);
	SENT("82a54572726f72b64d6f6e69746f7220616c726561647920657869737473a353657106");
	stop(7, 6);
	CHECK_EQ(state, IPC_ANSWERED);
	stop(8, 5);
	CHECK_EQ(state, IPC_STOP);
	stop(9, 5);
	CHECK_EQ(state, IPC_ANSWERED);
	monitor("ERR", 10);
	CHECK_EQ(state, IPC_MONITOR);
	teardown();
}

/* ---- wrong kinds of things ---- */

TEST(ipc, what_cannot_be_decoded_ends_the_connection)
{
	static const char *const bad[] = {
	        "a474657874", "c0", "82a7436f6d6d616e6405a353657101",             /* a text; a number for a name */
	        "82a7436f6d6d616e64c4056c65617665a353657101",                     /* bytes for a name */
	        "82a7436f6d6d616e64a56c65617665a3536571a178",                     /* a text for a number */
	        "82a7436f6d6d616e64a56c65617665a3536571ff",                       /* less than nothing */
	        "82a7436f6d6d616e64a46a6f696ea35365710281a84578697374696e67a178", /* a text for a list */
	        "82a7436f6d6d616e64a46a6f696ea353657102a474657874",               /* a text for a body */
	        "81a7436f6d6d616e64a968616e647368616b6581a756657273696f6ea36f6e65",
	        "81a7436f6d6d616e64a968616e647368616b6581a756657273696f6ecf0000000100000001", /* 2^32 + 1 */
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		setup();
		client.shaken = i != 1; /* nil is a header that changes nothing: no command yet */
		feed(bad[i]);
		CHECK_EQ(state, IPC_CLOSE);
		if (i != 1)
			SENT("");
		teardown();
	}
}

TEST(ipc, limits_follow_the_command)
{
	setup();
	CHECK_EQ(ipc_limit(&client), IPC_HEADER_MAX);
	feed(SHAKE);
	struct buf b = request("join", 2);
	ask(&b);
	CHECK_EQ(ipc_limit(&client), IPC_BODY_MAX);
	feed("80");
	ASSERT(state == IPC_SENT);
	message_give(&api, step.message);
	CHECK_EQ(ipc_limit(&client), IPC_HEADER_MAX);
	b = request("api", 3);
	ask(&b);
	CHECK_EQ(ipc_limit(&client), IPC_HTTP_MAX);
	teardown();
}

/* ---- the HTTP API inside ---- */

static void ask_api(const char *method, const char *path, const char *header, const char *value)
{
	struct buf b = {0};
	mp_put_map(&b, 3);
	put_text(&b, "Command", "api");
	put_text(&b, "Token", "of the header");
	mp_put_str_new(&b, S("Seq"));
	mp_put_u64(&b, 9);
	mp_put_map(&b, 4);
	mp_put_str_new(&b, S("Body"));
	mp_put_bin_new(&b, S("\x01\x02"));
	mp_put_str_new(&b, S("Header"));
	mp_put_map(&b, header ? 1 : 0);
	if (header)
		put_text(&b, header, value);
	put_text(&b, "Method", method);
	put_text(&b, "Path", path);
	ask(&b);
}

TEST(ipc, a_request_of_the_api)
{
	setup();
	feed(SHAKE);
	ask_api("PUT", "/v1/kv/a?cas=0", NULL, NULL);
	ASSERT(state == IPC_HTTP);
	const struct http_request *r = &step.http;
	CHECK_EQ(r->verb, HTTP_PUT);
	CHECK_STR(r->path, "/v1/kv/a");
	CHECK_STR(r->query, "cas=0");
	CHECK_EQ(r->content_length, 2);
	CHECK_STR(r->remote, "127.0.0.1:5");
	CHECK_STR(http_header_get(r, S("x-consul-token")), "of the header");
	ask_api("GET", "/v1/kv/", "X-Consul-Token", "mine");
	CHECK_STR(http_header_get(r, S("X-Consul-Token")), "mine");
	CHECK_EQ(r->has_query, false);
	teardown();
}

TEST(ipc, a_target_that_is_none_is_a_bad_request)
{
	static const char *const bad[] = {"", "v1/kv/a", "/v1/kv/a b", "/v1/kv/a\nb", "http://x/"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		setup();
		feed(SHAKE);
		ask_api("GET", bad[i], NULL, NULL);
		CHECK_EQ(state, IPC_ANSWERED);
		CHECK(slice_search(buf_view(&out), S("Status\xcd\x01\x90")) > 0);
		teardown();
	}
}

TEST(ipc, an_answer_of_the_api)
{
	struct http_answer a = {.status = 404, .content_type = S("x/y")};
	setup();
	client.seq = 3;
	BUF_LIT(&a.headers, "X-A: 1\r\nx-a: 2\r\nB:  c \r\n");
	BUF_LIT(&a.body, "no");
	ipc_put_http(&out, &client, &a);
	SENT("82a54572726f72a0a35365710383a4426f6479c4026e6fa648656164657283ac436f6e74656e742d54797065a3782f79a3582d41"
	     "a131a142a163a6537461747573cd0194");
	buf_free(&a.headers);
	buf_free(&a.body);
	teardown();
}

/* ---- keys ---- */

static bool out_has(struct slice text)
{
	return slice_search(buf_view(&out), text) >= 0;
}

static void keys(const char *command, const char *key)
{
	struct buf b = request(command, 4);
	mp_put_map(&b, 1);
	put_text(&b, "Key", key);
	ask(&b);
}

static void asked(const char *command, enum key_operation operation, struct keyring_reply reply)
{
	keys(command, "kZyFABeAmc64UMTrm9XuKA==");
	ASSERT(state == IPC_SENT);
	CHECK_EQ(step.message->ask, ASK_KEYRING);
	const struct ask_keyring *q = step.message->request;
	CHECK_EQ(q->operation, operation);
	CHECK_STR(q->key, "kZyFABeAmc64UMTrm9XuKA==");
	step.message->reply = &reply;
	ipc_finish(&client, step.message, &out);
	message_give(&api, step.message);
}

TEST(ipc, keys_are_told_pool_by_pool)
{
	struct keyring_key key = {S("kZyFABeAmc64UMTrm9XuKA=="), 3};
	struct pair message = {S("oldie.dc1"), S("Keyring is empty (encryption not enabled)")};
	struct keyring_answer wan = {.wan = true, .datacenter = S("dc1"), .messages = {&message, 1}, .nodes = 1};
	struct keyring_answer lan = {.datacenter = S("dc1"), .keys = {&key, 1}, .nodes = 3};
	wan.error = S("1/1 nodes reported failure");
	setup();
	feed(SHAKE);
	asked("list-keys", KEY_LIST, (struct keyring_reply){{wan, lan}, 2});
	CHECK(out_has(S("Keyring is empty (encryption not enabled)")) && out_has(S("1/1 nodes reported failure")));
	CHECK(out_has(S("oldie.dc1")) && out_has(S("\xa5"
	                                           "Count\x03")));
	asked("use-key", KEY_USE, (struct keyring_reply){{lan}, 1});
	asked("install-key", KEY_INSTALL, (struct keyring_reply){{wan}, 1});
	CHECK(out_has(S("\xa4Keys\xc0")));
	asked("remove-key", KEY_REMOVE, (struct keyring_reply){{lan}, 1});
	CHECK(out_has(S("\xa8Messages\xc0")));
	config.server_mode = false;
	keys("remove-key", "");
	SENT("82a54572726f72d9316b657972696e67206f7065726174696f6e73206d7573742072756e20616761696e737420612073657276657"
	     "220"
	     "6e6f6465a35365710483a4496e666fc0a44b657973c0a84d65737361676573c0");
	teardown();
}

TEST(ipc, stats_are_texts_in_sections)
{
	setup();
	feed(SHAKE);
	struct buf b = request("stats", 2);
	ask(&b);
	CHECK(out_has(S("\xa8serf_lan\x8c")) && out_has(S("\xa7members\xa1"
	                                                  "1")));
	CHECK(out_has(S("\xa5state\xa6Leader")) && out_has(S("\xb1known_datacenters\xa1"
	                                                     "1")));
	CHECK_EQ(mp_whole(slice_from(buf_view(&out), 13)), out.n - 13);
	config.server_mode = false;
	b = request("stats", 2);
	ask(&b);
	CHECK(out_has(S("\xadknown_servers\xa1"
	                "1")) &&
	        !out_has(S("raft")));
	teardown();
}
