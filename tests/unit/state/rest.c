/* The smaller families: tokens, prepared queries, autopilot, coordinates; and what THE TABLE does with strange
 * commands. */
#include <math.h>

#include "core/base/slice.h"
#include "core/state/acl_token.h"
#include "core/state/autopilot_config.h"
#include "core/state/query_template.h"
#include "core/state/table_index.h"
#include "tests/unit/state/fixture.h"

TEST(state_apply, an_unknown_type_may_be_skipped_only_when_it_says_so)
{
	struct machine m;
	machine_begin(&m);
	put_key(&m, "a", "1");
	struct slice before = machine_dump(&m);
	apply_bytes(&m, S("\x8a\x80"));
	CHECK_EQ(m.out.kind, APPLY_NONE);
	apply_bytes(&m, S("\x0a\x80"));
	CHECK_EQ(m.out.kind, APPLY_BROKEN);
	apply_bytes(&m, S("\x0b\x80"));
	CHECK_EQ(m.out.kind, APPLY_BROKEN);
	apply_bytes(&m, S_NONE);
	CHECK_EQ(m.out.kind, APPLY_BROKEN);
	apply_bytes(&m, S("\x02\x81\xa2Op"));
	CHECK_EQ(m.out.kind, APPLY_BROKEN);
	apply_bytes(&m, S("\x02\x80"));
	CHECK_EQ(m.out.kind, APPLY_ERROR);
	CHECK_STR(m.out.text, "Invalid KVS operation ''");
	CHECK(slice_eq(before, machine_dump(&m)));
	machine_end(&m);
}

TEST(state_apply, a_full_arena_loses_the_answer_but_not_the_command)
{
	struct machine m;
	machine_begin(&m);
	add_node(&m, "n1", "10.0.0.1");
	struct session_request req = {.op = S("create"), .session = {.id = test_uuid(&m, 1), .node = S("n1")}};
	struct arena full;
	arena_init(&full, 1);
	CHECK(!arena_alloc(&full, 1 << 20));
	buf_reset(&m.bytes, SIZE_MAX);
	command_write(&m.bytes, COMMAND_SESSION, &session_request_schema, &req);
	state_apply(&m.s, ++m.index, buf_view(&m.bytes), 0, &full, &m.out);
	db_publish(m.db);
	CHECK_EQ(m.out.kind, APPLY_ERROR);
	CHECK_STR(m.out.text, "out of memory");
	CHECK_EQ(db_count(machine_root(&m), TREE_SESSIONS), 1);
	arena_free(&full);
	machine_end(&m);
}

static void token(struct machine *m, const char *op, const char *id, const char *type)
{
	struct acl_request req = {.op = slice_of(op), .acl = {.id = slice_of(id), .type = slice_of(type)}};
	apply(m, COMMAND_ACL, &acl_request_schema, &req);
}

TEST(state_acl, the_first_management_token_ends_the_bootstrap)
{
	struct machine m;
	const struct acl *t;
	machine_begin(&m);
	token(&m, "bootstrap-now", "root", "management");
	CHECK(slice_starts(m.out.text, S("ACL bootstrap not initialized")));
	token(&m, "bootstrap-init", "", "");
	CHECK(m.out.kind == APPLY_BOOL && m.out.yes);
	token(&m, "bootstrap-init", "", "");
	CHECK_STR(m.out.text, "acl bootstrap init already done");
	token(&m, "set", "a", "client");
	CHECK_STR(m.out.text, "a");
	raft_index made = m.index + 1;
	token(&m, "bootstrap-now", "root", "management");
	ASSERT(m.out.kind == APPLY_ACL && m.out.acl);
	CHECK_EQ(m.out.acl->create_index, made);
	token(&m, "bootstrap-now", "root2", "management");
	CHECK_STR(m.out.text, "ACL bootstrap no longer allowed");
	token(&m, "set", "", "client");
	CHECK_STR(m.out.text, "Missing ACL ID");
	CHECK_EQ(acl_token_get(machine_root(&m), NULL, S("root"), &t), made);
	CHECK(t);
	token(&m, "delete", "gone", "");
	CHECK_EQ(acl_token_get(machine_root(&m), NULL, S("gone"), &t), made);
	token(&m, "delete", "root", "");
	CHECK_EQ(acl_token_get(machine_root(&m), NULL, S("root"), &t), m.index);
	CHECK(!t);
	machine_end(&m);
}

static void query(struct machine *m, unsigned id, const char *name, const char *template, struct slice session)
{
	struct prepared_query q = {.id = test_uuid(m, id),
	        .name = slice_of(name),
	        .session = session,
	        .template = {.type = slice_of(template)},
	        .service = {.service = S("web")}};
	struct query_request req = {.op = S("create"), .query = &q};
	apply(m, COMMAND_QUERY, &query_request_schema, &req);
}

static unsigned resolved(struct machine *m, const char *what)
{
	const struct prepared_query *q;
	raft_index index;
	if (prepared_query_resolve(machine_root(m), slice_of(what), &m->a, &index, &q, NULL) || !q)
		return 0;
	return (unsigned)(q->id.p[q->id.n - 1] - '0');
}

