/* A value tree into slots, as mapstructure of the reference does it: strict about types, lenient about the case of keys
 * (an exact match wins), every unknown key named by its full path.
 * Internal to core/agent. */
#ifndef AGENT_CONFIG_DECODE_H
#define AGENT_CONFIG_DECODE_H

#include "core/agent/config_keys.h"
#include "core/agent/config_texts.h"

struct config_decode {
	struct arena *arena;
	bool hcl;                    /* numbers without a fraction are ints there, floats in JSON: error texts say so */
	struct config_texts errors;  /* values of the wrong type */
	struct config_texts unknown; /* paths of keys that the table lacks, in the order met */
};

/* Fills slots[t->n] (cleared by the caller) from an object, or leaves them alone for null. */
void config_decode(
        struct config_decode *d, const struct config_table *t, const struct value *v, struct config_slot *slots);

#endif
