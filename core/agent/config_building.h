/* What is passed around while a configuration is built. Internal to core/agent/config*.c. */
#ifndef AGENT_CONFIG_BUILDING_H
#define AGENT_CONFIG_BUILDING_H

#include "core/agent/config_build.h"
#include "core/agent/config_keys.h"
#include "core/agent/config_texts.h"

struct config_building {
	struct arena *arena;
	const struct config_facts *facts;
	struct agent_config *config;
	struct config_slot *slots;  /* of config_keys, all sources merged */
	struct config_texts errors; /* told only after everything else was checked */
	struct config_texts warnings;
	struct config_texts notes;
	struct slice fatal; /* ends building at once */
};

static inline const struct config_slot *config_said(const struct config_building *b, const char *key)
{
	return config_slot_of(&config_keys, b->slots, key);
}

/* Text of a key, empty when not said. */
static inline struct slice config_said_text(const struct config_building *b, const char *key)
{
	return config_said(b, key)->s;
}

/* Everything in b->config from b->slots. False: b->fatal says why. */
bool config_fill(struct config_building *b, bool dev);

/* Fills every address and port of b->config. False: b->fatal says why. */
bool config_addresses(struct config_building *b);

/* Moves plain keys of a table into the fields of obj. `what` names durations in errors: "check[id]" or "". */
void config_fields(struct config_building *b, const struct config_table *t, const struct config_slot *slots, void *obj,
        struct slice what);
/* Fills checks and services of b->config. */
void config_definitions(struct config_building *b);
/* A text as a duration; a bad one replaces all errors so far, as the reference has it. */
dur_ns config_duration(struct config_building *b, struct slice name, struct slice text);

#endif
