#include "core/base/slice.h"
#include "core/state/table_index.h"
#include "tests/unit/state/fixture.h"

static raft_index table(struct machine *m, const char *name)
{
	return table_index(machine_root(m), slice_of(name));
}

static const struct node *node(struct machine *m, const char *name)
{
	const struct node *n;
	catalog_node(machine_root(m), NULL, slice_of(name), &m->a, &n);
	return n;
}

static raft_index register_id(struct machine *m, const char *name, const char *id, const char *address)
{
	struct register_request req = {.node = slice_of(name), .id = slice_of(id), .address = slice_of(address)};
	return apply(m, COMMAND_REGISTER, &register_request_schema, &req);
}

#define ID1 "00000000-0000-0000-0000-000000000001"
#define ID2 "00000000-0000-0000-0000-000000000002"

TEST(state_catalog, an_equal_node_keeps_its_index)
{
	struct machine m;
	machine_begin(&m);
	raft_index first = add_node(&m, "n1", "10.0.0.1");
	add_node(&m, "n1", "10.0.0.1");
	CHECK_EQ(node(&m, "n1")->modify_index, first);
	CHECK_EQ(table(&m, "nodes"), first);
	raft_index moved = add_node(&m, "n1", "10.0.0.2");
	CHECK_EQ(node(&m, "N1")->modify_index, moved);
	CHECK_EQ(node(&m, "n1")->create_index, first);
	CHECK(!node(&m, "n2"));
	machine_end(&m);
}

TEST(state_catalog, an_id_belongs_to_one_name)
{
	struct machine m;
	machine_begin(&m);
	register_id(&m, "n1", ID1, "10.0.0.1");
	register_id(&m, "n2", ID1, "10.0.0.2");
	CHECK_EQ(m.out.kind, APPLY_ERROR);
	CHECK_STR(
	        m.out.text, "failed inserting node: node ID \"" ID1 "\" for node \"n2\" aliases existing node \"n1\"");
	CHECK(!node(&m, "n2"));
	register_id(&m, "N1", ID1, "10.0.0.2"); /* not even another case */
	CHECK_EQ(m.out.kind, APPLY_ERROR);
	register_id(&m, "n1", ID2, "10.0.0.1");
	CHECK_EQ(m.out.kind, APPLY_NONE);
	register_id(&m, "n2", ID1, "10.0.0.2");
	CHECK_EQ(m.out.kind, APPLY_NONE);
	register_id(&m, "n1", "", "10.0.0.1");
	register_id(&m, "n3", "short", "10.0.0.3");
	CHECK_STR(m.out.text, "failed inserting node: node lookup failed: index error: UUID must be 36 characters");
	CHECK(machine_consistent(&m));
	machine_end(&m);
}

TEST(state_catalog, skip_node_update_only_creates)
{
	struct machine m;
	machine_begin(&m);
	add_node(&m, "n1", "10.0.0.1");
	struct register_request req = {.node = S("n1"), .address = S("10.9.9.9"), .skip_node_update = true};
	apply(&m, COMMAND_REGISTER, &register_request_schema, &req);
	CHECK_STR(node(&m, "n1")->address, "10.0.0.1");
	req.node = S("n2");
	apply(&m, COMMAND_REGISTER, &register_request_schema, &req);
	CHECK_STR(node(&m, "n2")->address, "10.9.9.9");
	machine_end(&m);
}

TEST(state_catalog, a_registration_is_all_or_nothing)
{
	struct machine m;
	machine_begin(&m);
	struct health_check c = {.node = S("n1"), .check_id = S("c"), .service_id = S("nope")};
	struct register_request req = {.node = S("n1"), .address = S("10.0.0.1"), .check = &c};
	apply(&m, COMMAND_REGISTER, &register_request_schema, &req);
	CHECK_EQ(m.out.kind, APPLY_ERROR);
	CHECK_STR(m.out.text, "failed inserting check: Missing service registration");
	c.node = S("n2");
	apply(&m, COMMAND_REGISTER, &register_request_schema, &req);
	CHECK_STR(m.out.text, "check node \"n2\" does not match node \"n1\"");
	for (int t = 0; t < TREE_COUNT; t++)
		CHECK_EQ(db_count(machine_root(&m), (enum db_tree)t), 0);
	machine_end(&m);
}

