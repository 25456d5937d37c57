/* A small datacenter in a test, and questions to its DNS. */
#ifndef TEST_API_DC_H
#define TEST_API_DC_H

#include "core/api/dns.h"
#include "core/state/apply.h"
#include "tests/test.h"

struct dc {
	struct db *db;
	struct state state;
	struct dns_settings set; /* "consul.", three answers over UDP, datacenters dc1 and east */
	struct dns_view view;
	struct slice datacenters[2];
	struct logbuf logs;
	struct rand dice;
	struct arena mem; /* of the last question */
	struct dns_result result;
	uint8_t answer[DNS_MESSAGE_MAX];
	char shown[16384];
};
extern struct dc dc;

void dc_begin(void);
void dc_end(void);

/* A node with, where they are named, an instance of a service on it and a check of the node or that instance. */
struct dc_service {
	const char *node, *address, *id, *name, *tag, *own_address, *status, *check_of;
	int port;
	struct list meta;
};
void dc_add(struct dc_service s);
void dc_add_many(unsigned n); /* nodes n001 …, each with an instance of web at port 8001 … */

enum { TCP = 1, RD = 2 }; /* bits of `how` */

/* A question with id 42; edns: the size that its asker allows, -1 says nothing of it. */
struct dns_ask dc_question(const char *name, uint16_t type, int how, int edns);

/* What became of it: "NOERROR AA | answers | authorities | additional", "silence", "recurse" or "later". */
const char *dc_ask(const char *name, uint16_t type);
const char *dc_ask_all(const char *name, uint16_t type, int how, int edns, const struct dns_known *known);
const char *dc_outcome(enum dns_verdict v);
const char *dc_show(struct slice msg);

unsigned dc_count(unsigned at); /* the number at that place of the answer */

#define SAYS(got, want) CHECK_STR(slice_of(got), want)
#define SOA " consul./0/SOA=ns.consul."

#endif
