/* Tags: what a member says of itself, as the bytes of its meta. 0xff, then a msgpack map of strings; meta that begins
 * otherwise is just a role (Serf's protocol 2). */
#ifndef GOSSIP_TAGS_H
#define GOSSIP_TAGS_H

#include "core/base/schema.h"

void tags_put(struct buf *out, struct list tags);
/* Behind the tags: here speaks one of ours. Serf reads one value and does not look further, so nobody else sees it, and
 * what members and agents show stays as it is in Consul. */
enum { TAGS_MARK_BYTES = 2 };
void tags_mark(struct buf *out);
bool tags_marked(struct slice meta);
/* A list of struct pair, sorted; strings point into meta. False when it can't be decoded: then what could be read. */
bool tags_get(struct slice meta, struct arena *a, struct list *out);
/* One tag's value; empty when it is absent (*there, if not NULL, tells). No memory is taken. */
struct slice tags_find(struct slice meta, struct slice tag, bool *there);

/* What the tags of a Consul server say. */
struct server_tags {
	struct slice dc, segment, id, build;
	int64_t port, expect, wan_join_port, vsn, raft_vsn; /* 0 where absent */
	bool bootstrap, use_tls, nonvoter;
	bool marked;         /* one of ours */
	uint32_t version[3]; /* of build */
};

/* False unless these are the tags of a server: role "consul", port and vsn numbers, the others numbers where they are
 * there, and a build with three numbers in it. */
bool tags_server(struct slice meta, struct server_tags *out);

/* The first "1.2.3" in a build tag. */
bool tags_build(struct slice build, uint32_t version[static 3]);

#endif
