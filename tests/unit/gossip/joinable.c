/* Who may join us, in the sentences of the reference. */
#include "core/gossip/joinable.h"

#include "core/gossip/tags.h"
#include "tests/unit/gossip/one.h"

static struct slice tags_text(struct arena *a, const char *role, const char *dc, const char *id)
{
	struct buf b = {0};
	struct pair tags[] = {{S("role"), slice_of(role)}, {S("dc"), slice_of(dc)}, {S("id"), slice_of(id)},
	        {S("port"), S("8300")}, {S("vsn"), S("2")}, {S("build"), S("1.0.8:")}};
	tags_put(&b, (struct list){tags, ARRAY_LEN(tags)});
	struct slice s = arena_copy(a, buf_view(&b));
	buf_free(&b);
	return s;
}

TEST(gossip_joinable, sentences)
{
	struct arena a = {0};
	struct one o = {0};
	struct fail f;
	struct slice detail;
	struct gossip_config us = one_config(&o, "alpha");
	struct candidate c[2] = {{S("b"), tags_text(&a, "node", "dc1", "id-b"), one_addr("10.0.0.2:8301"), false},
	        {S("c"), tags_text(&a, "node", "dc1", "id-b"), one_addr("10.0.0.3:8301"), true}};
	CHECK_EQ(joinable(&us, c, 2, &a, &detail, NULL, &f), OK); /* the dead hold no id */
	c[1].dead = false;
	CHECK_EQ(joinable(&us, c, 2, &a, &detail, NULL, &f), ERR_DENIED);
	CHECK_STR(slice_of(f.text), "Member 'c' has conflicting node ID 'id-b' with member 'b'");
	c[1].meta = tags_text(&a, "node", "dc1", "id-a");
	CHECK_EQ(joinable(&us, c, 2, &a, &detail, NULL, &f), ERR_DENIED);
	CHECK_STR(slice_of(f.text), "Member 'c' has conflicting node ID 'id-a' with this agent's ID");
	c[1].meta = tags_text(&a, "consul", "dc2", "id-c");
	CHECK_EQ(joinable(&us, c, 2, &a, &detail, NULL, &f), ERR_DENIED);
	CHECK_STR(slice_of(f.text), "Member 'c' part of wrong datacenter 'dc2'");
	CHECK_STR(detail, "'c' at 10.0.0.3:8301 is of datacenter 'dc2', we ('alpha') are of 'dc1'");
	us.pool = GOSSIP_WAN;
	CHECK_EQ(joinable(&us, c + 1, 1, &a, &detail, NULL, &f), OK);
	CHECK_EQ(joinable(&us, c, 1, &a, &detail, NULL, &f), ERR_DENIED);
	CHECK_STR(slice_of(f.text), "Member 'b' is not a server");
	arena_free(&a);
}
