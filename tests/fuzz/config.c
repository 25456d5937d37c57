/* Any bytes as a config file: the first byte chooses the format. Whatever is accepted must survive checking and
 * showing. */
#include "core/agent/config_check.h"
#include "core/agent/config_json.h"
#include "core/base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config_interface interfaces[] = {{S("eth0"), S("10.0.0.5"), 24, true, false, true}};
	const struct config_facts facts = {.hostname = S("host"), .interfaces = interfaces, .interface_count = 1};
	if (!size)
		return 0;
	struct config_source file = {data[0] & 1 ? S("c.hcl") : S("c.json"), slice_at(data + 1, size - 1)};
	struct config_input in = {.dev = data[0] & 2, .files = &file, .file_count = 1, .facts = &facts};
	struct arena a;
	arena_init(&a, 64 << 20);
	struct agent_config *c = NULL;
	struct config_report report;
	struct config_disk disk = {0};
	if (config_build(&in, &a, &c, &report) == OK && config_check(c, &disk, &a, &report) == OK) {
		struct buf out = {0};
		config_check_log(c, &a, &report);
		config_check_start(c, &disk, &a, &report);
		config_json_self(&out, c, 4, 0);
		config_json_debug(&out, c, 4, 0);
		buf_free(&out);
	}
	arena_free(&a);
	return 0;
}