#define TEMPLATE "name_prefix_match"

TEST(state_query, names_are_unique_and_templates_match_by_their_beginning)
{
	struct machine m;
	machine_begin(&m);
	query(&m, 1, "web", "", S_NONE);
	query(&m, 2, "WEB", "", S_NONE);
	CHECK_STR(m.out.text, "name 'WEB' aliases an existing query name");
	query(&m, 2, "00000000-0000-0000-0000-000000000001", "", S_NONE);
	CHECK_STR(m.out.text, "name '00000000-0000-0000-0000-000000000001' aliases an existing query ID");
	query(&m, 2, "geo-", TEMPLATE, S_NONE);
	query(&m, 3, "geo-db", TEMPLATE, S_NONE);
	query(&m, 4, "", TEMPLATE, S_NONE);
	query(&m, 5, "", TEMPLATE, S_NONE);
	CHECK_STR(m.out.text, "a query template with an empty name already exists");
	query(&m, 6, "", "", S_NONE);
	query(&m, 7, "", "", S_NONE);
	CHECK_STR(m.out.text, "00000000-0000-0000-0000-000000000007");
	CHECK_EQ(resolved(&m, "Web"), 1);
	CHECK_EQ(resolved(&m, "geo-x"), 2);
	CHECK_EQ(resolved(&m, "GEO-DB-1"), 3);
	CHECK_EQ(resolved(&m, "other"), 4);
	CHECK_EQ(resolved(&m, "00000000-0000-0000-0000-000000000006"), 6);
	CHECK_EQ(resolved(&m, "00000000-0000-0000-0000-000000000002"), 0); /* a template's id */
	CHECK_EQ(resolved(&m, ""), 0);
	query(&m, 1, "renamed", "", S_NONE);
	CHECK_EQ(resolved(&m, "web"), 4);
	CHECK_EQ(resolved(&m, "renamed"), 1);
	machine_end(&m);
}

/* What is said of a template with that text as its service and that expression. */
static const char *refused(struct machine *m, const char *service, const char *regexp)
{
	struct prepared_query q = {.id = test_uuid(m, 1),
	        .name = S("geo-"),
	        .template = {.type = S(TEMPLATE), .regexp = slice_of(regexp)},
	        .service = {.service = slice_of(service)}};
	struct query_request req = {.op = S("create"), .query = &q};
	apply(m, COMMAND_QUERY, &query_request_schema, &req);
	return m->out.kind == APPLY_ERROR ? m->out.text.p : "";
}

TEST(state_query, templates_are_tried_before_they_are_stored)
{
	struct machine m;
	machine_begin(&m);
	query(&m, 1, "t", "other", S_NONE);
	CHECK_STR(m.out.text, "failed compiling template: Bad Template.Type 'other'");
	CHECK_STR(slice_of(refused(&m, "a", "([")),
	        "failed compiling template: Bad Regexp: error parsing regexp: missing closing ]: `[`");
	CHECK_STR(slice_of(refused(&m, "${name.wrong}", "")),
	        "failed compiling template: Bad evaluation for '${name.wrong}' in Service.Service: 1:3: unknown "
	        "variable accessed: name.wrong");
	CHECK_STR(slice_of(refused(&m, "${name.full", "")),
	        "failed compiling template: Bad format '${name.full' in Service.Service: parse error: syntax error");
	CHECK_EQ(db_count(machine_root(&m), TREE_QUERIES), 0);
	CHECK_STR(slice_of(refused(&m, "${match(1)}", "\\pL")), ""); /* the leader took it: only we can't run it */
	struct fail f;
	const struct prepared_query *q, *rendered;
	raft_index index;
	CHECK_EQ(prepared_query_resolve(machine_root(&m), S("geo-x"), &m.a, &index, &q, &f), OK);
	CHECK_EQ(query_template_render(q, S("geo-x"), S(""), &m.a, &rendered, &f), ERR_FULL);
	CHECK_STR(slice_of(f.text), "Bad Regexp: error parsing regexp: classes of Unicode are not supported: `\\pL`");
	machine_end(&m);
}

