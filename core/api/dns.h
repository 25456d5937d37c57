/* DNS: a question → who is meant → an answer. A pure function over one consistent moment; any thread.
 *
 * dns_answer reads the packet, looks into the catalog and writes the answer's bytes into the caller's memory. What it
 * cannot know by itself (a recursor's answer, another datacenter's catalog, a prepared query) it names as a *need*: the
 * host finds that out, notes it in a struct dns_known and calls again with the same question. Each call begins anew,
 * with the newest world; what is known stays known, so it ends. The needs of one question are limited.
 *
 * Memory: the arena of the question (the caller resets it afterwards); nothing else is allocated. Rules: Consul 1.0.8,
 * agent/dns.go, and the quirks of its DNS library, told where they are followed. */
#ifndef CORE_API_DNS_H
#define CORE_API_DNS_H

#include "core/agent/config.h"
#include "core/base/arena.h"
#include "core/base/dns_writer.h"
#include "core/base/logline.h"
#include "core/base/rand.h"
#include "store/model.h"

/* ---- what does not change with the question ---- */

struct dns_settings {
	struct slice datacenter;
	struct list service_ttl; /* of struct config_ttl; "*": all that are not named */
	dur_ns node_ttl;
	int64_t udp_answer_limit, a_record_limit;
	bool only_passing, enable_truncate, disable_compression, allow_stale, translate_wan;
	bool recursors; /* are there any? */

	/* filled by dns_settings_domain */
	struct dns_name domain;
	struct dns_soa soa;
	char domain_text[DNS_TEXT_MAX];
	uint8_t wire[DNS_WIRE_MAX + 1], server_wire[DNS_WIRE_MAX + 16], mailbox_wire[DNS_WIRE_MAX + 16];
};

/* Sets the domain ("consul", "Corp.Example."): lower case, with its final dot. False when it is no name. The settings
 * may not move in memory afterwards. */
bool dns_settings_domain(struct dns_settings *s, struct slice domain);
/* All of it from the configuration, whose lists are kept, not copied. */
bool dns_settings_of(struct dns_settings *s, const struct agent_config *c);

/* Can this agent read the own datacenter's catalog? */
enum dns_local {
	DNS_LOCAL_READ, /* here */
	DNS_LOCAL_ASK,  /* a server has to be asked: a need */
	DNS_LOCAL_FAIL, /* no; `why` is the sentence of the failed call */
};

struct dns_view {
	const struct dns_settings *set;
	const struct db_root *db;
	enum dns_local local;
	bool too_stale; /* with DNS_LOCAL_FAIL: a stale read was tried first and was too old */
	struct slice why;
	struct list datacenters; /* of struct slice: known beside those of the WAN pool */
	wall_ns now;
	struct rand *rand;
	struct logbuf *log;
};

/* ---- one question ---- */

struct dns_ask {
	struct slice packet;
	bool tcp;
	struct ip client;
	uint16_t client_port;
};

enum dns_need_kind {
	DNS_NEED_NOTHING,
	DNS_NEED_NAME,    /* the addresses of a name outside: ask the recursors for its A records (dns_need_question) */
	DNS_NEED_NODE,    /* Catalog.NodeServices: the node `name` in `datacenter` */
	DNS_NEED_SERVICE, /* Health.ServiceNodes: `name` (and `tag`, if any) in `datacenter` */
	DNS_NEED_NODES,   /* Catalog.ListNodes in `datacenter` */
	DNS_NEED_QUERY,   /* PreparedQuery.Execute: `name` in `datacenter`, for the client or its subnet */
};

struct dns_need {
	enum dns_need_kind kind;
	struct slice datacenter, name, tag; /* in the arena of the question; DNS_NEED_NAME: name is a wire name */
	struct ip client;                   /* DNS_NEED_QUERY */
	bool has_client;
};

enum dns_got {
	DNS_GOT,        /* the fields of the kind are filled */
	DNS_GOT_ABSENT, /* there is none (a query that does not exist, a node that does not, recursors that are silent)
	                 */
	DNS_GOT_FAILED, /* `why` */
};

struct dns_fact {
	struct dns_need need;
	enum dns_got got;
	struct slice why;
	struct slice reply;                    /* DNS_NEED_NAME: the recursor's message */
	const struct node *node;               /* DNS_NEED_NODE */
	struct list nodes;                     /* DNS_NEED_NODES: of struct node; else of struct check_service_node */
	struct slice datacenter, service, ttl; /* DNS_NEED_QUERY: of the answer */
};

enum { DNS_FACTS_MAX = 32 };

/* What has been found out for one question. Zero is empty; `mem` holds all of it (dns_known_free). */
struct dns_known {
	struct arena mem;
	uint64_t seed; /* set by the host: each run shuffles alike */
	unsigned n;
	struct dns_fact facts[DNS_FACTS_MAX];
};

/* Copies the need; the caller fills in the rest (in k->mem). NULL when full or out of memory. */
struct dns_fact *dns_known_add(struct dns_known *k, const struct dns_need *need);
void dns_known_free(struct dns_known *k);

enum dns_verdict {
	DNS_ANSWER,  /* out_n bytes stand in `out` */
	DNS_SILENCE, /* no answer */
	DNS_RECURSE, /* hand the question on to the recursors (if there are none: dns_recurse_given_up) */
	DNS_LATER,   /* `need` is missing; a full dns_known never gives this */
};

enum dns_handled { DNS_BY_NOBODY, DNS_BY_DOMAIN, DNS_BY_REVERSE, DNS_BY_RECURSOR };

struct dns_result {
	size_t out_n;
	struct dns_need need;
	enum dns_handled handled; /* for dns_log */
};

/* `known` is NULL in the first run. `cap`: DNS_MESSAGE_MAX unless less is wanted. */
enum dns_verdict dns_answer(const struct dns_view *v, const struct dns_ask *ask, const struct dns_known *known,
        struct arena *a, uint8_t *out, size_t cap, struct dns_result *res);

/* The line of a question that has been handled (level DEBUG). One that was handed to the recursors has a line by
 * DNS_BY_RECURSOR, and then its own if it was a reverse name. */
void dns_log(struct logbuf *log, const struct dns_ask *ask, enum dns_handled handled, dur_ns took);
static inline bool dns_log_wanted(const struct logbuf *log)
{
	return log->level <= LOG_DEBUG;
}

/* The question to ask for DNS_NEED_NAME: A, recursion desired. Returns its length. */
size_t dns_need_question(const struct dns_need *need, uint16_t id, uint8_t *out, size_t cap);

/* ---- recursors ---- */

/* The message to pass on: without what trails behind it. */
struct slice dns_recurse_question(const struct dns_ask *ask);
/* A recursor that failed or was silent; `why` in words. `need`: while following a CNAME, else NULL. */
void dns_recurse_failed(struct logbuf *log, const struct dns_need *need, struct slice why);
/* A recursor has answered, after `rtt`. */
void dns_recurse_answered(struct logbuf *log, const struct dns_ask *ask, const struct dns_need *need, dur_ns rtt);
/* All failed: SERVFAIL into `out`; its length. */
size_t dns_recurse_given_up(const struct dns_view *v, const struct dns_ask *ask, uint8_t *out, size_t cap);
/* All failed while following a CNAME. */
void dns_recurse_need_given_up(struct logbuf *log, const struct dns_need *need);

#endif
