/* A parsed file brought into the shape that the tables describe.
 *
 * HCL writes every block as a list of objects, and definitions may use the spelling of the HTTP API for some keys.
 * Here one-element lists of objects become the object (except where the configuration wants lists), empty lists become
 * null, repeated keys are reduced to the last one, and aliases get their canonical name.
 * Aliases are taken everywhere; the reference passes over blocks of HCL that stay lists (`services { … }`).
 * Source: Consul 1.0.8 agent/config/patch_hcl.go, translate.go. Internal to core/agent/config*.c. */
#ifndef AGENT_CONFIG_SHAPE_H
#define AGENT_CONFIG_SHAPE_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/value.h"

enum { CONFIG_DEPTH_MAX = 200 };

/* *out shares strings with v. ERR_INVALID where the reference would panic: a block that may stand once stands twice. */
enum err config_shape(const struct value *v, struct arena *a, struct value *out, struct fail *f);

#endif
