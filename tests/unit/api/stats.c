#include "core/api/stats.h"

#include "core/agent/config.h"
#include "core/base/slice.h"
#include "core/leader/peers.h"
#include "tests/test.h"

static struct db *db;
static struct agent_config config;
static struct world world;
static struct api api;

/* A server whose configuration, that of entry 9, holds `n` of these; the first is itself. */
static void setup(size_t n)
{
	static const struct raft_server servers[] = {{{"id-1", 4}, {"127.0.0.1:8300", 14}, RAFT_VOTER},
	        {{"id-2", 4}, {"127.0.0.2:8300", 14}, RAFT_VOTER},
	        {{"id-3", 4}, {"127.0.0.3:8300", 14}, RAFT_NONVOTER}};
	db = db_new(NULL);
	config = (struct agent_config){.datacenter = S("dc1"), .server_mode = true, .version = S("1.0.8")};
	api_init(&api, 0, 1);
	peers_set(db, servers, n);
	db_publish(db);
	world = (struct world){.config = &config, .db = db_published(db), .voter = n > 0, .configuration_index = 9};
	world.voters = (uint32_t)peers_voters(world.db);
	api.world = &world;
}

static void teardown(void)
{
	api_free(&api);
	db_free(db);
}

static struct slice raft_value(const char *name)
{
	struct list sections = stats_of(&api);
	const struct stats_section *s = sections.items;
	for (uint32_t i = 0; i < sections.n; i++)
		for (uint32_t j = 0; slice_is(s[i].name, "raft") && j < s[i].values.n; j++)
			if (slice_is(((const struct pair *)s[i].values.items)[j].key, name))
				return ((const struct pair *)s[i].values.items)[j].val;
	return S("absent");
}

TEST(stats, the_configuration_is_that_of_raft)
{
	setup(3);
	CHECK_STR(raft_value("latest_configuration"),
	        "[{Suffrage:Voter ID:id-1 Address:127.0.0.1:8300} {Suffrage:Voter ID:id-2 Address:127.0.0.2:8300} "
	        "{Suffrage:Nonvoter ID:id-3 Address:127.0.0.3:8300}]");
	CHECK_STR(raft_value("latest_configuration_index"), "9");
	CHECK_STR(raft_value("num_peers"), "1");
	world.voter = false; /* who has no voice counts nobody */
	CHECK_STR(raft_value("num_peers"), "0");
	teardown();
}

TEST(stats, nobody_is_in_an_empty_configuration)
{
	setup(0);
	CHECK_STR(raft_value("latest_configuration"), "[]");
	CHECK_STR(raft_value("num_peers"), "0");
	teardown();
}
