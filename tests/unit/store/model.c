/* Entries, links and structs as items: what goes in comes out; the tables give the JSON of Consul. */
#include "store/model.h"

#include <stdlib.h>

#include "core/base/rand.h"
#include "tests/test.h"

static const char session_id[] = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";

static void check_entry(struct db *db, const struct dir_entry *e)
{
	struct dir_entry out;
	char session[37];
	struct item *it = kv_item_new(db, e);
	ASSERT(it);
	kv_item_view(it, &out, session);
	CHECK(slice_eq(out.key, e->key));
	CHECK(slice_eq(out.value, e->value));
	CHECK_EQ(!out.value.p, !e->value.p);
	CHECK(slice_eq(out.session, e->session));
	CHECK_EQ(out.flags, e->flags);
	CHECK_EQ(out.lock_index, e->lock_index);
	CHECK_EQ(out.create_index, e->create_index);
	CHECK_EQ(out.modify_index, e->modify_index);
	CHECK_EQ(kv_item_modify_index(it), e->modify_index);
	db_item_drop(db, it);
}

TEST(model, kv_entries_come_back)
{
	struct db *db = db_new(NULL);
	const uint64_t numbers[] = {0, 1, 127, 128, 300, 1ULL << 32, 1ULL << 63, UINT64_MAX};
	const struct slice sessions[] = {S_NONE, slice_of(session_id), S("0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"),
	        S("not a uuid"), S("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f"), S("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1g0"),
	        S("0f1e2d3c+4b5a-6978-8796-a5b4c3d2e1f0")};
	const struct slice values[] = {S_NONE, S(""), S("x"), S("a value\0with a zero")};
	struct rand r;
	rand_seed(&r, 1);
	for (int i = 0; i < 3000; i++) {
		struct dir_entry e = {
		        .key = S("some/key"),
		        .session = sessions[rand_below(&r, ARRAY_LEN(sessions))],
		        .value = values[rand_below(&r, ARRAY_LEN(values))],
		        .flags = numbers[rand_below(&r, ARRAY_LEN(numbers))],
		        .lock_index = numbers[rand_below(&r, ARRAY_LEN(numbers))],
		        .create_index = numbers[rand_below(&r, ARRAY_LEN(numbers))],
		        .modify_index = numbers[rand_below(&r, ARRAY_LEN(numbers))],
		};
		e.key.n = rand_below(&r, 9);
		check_entry(db, &e);
	}
	CHECK_EQ(db_memory(db).retired, 0);
	db_free(db);
}

/* The promise of model.h: at most 64 bytes a KV entry beyond key and value, with the tree's share. */
static void check_overhead(const char *format, unsigned per, size_t value_n, bool locked)
{
	enum { ENTRIES = 100000 };
	static const char value[256];
	struct db *db = db_new(NULL);
	size_t net = 0;
	db_publish(db);
	size_t before = db_memory(db).used;
	for (unsigned i = 0; i < ENTRIES; i++) {
		char key[80];
		size_t n = (size_t)snprintf(key, sizeof key, "%u", i);
		if (format[0])
			n = (size_t)snprintf(key, sizeof key, "service/app-%04u/config/key-%04u", i / per, i % per);
		struct dir_entry e = {.key = {key, n}, .value = {value, value_n}, .create_index = i, .modify_index = i};
		if (locked)
			e.session = slice_of(session_id);
		struct item *it = kv_item_new(db, &e);
		ASSERT(it && db_put(db, TREE_KV, it));
		net += n + value_n + (locked ? 16 : 0);
		if (i % 64 == 0)
			db_publish(db);
	}
	db_publish(db);
	while (db_reclaim(db))
		;
	size_t over = (db_memory(db).used - before - net) / ENTRIES;
	if (over > 64)
		test_fail(__FILE__, __LINE__, "%zu bytes an entry with keys like %s", over, format);
	db_free(db);
}

TEST(model, an_entry_costs_at_most_64_bytes)
{
	check_overhead("service/…", 100, 100, false);
	check_overhead("service/…", 20, 13, false);
	check_overhead("service/…", 3, 200, true);
	check_overhead("", 1, 1, false);
	check_overhead("", 1, 256, false);
}

TEST(model, links)
{
	struct db *db = db_new(NULL);
	struct item *it = link_item(db, S("web\0n1\0w"), S("n1\0w"));
	ASSERT(it && db_put(db, TREE_SERVICES_NAME, it));
	const struct item *found = db_get(db_working(db), TREE_SERVICES_NAME, S("web\0n1\0w"));
	ASSERT(found);
	CHECK(slice_eq(link_target(found), S("n1\0w")));
	it = link_item(db, S("k"), S_NONE);
	CHECK_EQ(link_target(it).n, 0);
	db_item_drop(db, it);
	db_free(db);
}

/* ---- structs ---- */