TEST(state_query, a_template_is_filled_in_for_the_name)
{
	struct machine m;
	struct fail f;
	const struct prepared_query *out;
	struct slice tags[] = {S("${match(2)}"), S("${match(9)}"), S("!${name.suffix}")};
	struct slice datacenters[] = {S("${agent.segment}1")}, ignored[] = {S("c-${match(1)}")};
	struct pair meta[] = {{S("${match(0)}"), S("m ${match(2)}")}};
	struct prepared_query q = {.name = S("geo-"),
	        .template = {S(TEMPLATE), S("^geo-(.*?)-([^-]+?)$"), true},
	        .service = {.service = S("${match(1)}"),
	                .failover = {.datacenters = {datacenters, 1}},
	                .ignore_check_ids = {ignored, 1},
	                .near = S("${\"_agent\"}"),
	                .tags = {tags, 3},
	                .node_meta = {meta, 1}}};
	machine_begin(&m);
	ASSERT(query_template_render(&q, S("geo-db-east"), S("seg"), &m.a, &out, &f) == OK);
	const struct slice *tag = out->service.tags.items;
	const struct pair *pair = out->service.node_meta.items;
	CHECK_STR(out->service.service, "db");
	CHECK_STR(out->service.near, "_agent");
	CHECK_STR(*(const struct slice *)out->service.failover.datacenters.items, "seg1");
	CHECK_STR(*(const struct slice *)out->service.ignore_check_ids.items, "c-db");
	CHECK_EQ(out->service.tags.n, 2);
	CHECK_STR(tag[0], "east");
	CHECK_STR(tag[1], "!db-east");
	CHECK_STR(pair->key, "${match(0)}"); /* keys stay as they are */
	CHECK_STR(pair->val, "m east");
	CHECK_STR(tags[0], "${match(2)}"); /* the definition is as it was */
	q.service.tags = (struct list){tags + 1, 1};
	ASSERT(query_template_render(&q, S("GEO-x"), S(""), &m.a, &out, &f) == OK);
	CHECK_STR(out->service.service, ""); /* without a match all groups are empty */
	CHECK(out->service.tags.items && !out->service.tags.n);
	machine_end(&m);
}

TEST(state_query, falls_with_its_session)
{
	struct machine m;
	struct list all;
	machine_begin(&m);
	add_node(&m, "n1", "10.0.0.1");
	query(&m, 1, "q", "", test_uuid(&m, 9));
	CHECK_STR(m.out.text, "invalid session \"00000000-0000-0000-0000-000000000009\"");
	struct slice one = add_session(&m, 9, (struct session_spec){.node = "n1"});
	query(&m, 1, "q", "", one);
	query(&m, 2, "r", "", S_NONE);
	raft_index gone = drop_session(&m, one);
	CHECK_EQ(prepared_query_list(machine_root(&m), NULL, &m.a, &all), gone);
	CHECK_EQ(all.n, 1);
	CHECK_EQ(db_count(machine_root(&m), TREE_QUERIES_SESSION), 0);
	CHECK_EQ(resolved(&m, "q"), 0);
	machine_end(&m);
}

TEST(state_autopilot, cas_needs_a_row_with_that_index)
{
	struct machine m;
	const struct autopilot_config *c;
	machine_begin(&m);
	struct autopilot_request req = {.cas = true};
	apply(&m, COMMAND_AUTOPILOT, &autopilot_request_schema, &req);
	CHECK(m.out.kind == APPLY_BOOL && !m.out.yes);
	req.cas = false;
	req.config.cleanup_dead_servers = true;
	raft_index made = apply(&m, COMMAND_AUTOPILOT, &autopilot_request_schema, &req);
	CHECK_EQ(m.out.kind, APPLY_NONE);
	req.cas = true;
	req.config.modify_index = made - 1;
	apply(&m, COMMAND_AUTOPILOT, &autopilot_request_schema, &req);
	CHECK(!m.out.yes);
	req.config.modify_index = made;
	raft_index changed = apply(&m, COMMAND_AUTOPILOT, &autopilot_request_schema, &req);
	CHECK(m.out.yes);
	CHECK_EQ(autopilot_config_get(machine_root(&m), NULL, &c), changed);
	CHECK_EQ(c->create_index, made);
	CHECK(c->cleanup_dead_servers);
	machine_end(&m);
}

TEST(state_coordinates, strangers_and_numbers_that_are_none_are_skipped)
{
	struct machine m;
	struct list l;
	machine_begin(&m);
	add_node(&m, "n1", "10.0.0.1");
	double good[] = {0.1, 0.2}, bad[] = {0.1, NAN};
	struct coordinate a = {.vec = {good, 2}, .error = 1.5}, b = {.vec = {bad, 2}},
	                  c = {.vec = {good, 2}, .height = INFINITY};
	struct coordinate_entry e[] = {{S("N1"), S_NONE, &a}, {S("n1"), S("x"), &b}, {S("n1"), S("y"), &c},
	        {S("who"), S_NONE, &a}, {S("n1"), S("z"), NULL}};
	buf_reset(&m.bytes, SIZE_MAX);
	command_write_coordinates(&m.bytes, (struct list){e, ARRAY_LEN(e)});
	raft_index index = apply_bytes(&m, buf_view(&m.bytes));
	CHECK_EQ(coordinates_all(machine_root(&m), NULL, &m.a, &l), index);
	ASSERT(l.n == 1);
	CHECK_STR(((struct coordinate_entry *)l.items)->node, "N1");
	CHECK(((struct coordinate_entry *)l.items)->coord->error == 1.5);
	CHECK_EQ(coordinates_of_node(machine_root(&m), NULL, S("n1"), &m.a, &l), index);
	CHECK_EQ(l.n, 1);
	machine_end(&m);
}