static raft_index instances(struct machine *m, const char *service, uint32_t *n)
{
	struct list l;
	raft_index index = catalog_service_nodes(machine_root(m), NULL, slice_of(service), ANY_TAG, S_NONE, &m->a, &l);
	*n = l.n;
	return index;
}

static raft_index healthy(struct machine *m, const char *service, struct list *l)
{
	return health_service_nodes(machine_root(m), NULL, slice_of(service), ANY_TAG, S_NONE, &m->a, l);
}

TEST(state_catalog, a_service_has_its_own_index_while_it_lives)
{
	struct machine m;
	uint32_t n;
	struct list l;
	machine_begin(&m);
	add_node(&m, "n1", "10.0.0.1");
	raft_index web = add_service(&m, "n1", "w1", "Web");
	raft_index db = add_service(&m, "n1", "db", "db");
	CHECK_EQ(instances(&m, "web", &n), web);
	CHECK_EQ(n, 1);
	add_service(&m, "n1", "w1", "Web"); /* equal */
	CHECK_EQ(instances(&m, "WEB", &n), web);
	raft_index check = add_check(&m, "n1", "c", "w1", "passing");
	CHECK_EQ(healthy(&m, "web", &l), check);
	CHECK_EQ(healthy(&m, "db", &l), db);
	raft_index of_node = add_check(&m, "n1", "mem", "", "passing");
	CHECK_EQ(healthy(&m, "web", &l), of_node);
	CHECK_EQ(healthy(&m, "db", &l), of_node);
	raft_index second = add_service(&m, "n1", "w2", "web");
	raft_index first_gone = drop(&m, "n1", "w1", "");
	CHECK(first_gone > second);
	CHECK_EQ(instances(&m, "web", &n), first_gone);
	raft_index all_gone = drop(&m, "n1", "w2", "");
	CHECK_EQ(instances(&m, "web", &n), all_gone);
	CHECK_EQ(n, 0);
	raft_index later = add_service(&m, "n1", "x", "x");
	CHECK_EQ(instances(&m, "web", &n), later); /* the table's: nobody owns the name */
	CHECK(machine_consistent(&m));
	machine_end(&m);
}

TEST(state_catalog, the_end_of_a_nodes_check_leaves_services_alone)
{
	struct machine m;
	struct list l;
	machine_begin(&m);
	add_node(&m, "n1", "10.0.0.1");
	add_service(&m, "n1", "w", "web");
	raft_index came = add_check(&m, "n1", "mem", "", "passing");
	raft_index went = drop(&m, "n1", "", "mem");
	CHECK_EQ(healthy(&m, "web", &l), came);
	CHECK_EQ(table(&m, "checks"), went);
	machine_end(&m);
}

TEST(state_catalog, a_check_copies_its_service_and_defaults_to_critical)
{
	struct machine m;
	machine_begin(&m);
	add_node(&m, "n1", "10.0.0.1");
	struct slice tags[] = {S("v1"), S("Blue")};
	struct node_service svc = {.id = S("w"), .service = S("web"), .tags = {tags, 2}, .port = 80};
	struct health_check c = {.node = S("n1"), .check_id = S("c"), .service_id = S("W"), .service_name = S("lie")};
	struct register_request req = {.node = S("n1"), .service = &svc, .check = &c, .skip_node_update = true};
	apply(&m, COMMAND_REGISTER, &register_request_schema, &req);
	struct list l;
	healthy(&m, "web", &l);
	ASSERT(l.n == 1);
	struct check_service_node *csn = l.items;
	ASSERT(csn->checks.n == 1);
	struct health_check *h = csn->checks.items;
	CHECK_STR(h->status, "critical");
	CHECK_STR(h->service_name, "web");
	CHECK_EQ(h->service_tags.n, 2);
	CHECK_STR(csn->node->address, "10.0.0.1");
	CHECK_EQ(csn->service->port, 80);
	raft_index again = apply(&m, COMMAND_REGISTER, &register_request_schema, &req);
	healthy(&m, "web", &l);
	CHECK_EQ(((struct health_check *)((struct check_service_node *)l.items)->checks.items)->modify_index, again);
	CHECK_EQ(((struct check_service_node *)l.items)->service->modify_index, again - 1);
	machine_end(&m);
}

