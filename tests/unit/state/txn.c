#include "core/base/slice.h"
#include "tests/unit/state/fixture.h"

struct ops {
	struct txn_kv_op kv[16];
	struct txn_op op[16];
	uint32_t n;
};

static struct dir_entry *add(struct ops *o, const char *verb, const char *key)
{
	o->kv[o->n] = (struct txn_kv_op){.verb = slice_of(verb), .dir_entry = {.key = slice_of(key)}};
	o->op[o->n].kv = &o->kv[o->n];
	return &o->kv[o->n++].dir_entry;
}

static struct txn_response *run(struct machine *m, struct ops *o)
{
	struct txn_request req = {.datacenter = S("dc1"), .ops = {o->op, o->n}};
	apply(m, COMMAND_TXN, &txn_request_schema, &req);
	ASSERT(m->out.kind == APPLY_TXN && m->out.txn);
	return m->out.txn;
}

TEST(state_txn, all_goes_through_with_a_result_each)
{
	struct machine m;
	machine_begin(&m);
	put_key(&m, "gone", "x");
	struct ops o = {0};
	add(&o, "set", "a")->value = S("1");
	add(&o, "get", "a");
	add(&o, "delete", "gone");
	add(&o, "check-not-exists", "gone");
	add(&o, "get-tree", "");
	struct txn_response *r = run(&m, &o);
	CHECK_EQ(r->errors.n, 0);
	CHECK(!r->errors.items);
	ASSERT(r->results.n == 3);
	struct txn_result *res = r->results.items;
	CHECK_EQ(res[0].kv->create_index, m.index);
	CHECK(!res[0].kv->value.p);
	CHECK_STR(res[1].kv->value, "1");
	CHECK_STR(res[2].kv->key, "a");
	CHECK(m.out.tombstone);
	machine_end(&m);
}

TEST(state_txn, one_fault_undoes_all_and_every_fault_is_told)
{
	struct machine m;
	machine_begin(&m);
	put_key(&m, "a", "old");
	struct slice before = machine_dump(&m);
	struct ops o = {0};
	add(&o, "set", "a")->value = S("new");
	add(&o, "delete-tree", "");
	add(&o, "get", "a");
	add(&o, "cas", "b")->modify_index = 7;
	add(&o, "delete-cas", "c");
	add(&o, "check-index", "z");
	add(&o, "check-session", "z");
	add(&o, "unlock", "z");
	add(&o, "lock", "z")->session = test_uuid(&m, 1);
	add(&o, "frob", "z");
	o.op[o.n++].kv = NULL;
	add(&o, "set", "");
	struct txn_response *r = run(&m, &o);
	CHECK(!r->results.items);
	const char *want[] = {
	        "2: key \"a\" doesn't exist",
	        "3: failed to set key \"b\", index is stale",
	        "5: failed to check index, key \"z\" doesn't exist",
	        "6: failed to check session, key \"z\" doesn't exist",
	        "7: missing session",
	        "8: invalid session \"00000000-0000-0000-0000-000000000001\"",
	        "9: unknown KV verb \"frob\"",
	        "10: no operation specified",
	        "11: failed inserting kvs entry: object missing primary index",
	};
	ASSERT(r->errors.n == ARRAY_LEN(want));
	for (uint32_t i = 0; i < r->errors.n; i++) {
		struct txn_error *e = &((struct txn_error *)r->errors.items)[i];
		CHECK_STR(arena_str(&m.a, "%d: %.*s", (int)e->op_index, PS(e->what)), want[i]);
	}
	CHECK(!m.out.tombstone);
	CHECK(slice_eq(before, machine_dump(&m)));
	machine_end(&m);
}

TEST(state_txn, locks_and_checks_of_the_holder)
{
	struct machine m;
	machine_begin(&m);
	add_node(&m, "n1", "10.0.0.1");
	struct slice one = add_session(&m, 1, (struct session_spec){.node = "n1"});
	struct ops o = {0};
	add(&o, "lock", "k")->session = one;
	add(&o, "check-session", "k")->session = one;
	struct txn_response *r = run(&m, &o);
	ASSERT(r->results.n == 2);
	CHECK(slice_eq(((struct txn_result *)r->results.items)[0].kv->session, one));
	CHECK_EQ(((struct txn_result *)r->results.items)[1].kv->lock_index, 1);
	struct ops bad = {0};
	add(&bad, "check-session", "k")->session = S("x");
	add(&bad, "unlock", "k")->session = S("x");
	add(&bad, "check-index", "k")->modify_index = 3;
	add(&bad, "check-not-exists", "k");
	r = run(&m, &bad);
	ASSERT(r->errors.n == 4);
	struct txn_error *e = r->errors.items;
	CHECK_STR(e[0].what, "failed session check for key \"k\", current session "
	                     "\"00000000-0000-0000-0000-000000000001\" != \"x\"");
	CHECK_STR(e[1].what, "failed to unlock key \"k\", lock isn't held, or is held by another session");
	CHECK_STR(e[2].what, "failed index check for key \"k\", current modify index 13 != 3");
	CHECK_STR(e[3].what, "key \"k\" exists");
	CHECK(machine_consistent(&m));
	machine_end(&m);
}

TEST(state_txn, reading_needs_no_log)
{
	struct machine m;
	struct txn_response r;
	machine_begin(&m);
	put_key(&m, "a", "1");
	struct ops o = {0};
	add(&o, "get", "a");
	txn_read(machine_root(&m), (struct list){o.op, o.n}, &m.a, &r);
	CHECK_EQ(r.results.n, 1);
	add(&o, "set", "a");
	txn_read(machine_root(&m), (struct list){o.op, o.n}, &m.a, &r);
	CHECK_EQ(r.errors.n, 1);
	CHECK(txn_verb_reads(S("get-tree")) && !txn_verb_reads(S("set")) && !txn_verb_reads(S("frob")));
	machine_end(&m);
}
