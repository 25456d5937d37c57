/* DNS messages: reading (RFC 1035, RFC 6891), as the library of Consul 1.0.8 reads them.
 *
 * Reading is total: nothing is read past the packet, compression pointers are followed ten times at most, a name has at
 * most 255 bytes. Nothing is allocated; names are copied uncompressed into the caller's memory.
 *
 * A *wire name* is labels with their lengths, ended by the root's zero. Its *text* is the presentation form with the
 * final dot, where . ( ) ; blank @ " \ are written \c and unprintable bytes \DDD: this is the form in which Consul
 * looks names up and measures messages. */
#ifndef BASE_DNS_MESSAGE_H
#define BASE_DNS_MESSAGE_H

#include "core/base/buf.h"
#include "core/base/ip.h"
#include "core/base/types.h"

enum {
	DNS_HEADER = 12,
	DNS_MESSAGE_MAX = 65535,
	DNS_WIRE_MAX = 255,  /* of a name that is read */
	DNS_TEXT_MAX = 1024, /* of such a name's text */
};

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_OPT = 41,
	DNS_DS = 43,
	DNS_AXFR = 252,
	DNS_ANY = 255,
};

enum { DNS_CLASS_IN = 1 };

enum dns_rcode { DNS_NOERROR, DNS_FORMERR, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_NOTIMP, DNS_REFUSED };

enum dns_flag {
	DNS_QR = 1 << 15,
	DNS_AA = 1 << 10,
	DNS_TC = 1 << 9,
	DNS_RD = 1 << 8,
	DNS_RA = 1 << 7,
	DNS_CD = 1 << 4,
	DNS_OPCODE = 15 << 11, /* mask */
};

struct dns_name {
	const uint8_t *wire;
	uint16_t n;      /* bytes on the wire, the root's zero included */
	uint16_t text_n; /* bytes of the text, final dot included */
};

/* Has the text escapes? */
static inline bool dns_name_odd(struct dns_name n)
{
	return n.text_n != n.n - 1 && n.n > 1;
}

/* ---- a question ---- */

struct dns_question {
	uint16_t id, flags, type, klass;
	bool headed;       /* the header was whole: else nothing but this is set, id is 0 */
	bool asked;        /* there is a question */
	bool edns;         /* there is an OPT record in the additional section */
	bool subnet;       /* … with a client subnet (RFC 7871) */
	uint16_t udp_size; /* of the OPT */
	struct ip subnet_ip;
	struct slice packet; /* the message without what trails behind it */
	struct dns_name name;
	uint8_t wire[DNS_WIRE_MAX + 1];
};

/* Reads a whole message, its records included. False when it is malformed: then FORMERR is the answer (as far as
 * `headed`, the id is known). Several questions: the first. A header alone is a message without a question. */
bool dns_read_question(struct slice packet, struct dns_question *q);

/* ---- a whole message: records in turn ---- */

struct dns_record_view {
	struct dns_name owner; /* in wire */
	uint16_t type, klass;
	uint32_t ttl;
	struct slice data; /* in the message; names in it may be compressed */
	uint8_t section;   /* 1 answer, 2 authority, 3 additional */
	uint8_t wire[DNS_WIRE_MAX + 1];
};

struct dns_reader {
	struct slice msg;
	size_t at;
	uint16_t id, flags;
	uint16_t left[4]; /* records to come of each section, 0: questions */
	const char *why;  /* NULL: nothing wrong so far; else the library's words */
};

/* `why` of a message that says of itself that it is cut (TC) and holds nothing beyond its records. */
extern const char dns_truncated[];

/* Reads the header; false when it is too short. */
bool dns_read(struct dns_reader *r, struct slice msg);
/* The next question; false when there is none left (or `why`). `name` is copied to `wire`. */
bool dns_read_asked(struct dns_reader *r, struct dns_name *name, uint8_t wire[static DNS_WIRE_MAX + 1], uint16_t *type,
        uint16_t *klass);
/* The next record, with its data looked through; false at the end (or `why`). Counts beyond the end are forgiven when
 * the message ends between two records. */
bool dns_read_record(struct dns_reader *r, struct dns_record_view *out);

/* Reads all of a message; NULL when nothing is wrong with it. */
const char *dns_check(struct slice msg);

/* ---- names ---- */

/* Reads the name at *at of `msg` and moves *at behind it. NULL, or what is wrong. */
const char *dns_read_name(struct slice msg, size_t *at, uint8_t wire[static DNS_WIRE_MAX + 1], struct dns_name *out);

/* The text of a name; returns its length (name.text_n). `out` has room for DNS_TEXT_MAX. */
size_t dns_name_text(struct dns_name name, char *out);

/* Where the labels of a text begin: at[i] is the offset of label i, n.b. escapes are not split. */
struct dns_labels {
	unsigned n;
	uint16_t at[129]; /* at[n] is one beyond the final dot */
};
/* The text in lower case and its labels. */
size_t dns_name_lower(struct dns_name name, char *out, struct dns_labels *labels);

/* Adds the labels of a text ("a.b", escapes understood) behind the *n bytes of `wire`; dns_wire_end then adds `tail`.
 * A label that is empty or longer than 63 bytes, or a name beyond `cap`, gives false. */
bool dns_wire_add(uint8_t *wire, size_t cap, size_t *n, struct slice text);
bool dns_wire_end(uint8_t *wire, size_t cap, size_t *n, struct dns_name tail);
/* A name of bytes that dns_wire_end has finished; text_n as if nothing were escaped. */
static inline struct dns_name dns_name_plain(const uint8_t *wire, size_t n)
{
	return (struct dns_name){wire, (uint16_t)n, (uint16_t)(n > 1 ? n - 1 : 1)};
}

/* ---- words for the log ---- */

void dns_type_put(struct buf *b, uint16_t type);   /* "A", "TYPE65280" */
void dns_class_put(struct buf *b, uint16_t klass); /* "IN", "CLASS255" */

static inline uint16_t dns_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t dns_u32(const uint8_t *p)
{
	return (uint32_t)dns_u16(p) << 16 | dns_u16(p + 2);
}

#endif
