/* DNS messages: records as data, measured and written.
 *
 * Names in answers are compressed as Consul 1.0.8's library does it: whatever suffix was written before, case counting,
 * in the first 16 KiB; the target of an SRV record never is, but others may point into it.
 *
 * A writer lies on the caller's stack and writes into his memory. It never writes beyond `cap`: what does not fit makes
 * it `full`, and dns_write_end gives 0. */
#ifndef BASE_DNS_WRITER_H
#define BASE_DNS_WRITER_H

#include "core/base/dns_message.h"

struct dns_soa {
	struct dns_name server, mailbox;
	uint32_t serial, refresh, retry, expire, minimum;
};

struct dns_record {
	struct dns_name owner;
	uint16_t type, klass;
	uint32_t ttl;
	union {
		uint8_t ip[IP_BYTES];   /* A (the first four), AAAA */
		struct dns_name target; /* CNAME, NS, PTR */
		struct {
			struct dns_name target;
			uint16_t priority, weight, port;
		} srv;
		struct {
			struct slice strings; /* as on the wire, each with its length */
			uint32_t text_n;      /* what they measure as text */
		} txt;
		const struct dns_soa *soa;
	};
};

/* Bytes that the record counts for when a message is measured: without compression, names and strings as long as
 * their texts. */
size_t dns_record_measure(const struct dns_record *r);
static inline size_t dns_question_measure(struct dns_name name)
{
	return (size_t)name.text_n + 5;
}

enum { DNS_SUFFIX_MAX = 2048 }; /* remembered for compression; a power of two */

struct dns_suffix {
	uint16_t at, hash; /* at 0: free */
};

struct dns_writer {
	uint8_t *out;
	size_t n, cap;
	bool compress, full;
	struct dns_name question;
	uint32_t slots, used; /* of `seen` that are in use; a power of two */
	struct dns_suffix seen[DNS_SUFFIX_MAX];
};

/* Begins with a header. `records` is a guess of how many will follow. Counts are filled in by dns_write_end. */
void dns_write_begin(
        struct dns_writer *w, uint8_t *out, size_t cap, uint16_t id, uint16_t flags, bool compress, size_t records);
void dns_write_question(struct dns_writer *w, struct dns_name name, uint16_t type, uint16_t klass);
void dns_write_record(struct dns_writer *w, const struct dns_record *r);
void dns_write_opt(struct dns_writer *w, uint16_t udp_size);
/* Sets the counts (questions, answers, authorities, additional); the length of the message, 0 when it did not fit. */
size_t dns_write_end(struct dns_writer *w, const uint16_t counts[static 4]);

#endif