TEST(state_catalog, instances_stand_by_node_then_id)
{
	struct machine m;
	struct list l;
	machine_begin(&m);
	const char *nodes[] = {"n10", "N2", "n1"};
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		add_node(&m, nodes[i], "10.0.0.1");
		add_service(&m, nodes[i], "w2", "web");
		add_service(&m, nodes[i], "W1", "web");
	}
	catalog_service_nodes(machine_root(&m), NULL, S("web"), ANY_TAG, S_NONE, &m.a, &l);
	ASSERT(l.n == 6);
	const struct service_node *sn = l.items;
	const char *want[] = {"n1/W1", "n1/w2", "n10/W1", "n10/w2", "N2/W1", "N2/w2"};
	for (size_t i = 0; i < 6; i++)
		CHECK_STR(arena_str(&m.a, "%.*s/%.*s", PS(sn[i].node), PS(sn[i].service_id)), want[i]);
	CHECK(sn[0].service_tags.items && !sn[0].service_tags.n);
	CHECK(sn[0].service_meta.items);
	CHECK(!sn[0].node_meta.items);
	machine_end(&m);
}

static void add_tagged(struct machine *m, const char *node_name, const char *id, const char *name, const char *tag)
{
	struct slice tags[] = {slice_of(tag), S("all")};
	struct node_service svc = {.id = slice_of(id), .service = slice_of(name), .tags = {tags, 2}};
	struct register_request req = {.node = slice_of(node_name), .service = &svc, .skip_node_update = true};
	apply(m, COMMAND_REGISTER, &register_request_schema, &req);
}

static void add_meta_node(struct machine *m, const char *name, const char *key, const char *val)
{
	struct pair meta = {slice_of(key), slice_of(val)};
	struct register_request req = {.node = slice_of(name), .address = S("10.0.0.1"), .node_meta = {&meta, 1}};
	apply(m, COMMAND_REGISTER, &register_request_schema, &req);
}

TEST(state_catalog, tags_are_united_by_name_and_filtered_without_case)
{
	struct machine m;
	struct list l;
	machine_begin(&m);
	add_meta_node(&m, "n1", "rack", "r1");
	add_meta_node(&m, "n2", "rack", "r2");
	add_tagged(&m, "n1", "a", "web", "Blue");
	add_tagged(&m, "n2", "b", "web", "green");
	add_tagged(&m, "n2", "c", "db", "x");
	catalog_services(machine_root(&m), NULL, (struct list){0}, &m.a, &l);
	ASSERT(l.n == 2);
	const struct named_strs *s = l.items;
	CHECK_STR(s[0].key, "db");
	CHECK_STR(s[1].key, "web");
	CHECK_EQ(s[1].strs.n, 3);
	catalog_service_nodes(machine_root(&m), NULL, S("web"), ONLY_TAG, S("BLUE"), &m.a, &l);
	CHECK_EQ(l.n, 1);
	struct pair want = {S("rack"), S("r2")};
	struct list meta = {&want, 1};
	CHECK_EQ(catalog_services(machine_root(&m), NULL, meta, &m.a, &l), m.index);
	CHECK_EQ(l.n, 2);
	want.val = S("r1");
	catalog_services(machine_root(&m), NULL, meta, &m.a, &l);
	CHECK_EQ(l.n, 1);
	catalog_nodes(machine_root(&m), NULL, meta, &m.a, &l);
	CHECK_EQ(l.n, 1);
	want.key = S("");
	catalog_nodes(machine_root(&m), NULL, meta, &m.a, &l);
	CHECK(!l.items);
	machine_end(&m);
}

