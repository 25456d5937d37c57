/* A watch of the configuration, read and checked: what is looked at, and what is done when it changes.
 *
 * Texts are those of the reference, the quirk included that an error shows what of the watch was not consumed yet, as
 * Go prints a map. Source: Consul 1.0.8 watch/watch.go, watch/funcs.go, agent/agent.go (reloadWatches). */
#ifndef AGENT_CONFIG_WATCH_H
#define AGENT_CONFIG_WATCH_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/schema.h"
#include "core/base/value.h"

enum config_watch_type {
	WATCH_KEY,
	WATCH_KEYPREFIX,
	WATCH_SERVICES,
	WATCH_NODES,
	WATCH_SERVICE,
	WATCH_CHECKS,
	WATCH_EVENT
};

struct config_watch {
	enum config_watch_type type;
	struct slice datacenter, token;
	struct slice key, prefix, service, tag, state, name; /* those that the type has */
	bool stale, passing_only;
	/* exactly one of the three */
	struct slice handler; /* for a shell; the deprecated way */
	struct list args;     /* of struct slice: a program and its arguments */
	struct slice http_path;
	struct slice http_method; /* POST unless said */
	struct list http_header;  /* of struct named_strs */
	dur_ns http_timeout;      /* 10 s unless said */
	bool http_tls_skip_verify;
};

/* ERR_INVALID: f has the sentence that follows "Error starting agent: ". */
enum err config_watch_read(const struct value *v, struct arena *a, struct config_watch *out, struct fail *f);
/* What is looked at alone, without a handler, as `consul watch` takes it. */
enum err config_watch_parse(const struct value *v, struct arena *a, struct config_watch *out, struct fail *f);
/* "keyprefix" … */
const char *config_watch_type_name(enum config_watch_type type);

#endif
