/* Parsed JSON into structures as github.com/mitchellh/mapstructure does it, which is how the HTTP API of Consul 1.0.8
 * reads request bodies (agent/http.go decodeBody).
 *
 * Not encoding/json: keys are Go's field names (never the json:"…" ones) in any case, an exact match wins; embedded
 * structs are fields of their own; numbers are float64 on the way, so that integers lose what a double cannot hold and
 * fractions are cut; null leaves everything alone; texts are no numbers and no durations (callers that allow them put
 * numbers in their place first); []byte is a list of numbers. Everything wrong is told, sorted:
 *
 *	1 error(s) decoding:
 *
 *	* 'Port' expected type 'int', got unconvertible type 'string'
 *
 * `obj` is cleared by the caller; strings point into the value, all else is the arena's. */
#ifndef BASE_MAPSTRUCTURE_H
#define BASE_MAPSTRUCTURE_H

#include "core/base/schema.h"
#include "core/base/value.h"

enum err mapstructure_read(const struct schema *s, const struct value *v, void *obj, struct arena *a, struct fail *f);

/* A list of structs. */
enum err mapstructure_read_list(
        const struct schema *s, const struct value *v, struct list *out, struct arena *a, struct fail *f);

#endif
