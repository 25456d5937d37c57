/* Random commands, small alphabets: after each the tables agree with each other, no index goes back, and the same log
 * gives the same tables. */
#include "core/base/rand.h"
#include "core/base/slice.h"
#include "core/state/table_index.h"
#include "tests/unit/state/fixture.h"

static const char *const keys[] = {"a", "a/", "a/b", "a/b/c", "ab", "b", "b/x", "\x01\xff", "long/long/long/key"};
static const char *const nodes[] = {"n1", "N1", "n2", "node"};
static const char *const services[] = {"web", "Web", "db", "web2"};
static const char *const checks[] = {"c1", "C1", "c2", "mem"};
static const char *const states[] = {"passing", "warning", "critical", ""};
static const char *const ops[] = {"delete-tree", "set", "set", "cas", "delete", "delete-cas", "lock", "lock", "unlock"};

#define PICK(r, table) table[rand_below(r, ARRAY_LEN(table))]

static struct dir_entry any_entry(struct machine *m, struct rand *r)
{
	static const char values[] = "0123456789abcdef";
	return (struct dir_entry){.key = slice_of(PICK(r, keys)),
	        .value = slice_at(values, rand_below(r, 17)),
	        .flags = rand_below(r, 3),
	        .session = rand_below(r, 3) ? test_uuid(m, (unsigned)rand_below(r, 6)) : S_NONE,
	        .modify_index = rand_below(r, 2) ? 0 : m->index - rand_below(r, 20)};
}

/* Consul 1.0.8 leaves one tombstone for a tree, which a listing of a part of that tree does not see: its index may go
 * back. Everything else is checked without trees. */
static bool trees;

static const char *any_verb(struct rand *r, const char *const *table, size_t n)
{
	size_t first = trees ? 0 : 1;
	return table[first + rand_below(r, n - first)];
}

static void any_kv(struct machine *m, struct rand *r)
{
	kvs(m, any_verb(r, ops, ARRAY_LEN(ops)), any_entry(m, r));
}

static void any_registration(struct machine *m, struct rand *r)
{
	const char *node = PICK(r, nodes);
	struct node_service svc = {.id = slice_of(PICK(r, services)),
	        .service = slice_of(PICK(r, services)),
	        .port = (int64_t)rand_below(r, 2)};
	struct health_check c = {.node = slice_of(node),
	        .check_id = slice_of(PICK(r, checks)),
	        .status = slice_of(PICK(r, states)),
	        .service_id = rand_below(r, 2) ? slice_of(PICK(r, services)) : S_NONE};
	struct register_request req = {.node = slice_of(node),
	        .address = rand_below(r, 2) ? S("10.0.0.1") : S("10.0.0.2"),
	        .id = rand_below(r, 2) ? test_uuid(m, (unsigned)rand_below(r, 3)) : S_NONE,
	        .skip_node_update = rand_below(r, 2),
	        .service = rand_below(r, 2) ? &svc : NULL,
	        .check = rand_below(r, 2) ? &c : NULL};
	apply(m, COMMAND_REGISTER, &register_request_schema, &req);
}

static void any_deregistration(struct machine *m, struct rand *r)
{
	unsigned what = (unsigned)rand_below(r, 5);
	drop(m, PICK(r, nodes), what < 2 ? PICK(r, services) : "", what == 2 || what == 3 ? PICK(r, checks) : "");
}

static void any_session(struct machine *m, struct rand *r)
{
	unsigned n = (unsigned)rand_below(r, 6);
	const struct session *s;
	session_get(machine_root(m), NULL, test_uuid(m, n), &m->a, NULL, &s, NULL);
	if (s)
		drop_session(m, test_uuid(m, n));
	else
		add_session(m, n,
		        (struct session_spec){.node = PICK(r, nodes),
		                .check = rand_below(r, 2) ? PICK(r, checks) : NULL,
		                .behavior = rand_below(r, 2) ? "delete" : "",
		                .lock_delay = (dur_ns)rand_below(r, 2) * NS_PER_S});
}

