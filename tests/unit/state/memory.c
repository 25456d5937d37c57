/* Memory that runs out while a command is applied: the command says so, and applied again it does what it would have
 * done. */
#include "core/base/slice.h"
#include "tests/unit/state/fixture.h"

static void prepare(struct machine *m)
{
	machine_begin(m);
	m->now = NS_PER_S;
	add_node(m, "n1", "10.0.0.1");
	add_service(m, "n1", "web", "web");
	add_check(m, "n1", "c", "web", "passing");
	add_check(m, "n1", "mem", "", "passing");
	struct slice one = add_session(
	        m, 1, (struct session_spec){.node = "n1", .check = "mem", .lock_delay = 1, .behavior = "delete"});
	put_key(m, "t/free", "1");
	kv_take(m, "t/held", one);
	kv_take(m, "u", one);
}

/* Commands whose requests stand here, so that both machines get the same bytes. */
static struct slice command(struct machine *m, size_t which)
{
	struct slice one = test_uuid(m, 1);
	struct dir_entry e = {.key = S("t/new"), .value = S("v"), .session = one};
	struct kvs_request kv = {.op = S("set"), .dir_entry = e};
	struct node_service svc = {.id = S("db"), .service = S("db")};
	struct health_check c = {.node = S("n1"), .check_id = S("mem"), .status = S("critical")};
	struct register_request reg = {
	        .node = S("n1"), .address = S("10.0.0.9"), .id = one, .service = &svc, .check = &c};
	struct deregister_request dereg = {.node = S("n1")};
	struct session_request sess = {.op = S("destroy"), .session = {.id = one}};
	struct txn_kv_op ops[] = {{S("set"), e}, {S("lock"), e}, {S("delete-tree"), {.key = S("t/")}}};
	struct txn_op op[] = {{&ops[0]}, {&ops[1]}, {&ops[2]}};
	struct txn_request txn = {.ops = {op, 3}};
	static const char *const verbs[] = {"set", "cas", "lock", "delete", "delete-tree"};
	buf_reset(&m->bytes, SIZE_MAX);
	if (which < ARRAY_LEN(verbs)) {
		kv.op = slice_of(verbs[which]);
		if (which >= 3)
			kv.dir_entry.key = which == 3 ? S("t/held") : S("t/");
		command_write(&m->bytes, COMMAND_KVS, &kvs_request_schema, &kv);
	} else if (which == 5) {
		command_write(&m->bytes, COMMAND_REGISTER, &register_request_schema, &reg);
	} else if (which == 6) {
		command_write(&m->bytes, COMMAND_DEREGISTER, &deregister_request_schema, &dereg);
	} else if (which == 7) {
		command_write(&m->bytes, COMMAND_SESSION, &session_request_schema, &sess);
	} else {
		command_write(&m->bytes, COMMAND_TXN, &txn_request_schema, &txn);
	}
	return arena_copy(&m->a, buf_view(&m->bytes));
}
enum { COMMANDS = 9 };

/* True when the allocation number `skip` was never reached. */
static bool fail_at(size_t which, long skip, struct slice want)
{
	struct machine m;
	prepare(&m);
	struct slice bytes = command(&m, which);
	db_fail_memory(m.db, skip, 1);
	apply_bytes(&m, bytes);
	bool failed = m.out.kind == APPLY_NO_MEMORY;
	db_fail_memory(m.db, 0, 0);
	if (failed) {
		m.index--;
		apply_bytes(&m, bytes);
	}
	CHECK(m.out.kind != APPLY_NO_MEMORY);
	CHECK(machine_consistent(&m));
	CHECK(slice_eq(machine_dump(&m), want));
	machine_end(&m);
	return !failed;
}

TEST(state_memory, a_command_that_ran_out_of_memory_can_be_applied_again)
{
	for (size_t which = 0; which < COMMANDS; which++) {
		struct machine whole;
		prepare(&whole);
		apply_bytes(&whole, command(&whole, which));
		struct slice want = machine_dump(&whole);
		long skip = 0, quiet = 0;
		for (; quiet < 3 && skip < 500; skip++) /* an allocation that may not fail is taken from the reserve */
			quiet = fail_at(which, skip, want) ? quiet + 1 : 0;
		CHECK(skip > 3 && skip < 500);
		machine_end(&whole);
	}
}
