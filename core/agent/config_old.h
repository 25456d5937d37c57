/* Keys that releases before 1.0 took and 1.0 refuses: moved to where they belong now, or left aside, each with a
 * sentence, never fatal. Source: Consul 0.7.5 command/agent/config.go. Internal to core/agent/config*.c. */
#ifndef AGENT_CONFIG_OLD_H
#define AGENT_CONFIG_OLD_H

#include "core/agent/config_keys.h"
#include "core/agent/config_texts.h"

/* Works on the slots of one source (named in the sentences), before they are laid over the others. */
void config_old_keys(struct config_slot *slots, struct slice source, struct arena *a, struct config_texts *notes);

#endif