static void any_txn(struct machine *m, struct rand *r)
{
	static const char *const verbs[] = {
	        "delete-tree", "set", "cas", "delete", "lock", "unlock", "get", "get-tree", "check-index"};
	struct txn_kv_op kv[4];
	struct txn_op op[4];
	uint32_t n = (uint32_t)rand_below(r, 5);
	for (uint32_t i = 0; i < n; i++) {
		kv[i] = (struct txn_kv_op){
		        .verb = slice_of(any_verb(r, verbs, ARRAY_LEN(verbs))), .dir_entry = any_entry(m, r)};
		op[i].kv = &kv[i];
	}
	struct slice before = machine_dump(m);
	struct txn_request req = {.ops = {op, n}};
	apply(m, COMMAND_TXN, &txn_request_schema, &req);
	CHECK(m->out.kind == APPLY_TXN);
	if (m->out.txn->errors.n)
		CHECK(slice_eq(before, machine_dump(m)));
}

static void any_reap(struct machine *m, struct rand *r)
{
	struct tombstone_request req = {.op = S("reap"), .reap_index = m->index - rand_below(r, 30)};
	apply(m, COMMAND_TOMBSTONE, &tombstone_request_schema, &req);
}

static void any_query(struct machine *m, struct rand *r)
{
	static const char *const names[] = {"", "q", "Q", "q-", "geo"};
	static const char *const texts[] = {"web", "${name.suffix}", "${wrong"};
	struct prepared_query q = {.id = test_uuid(m, (unsigned)rand_below(r, 5)),
	        .name = slice_of(PICK(r, names)),
	        .session = rand_below(r, 2) ? test_uuid(m, (unsigned)rand_below(r, 6)) : S_NONE,
	        .template.type = rand_below(r, 2) ? S("name_prefix_match") : S_NONE,
	        .service.service = slice_of(PICK(r, texts))};
	struct query_request req = {.op = rand_below(r, 4) ? S("update") : S("delete"), .query = &q};
	apply(m, COMMAND_QUERY, &query_request_schema, &req);
}

static void any_command(struct machine *m, struct rand *r)
{
	static void (*const kinds[])(struct machine *, struct rand *) = {any_kv, any_kv, any_kv, any_registration,
	        any_registration, any_deregistration, any_session, any_session, any_query, any_txn, any_reap};
	m->now += (mono_ns)rand_below(r, 500) * NS_PER_MS;
	PICK(r, kinds)(m, r);
}

static const char *const tables[] = {
        "nodes", "services", "checks", "kvs", "tombstones", "sessions", "prepared-queries"};

/* The index of each listing and table after the command: none may be lower than before. Reaping may lower a listing. */
static void check_indexes(struct machine *m, raft_index *seen, bool reaped)
{
	struct list l;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		raft_index now = table_index(machine_root(m), slice_of(tables[i]));
		CHECK(now >= seen[i] && now <= m->index);
		seen[i] = now;
	}
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		raft_index *was = &seen[ARRAY_LEN(tables) + i];
		raft_index now = kv_list(machine_root(m), NULL, slice_of(keys[i]), &m->a, &l);
		if (now < *was && !reaped && !trees)
			test_fail(__FILE__, __LINE__, "listing %s went back from %d to %d at %d", keys[i], (int)*was,
			        (int)now, (int)m->index);
		*was = now;
	}
}

static struct slice run(struct machine *m, uint64_t seed, unsigned steps, bool check)
{
	struct rand r;
	raft_index seen[32] = {0};
	rand_seed(&r, seed);
	for (unsigned i = 0; i < steps; i++) {
		size_t stones = db_count(machine_root(m), TREE_TOMBSTONES);
		any_command(m, &r);
		CHECK(m->out.kind != APPLY_BROKEN && m->out.kind != APPLY_NO_MEMORY);
		if (!check)
			continue;
		bool reaped = db_count(machine_root(m), TREE_TOMBSTONES) < stones;
		check_indexes(m, seen, reaped);
		if (!machine_consistent(m)) {
			test_fail(__FILE__, __LINE__, "seed %llu, step %u", (unsigned long long)seed, i);
			test_abort();
		}
		if (i % 64 == 63)
			arena_reset(&m->a, 1 << 20);
	}
	return machine_dump(m);
}

TEST(state_random, tables_agree_after_every_command)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct machine m;
		trees = seed % 2;
		machine_begin(&m);
		run(&m, seed, 400, true);
		machine_end(&m);
	}
}

TEST(state_random, the_same_log_gives_the_same_tables)
{
	for (uint64_t seed = 100; seed < 105; seed++) {
		struct machine one, two;
		machine_begin(&one);
		machine_begin(&two);
		two.now = 12345 * NS_PER_S; /* another server's clock */
		CHECK(slice_eq(run(&one, seed, 1000, false), run(&two, seed, 1000, true)));
		machine_end(&one);
		machine_end(&two);
	}
}
