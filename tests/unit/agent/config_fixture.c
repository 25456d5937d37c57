#include "tests/unit/agent/config_fixture.h"

#include "core/base/json.h"

static const struct config_interface interfaces[] = {
        {S("lo"), S("127.0.0.1"), 8, true, true, false},
        {S("eth0"), S("10.0.0.5"), 24, true, false, true},
        {S("eth0"), S("fe80::1"), 64, true, false, true},
        {S("docker0"), S("172.17.0.1"), 16, true, false, false},
        {S("eth1"), S("203.0.113.7"), 24, false, false, false},
};

const struct config_facts fixture_facts = {
        .hostname = S("host"),
        .interfaces = interfaces,
        .interface_count = ARRAY_LEN(interfaces),
        .version = S("1.0.8"),
        .revision = S("abc"),
};

struct built build_files(const struct config_source *files, size_t n, const char *flags, bool dev)
{
	struct built b = {0};
	struct value v = {0};
	if (flags)
		ASSERT(json_read(slice_of(flags), &b.arena, &v, NULL) == OK);
	struct config_input in = {
	        .dev = dev,
	        .files = files,
	        .file_count = n,
	        .flags = flags ? &v : NULL,
	        .facts = &fixture_facts,
	};
	config_build(&in, &b.arena, &b.config, &b.report);
	return b;
}

struct built build_file(const char *name, const char *text)
{
	struct config_source file = {slice_of(name), slice_of(text)};
	return build_files(&file, 1, NULL, false);
}

struct built build_dev(const char *name, const char *text)
{
	struct config_source file = {slice_of(name), slice_of(text)};
	return build_files(&file, 1, NULL, true);
}

struct built build_checked(const char *text)
{
	struct config_disk nothing = {0};
	struct built b = build_file("c.json", text);
	if (b.config && config_check(b.config, &nothing, &b.arena, &b.report) != OK)
		b.config = NULL;
	return b;
}

void built_free(struct built *b)
{
	arena_free(&b->arena);
}