TEST(state_catalog, a_nodes_services_by_name_or_the_beginning_of_its_id)
{
	struct machine m;
	const struct node *n;
	struct list l;
	machine_begin(&m);
	register_id(&m, "n1", "aabbccdd-0000-0000-0000-000000000001", "10.0.0.1");
	register_id(&m, "n2", "aabbccee-0000-0000-0000-000000000002", "10.0.0.2");
	add_service(&m, "n1", "b", "web");
	raft_index last = add_service(&m, "n1", "A", "web");
	CHECK_EQ(catalog_node_services(machine_root(&m), NULL, S("N1"), &m.a, &n, &l), last);
	CHECK_EQ(l.n, 2);
	CHECK_STR(((struct node_service *)l.items)[0].id, "A");
	CHECK_EQ(catalog_node_services(machine_root(&m), NULL, S("aabbccddX"), &m.a, &n, &l), last);
	CHECK(n);
	CHECK_EQ(catalog_node_services(machine_root(&m), NULL, S("aabbcc"), &m.a, &n, &l), 0);
	CHECK(!n);
	CHECK_EQ(catalog_node_services(machine_root(&m), NULL, S("zz"), &m.a, &n, &l), 0);
	CHECK_EQ(catalog_node_services(machine_root(&m), NULL, S("a"), &m.a, &n, &l), 0);
	machine_end(&m);
}

TEST(state_catalog, service_metadata_is_checked)
{
	struct machine m;
	machine_begin(&m);
	add_node(&m, "n1", "10.0.0.1");
	struct pair meta = {S("bad key"), S("v")};
	struct node_service svc = {.id = S("w"), .service = S("web"), .meta = {&meta, 1}};
	struct register_request req = {.node = S("n1"), .service = &svc, .skip_node_update = true};
	apply(&m, COMMAND_REGISTER, &register_request_schema, &req);
	CHECK_STR(m.out.text,
	        "failed inserting service: Invalid Service Meta for node n1 and serviceID w: Couldn't load metadata "
	        "pair ('bad key', 'v'): Key contains invalid characters");
	meta.key = S("consul-x");
	apply(&m, COMMAND_REGISTER, &register_request_schema, &req);
	CHECK(slice_ends(m.out.text, S("Key prefix 'consul-' is reserved for internal use")));
	meta.key = S("ok_1-A");
	apply(&m, COMMAND_REGISTER, &register_request_schema, &req);
	CHECK_EQ(m.out.kind, APPLY_NONE);
	machine_end(&m);
}

TEST(state_catalog, deregistering_a_node_takes_all_of_it)
{
	struct machine m;
	uint32_t n;
	machine_begin(&m);
	register_id(&m, "n1", ID1, "10.0.0.1");
	add_node(&m, "n2", "10.0.0.2");
	add_service(&m, "n1", "w", "web");
	add_service(&m, "n2", "w", "web");
	add_check(&m, "n1", "c", "w", "passing");
	add_check(&m, "n1", "mem", "", "passing");
	double vec[] = {0.1, 0.2};
	struct coordinate at = {.vec = {vec, 2}, .error = 1};
	struct coordinate_entry e = {.node = S("n1"), .coord = &at};
	buf_reset(&m.bytes, SIZE_MAX);
	command_write_coordinates(&m.bytes, (struct list){&e, 1});
	apply_bytes(&m, buf_view(&m.bytes));
	CHECK_EQ(db_count(machine_root(&m), TREE_COORDINATES), 1);
	drop(&m, "n9", "", "");
	CHECK_EQ(m.out.kind, APPLY_NONE);
	raft_index gone = drop(&m, "N1", "", "");
	CHECK(!node(&m, "n1"));
	CHECK_EQ(instances(&m, "web", &n), gone);
	CHECK_EQ(n, 1);
	CHECK_EQ(db_count(machine_root(&m), TREE_CHECKS), 0);
	CHECK_EQ(db_count(machine_root(&m), TREE_COORDINATES), 0);
	CHECK_EQ(table(&m, "coordinates"), gone);
	CHECK(machine_consistent(&m));
	machine_end(&m);
}

