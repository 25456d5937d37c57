#include "cmd/agent/flags_agent.h"
#include "tests/test.h"

static struct arena arena;
static struct agent_flags flags;
static struct fail fail;

#define READ(...) read_words((const char *const[]){"agent", __VA_ARGS__, NULL})

static enum flags_result read_words(const char *const *literals)
{
	char *words[32] = {0};
	int n = 0;
	for (; literals[n]; n++)
		memcpy(&words[n], &literals[n], sizeof words[n]);
	arena_reset(&arena, 1 << 20);
	fail = (struct fail){0};
	return agent_flags_read(n, words, &arena, &flags, &fail);
}

TEST(config_flags, become_keys_of_a_file)
{
	CHECK_EQ(READ("-dev", "--node=n", "-join", "a", "-join=b", "-dns-port", "53", "-http-port=80", "-node-meta",
	                 "k:v:w", "-node-meta", "lone", "-ui=false", "-config-dir", "d", "-config-file", "f"),
	        FLAGS_OK);
	CHECK(flags.dev);
	CHECK_EQ(flags.paths.n, 2);
	CHECK(!strcmp(flags.paths.items[0], "d"));
	CHECK_STR(value_get(&flags.config, S("node_name"))->text, "n");
	CHECK_EQ(value_get(&flags.config, S("start_join"))->n, 2);
	const struct value *ports = value_get(&flags.config, S("ports"));
	ASSERT(ports && ports->n == 2);
	CHECK_STR(value_get(ports, S("dns"))->text, "53");
	const struct value *meta = value_get(&flags.config, S("node_meta"));
	CHECK_STR(value_get(meta, S("k"))->text, "v:w");
	CHECK_STR(value_get(meta, S("lone"))->text, "");
	CHECK(!value_get(&flags.config, S("ui"))->boolean);
	CHECK(!value_get(&flags.config, S("server")));
}

TEST(config_flags, those_of_older_releases_are_taken)
{
	CHECK_EQ(READ("-atlas", "x/y", "-atlas-join", "-atlas-token=t", "-dc", "dc9", "-retry-join-ec2-tag-key", "k",
	                 "-retry-join-ec2-region", "r"),
	        FLAGS_OK);
	CHECK_STR(value_get(&flags.config, S("datacenter"))->text, "dc9");
	CHECK_EQ(value_get(&flags.config, S("retry_join_ec2"))->n, 2);
	CHECK(value_get(&flags.config, S("atlas_join"))->boolean);
}

TEST(config_flags, errors)
{
	CHECK_EQ(READ("-dev", "extra", "words"), FLAGS_WRONG);
	CHECK(!strcmp(fail.text, "config: Unknown extra arguments: [extra words]"));
	CHECK_EQ(READ("-h"), FLAGS_HELP);
}
