/* consul version */
#include "cmd/version.h"

#include "cmd/command.h"
#include "cmd/say.h"

const char consul_revision[] = REVISION;
const char consul_version_human[] = CONSUL_VERSION ":" REVISION;

const struct command_page page_version = {.quirk = QUIRK_NO_FLAGS};

int cmd_version(struct words words)
{
	(void)words;
	say("Consul %s", consul_version_human);
	say("Protocol %d spoken by default, understands %d to %d (agent will automatically use protocol >%d when "
	    "speaking "
	    "to compatible agents)",
	        PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, PROTOCOL_VERSION_MAX, PROTOCOL_VERSION);
	return DONE;
}