TEST(state_catalog, a_waiter_of_one_service_sleeps_while_another_flaps)
{
	struct machine m;
	struct list l;
	machine_begin(&m);
	add_node(&m, "n1", "10.0.0.1");
	add_service(&m, "n1", "web", "web");
	add_service(&m, "n1", "db", "db");
	add_check(&m, "n1", "c1", "web", "passing");
	add_check(&m, "n1", "c2", "db", "passing");
	add_check(&m, "n1", "mem", "", "passing");
	struct watchset ws = {.arena = &m.a};
	raft_index before = health_service_nodes(machine_root(&m), &ws, S("web"), ANY_TAG, S_NONE, &m.a, &l);
	add_check(&m, "n1", "c2", "db", "critical");
	add_tagged(&m, "n1", "db", "db", "v2");
	add_node(&m, "n2", "10.0.0.2");
	put_key(&m, "web", "1");
	CHECK(!machine_wakes(&m, &ws));
	drop(&m, "n1", "db", ""); /* a neighbour's coming or going may wake it, but not end its wait */
	CHECK_EQ(healthy(&m, "web", &l), before);
	add_check(&m, "n1", "c1", "web", "passing");
	CHECK(machine_wakes(&m, &ws));
	ws = (struct watchset){.arena = &m.a};
	health_service_nodes(machine_root(&m), &ws, S("web"), ANY_TAG, S_NONE, &m.a, &l);
	add_check(&m, "n1", "mem", "", "passing");
	CHECK(machine_wakes(&m, &ws));
	machine_end(&m);
}

TEST(state_catalog, a_waiter_for_a_service_that_is_gone_wakes_with_the_table)
{
	struct machine m;
	struct list l;
	machine_begin(&m);
	add_node(&m, "n1", "10.0.0.1");
	add_service(&m, "n1", "consul", "consul");
	struct watchset ws = {.arena = &m.a};
	catalog_service_nodes(machine_root(&m), &ws, S("web"), ANY_TAG, S_NONE, &m.a, &l);
	add_service(&m, "n1", "db", "db");
	CHECK(machine_wakes(&m, &ws));
	machine_end(&m);
}

TEST(state_catalog, checks_by_state_service_and_node)
{
	struct machine m;
	struct list l;
	machine_begin(&m);
	add_meta_node(&m, "n1", "rack", "r1");
	add_meta_node(&m, "n2", "rack", "r2");
	add_service(&m, "n1", "w", "web");
	add_check(&m, "n1", "b", "w", "passing");
	add_check(&m, "n1", "a", "", "warning");
	add_check(&m, "n2", "c", "", "passing");
	raft_index last = m.index;
	put_key(&m, "x", "1");
	struct list none = {0};
	CHECK_EQ(health_checks_in_state(machine_root(&m), NULL, S("passing"), none, &m.a, &l), last);
	CHECK_EQ(l.n, 2);
	health_checks_in_state(machine_root(&m), NULL, S("Passing"), none, &m.a, &l);
	CHECK_EQ(l.n, 0);
	health_checks_in_state(machine_root(&m), NULL, S("any"), none, &m.a, &l);
	CHECK_EQ(l.n, 3);
	CHECK_STR(((struct health_check *)l.items)[2].check_id, "a");
	CHECK_EQ(health_checks_of_service(machine_root(&m), NULL, S("WEB"), none, &m.a, &l), last);
	CHECK_EQ(l.n, 1);
	health_checks_of_node(machine_root(&m), NULL, S("n1"), &m.a, &l);
	ASSERT(l.n == 2);
	CHECK_STR(((struct health_check *)l.items)[0].check_id, "a");
	struct pair rack = {S("rack"), S("r2")};
	health_checks_in_state(machine_root(&m), NULL, S("passing"), (struct list){&rack, 1}, &m.a, &l);
	CHECK_EQ(l.n, 1);
	machine_end(&m);
}

TEST(state_catalog, names_fold_beyond_ascii)
{
	struct machine m;
	machine_begin(&m);
	add_node(&m, "M\xC3\x9CNCHEN-\xD0\x96-\xCE\xA9", "10.0.0.1"); /* MÜNCHEN-Ж-Ω */
	CHECK(node(&m, "m\xC3\xBCnchen-\xD0\xB6-\xCF\x89"));
	CHECK(!node(&m, "m\xC3\xBC"
	                "nchen"));
	add_node(&m, "bad\xFF\xC3", "10.0.0.1");
	CHECK(node(&m, "BAD\xFF\xC3"));
	CHECK(!node(&m, "bad\xFE\xC3"));
	machine_end(&m);
}