static void check_json(const struct schema *s, const void *obj, const char *want)
{
	struct buf out = {0};
	schema_json_write(&out, s, obj, 0, 0);
	CHECK_STR(buf_view(&out), want);
	buf_free(&out);
}

TEST(model, a_struct_lies_in_one_item)
{
	struct db *db = db_new(NULL);
	struct slice tags[] = {S("v1"), S("primary")};
	struct slice accept[] = {S("a"), S("b")};
	struct named_strs header[] = {{S("X-A"), {accept, 2}}};
	struct health_check check = {.node = S("n1"),
	        .check_id = S("web"),
	        .name = S("a check"),
	        .status = S("passing"),
	        .service_tags = {tags, 2},
	        .definition = {.http = S("http://10.0.0.1/"),
	                .tls_skip_verify = true,
	                .header = {header, 1},
	                .interval = 90 * NS_PER_S},
	        .create_index = 5,
	        .modify_index = 7};
	struct item *it = model_item(db, S("odd"), &health_check_schema, &check);
	ASSERT(it);
	memset(tags, 0, sizeof tags);
	memset(accept, 0, sizeof accept);
	memset(header, 0, sizeof header);
	memset(&check, 0, sizeof check);
	CHECK_STR(item_key(it), "odd");
	check_json(&health_check_schema, item_payload(it),
	        "{\"Node\":\"n1\",\"CheckID\":\"web\",\"Name\":\"a "
	        "check\",\"Status\":\"passing\",\"Notes\":\"\",\"Output\":\"\","
	        "\"ServiceID\":\"\",\"ServiceName\":\"\",\"ServiceTags\":[\"v1\",\"primary\"],\"Definition\":{\"HTTP\":"
	        "\"http://10.0.0.1/"
	        "\",\"TLSSkipVerify\":true,\"Header\":{\"X-A\":[\"a\",\"b\"]},\"Interval\":\"1m30s\"},"
	        "\"CreateIndex\":5,\"ModifyIndex\":7}");
	db_item_drop(db, it);
	db_free(db);
}

TEST(model, an_empty_struct_as_json)
{
	check_json(&node_schema, &(struct node){0},
	        "{\"ID\":\"\",\"Node\":\"\",\"Address\":\"\",\"Datacenter\":\"\",\"TaggedAddresses\":null,\"Meta\":"
	        "null,"
	        "\"CreateIndex\":0,\"ModifyIndex\":0}");
	check_json(&service_node_schema, &(struct service_node){.service_tags = {list_empty, 0}},
	        "{\"ID\":\"\",\"Node\":\"\",\"Address\":\"\",\"Datacenter\":\"\",\"TaggedAddresses\":null,\"NodeMeta\":"
	        "null,"
	        "\"ServiceID\":\"\",\"ServiceName\":\"\",\"ServiceTags\":[],\"ServiceAddress\":\"\",\"ServiceMeta\":"
	        "null,"
	        "\"ServicePort\":0,\"ServiceEnableTagOverride\":false,\"CreateIndex\":0,\"ModifyIndex\":0}");
	check_json(&node_service_schema, &(struct node_service){0},
	        "{\"ID\":\"\",\"Service\":\"\",\"Tags\":null,\"Address\":\"\",\"Meta\":null,\"Port\":0,"
	        "\"EnableTagOverride\":false,\"CreateIndex\":0,\"ModifyIndex\":0}");
	check_json(&health_check_definition_schema, &(struct health_check_definition){0}, "{}");
	check_json(&check_service_node_schema, &(struct check_service_node){0},
	        "{\"Node\":null,\"Service\":null,\"Checks\":null}");
	check_json(&dir_entry_schema, &(struct dir_entry){0},
	        "{\"LockIndex\":0,\"Key\":\"\",\"Flags\":0,\"Value\":null,\"CreateIndex\":0,\"ModifyIndex\":0}");
	check_json(&session_schema, &(struct session){0},
	        "{\"ID\":\"\",\"Name\":\"\",\"Node\":\"\",\"Checks\":null,\"LockDelay\":0,\"Behavior\":\"\",\"TTL\":"
	        "\"\","
	        "\"CreateIndex\":0,\"ModifyIndex\":0}");
	check_json(&coordinate_entry_schema, &(struct coordinate_entry){.coord = &(struct coordinate){.height = 0.5}},
	        "{\"Node\":\"\",\"Segment\":\"\",\"Coord\":{\"Vec\":null,\"Error\":0,\"Adjustment\":0,\"Height\":0.5}"
	        "}");
}

TEST(model, no_memory_gives_no_item)
{
	struct db *db = db_new(NULL);
	db_fail_memory(db, 0, 3);
	CHECK(!model_item(db, S("k"), &node_schema, &(struct node){0}));
	CHECK(!kv_item_new(db, &(struct dir_entry){0}));
	CHECK(!link_item(db, S("k"), S("p")));
	CHECK(link_item(db, S("k"), S("p")));
	db_free(db);
}
