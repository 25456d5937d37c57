#include "core/base/dns_writer.h"

#include "core/base/must.h"

enum { POINTER_MAX = 1 << 14, LABELS_MAX = 512, SLOTS_MIN = 64 };

size_t dns_record_measure(const struct dns_record *r)
{
	size_t n = (size_t)r->owner.text_n + 1 + 10;
	switch (r->type) {
	case DNS_A: return n + 4;
	case DNS_AAAA: return n + IP_BYTES;
	case DNS_CNAME:
	case DNS_NS:
	case DNS_PTR: return n + r->target.text_n + 1;
	case DNS_SRV: return n + 6 + r->srv.target.text_n + 1;
	case DNS_TXT: return n + r->txt.text_n;
	default: MUST(r->type == DNS_SOA); return n + r->soa->server.text_n + r->soa->mailbox.text_n + 22;
	}
}

/* ---- bytes ---- */

static bool room(struct dns_writer *w, size_t n)
{
	if (w->full || w->cap - w->n < n) {
		w->full = true;
		return false;
	}
	return true;
}

static inline uint8_t *store16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static inline uint8_t *store32(uint8_t *p, uint32_t v)
{
	return store16(store16(p, v >> 16), v & 0xffff);
}

static void put16(struct dns_writer *w, unsigned v)
{
	if (room(w, 2)) {
		store16(w->out + w->n, v);
		w->n += 2;
	}
}

static void put_bytes(struct dns_writer *w, const void *p, size_t n)
{
	if (n && room(w, n)) {
		memcpy(w->out + w->n, p, n);
		w->n += n;
	}
}

/* ---- suffixes ---- */

static void slots_clear(struct dns_writer *w, uint32_t slots)
{
	w->slots = slots;
	w->used = 0;
	memset(w->seen, 0, slots * sizeof(w->seen[0]));
}

/* Does the name that is written at `at` equal the labels at `p`? */
static bool same_suffix(const struct dns_writer *w, size_t at, const uint8_t *p)
{
	for (;;) {
		unsigned c = w->out[at];
		if (c >= 0xc0) {
			at = (c & 0x3f) << 8 | w->out[at + 1];
			continue;
		}
		if (c != *p || memcmp(w->out + at + 1, p + 1, c))
			return false;
		if (!c)
			return true;
		at += c + 1;
		p += c + 1;
	}
}

static void slot_set(struct dns_writer *w, struct dns_suffix s)
{
	uint32_t i = s.hash & (w->slots - 1);
	while (w->seen[i].at)
		i = (i + 1) & (w->slots - 1);
	w->seen[i] = s;
	w->used++;
}

/* Four times as many slots; what is in them keeps its hash, so nothing is read again. */
static void slots_grow(struct dns_writer *w)
{
	struct dns_suffix old[DNS_SUFFIX_MAX / 4];
	uint32_t n = w->slots;
	memcpy(old, w->seen, n * sizeof(old[0]));
	slots_clear(w, n * 4);
	for (uint32_t i = 0; i < n; i++)
		if (old[i].at)
			slot_set(w, old[i]);
}

static size_t suffix_find(const struct dns_writer *w, uint16_t hash, const uint8_t *p)
{
	for (uint32_t i = hash & (w->slots - 1); w->seen[i].at; i = (i + 1) & (w->slots - 1))
		if (w->seen[i].hash == hash && same_suffix(w, w->seen[i].at, p))
			return w->seen[i].at;
	return 0;
}

/* A full table remembers no more: the message gets longer, not wrong. */
static void suffix_add(struct dns_writer *w, uint16_t hash, size_t at)
{
	if (at >= POINTER_MAX)
		return;
	if (w->used * 4 >= w->slots * 3) {
		if (w->slots * 4 > DNS_SUFFIX_MAX)
			return;
		slots_grow(w);
	}
	slot_set(w, (struct dns_suffix){(uint16_t)at, hash});
}

struct label {
	const uint8_t *p;
	uint16_t hash; /* of it and all behind it */
};

/* The labels of a name with the hashes of the suffixes they begin; how many. */
static unsigned labels_of(struct dns_name name, struct label *labels)
{
	unsigned n = 0;
	for (const uint8_t *p = name.wire; *p && n < LABELS_MAX; p += *p + 1)
		labels[n++].p = p;
	uint32_t h = 2166136261u;
	for (unsigned i = n; i-- > 0;) {
		for (unsigned j = 0; j <= *labels[i].p; j++)
			h = (h ^ labels[i].p[j]) * 16777619u;
		labels[i].hash = (uint16_t)(h >> 16 ^ h);
	}
	return n;
}

/* Suffixes are remembered when the whole name stands there: an unfinished one must not be compared. */
static void put_labels(struct dns_writer *w, struct dns_name name, bool compress)
{
	struct label labels[LABELS_MAX];
	unsigned n = labels_of(name, labels), i = 0;
	size_t from = w->n, at = 0;
	bool fresh[LABELS_MAX];
	for (; i < n; i++) {
		at = suffix_find(w, labels[i].hash, labels[i].p);
		if (at && compress)
			break;
		fresh[i] = !at;
		at = 0;
	}
	put_bytes(w, name.wire, at ? (size_t)(labels[i].p - name.wire) : name.n);
	if (at)
		put16(w, 0xc000 | (unsigned)at);
	for (unsigned j = 0; j < i && !w->full; j++)
		if (fresh[j])
			suffix_add(w, labels[j].hash, from + (size_t)(labels[j].p - name.wire));
}

static void put_name(struct dns_writer *w, struct dns_name name, bool compress)
{
	if (!w->compress) {
		put_bytes(w, name.wire, name.n);
	} else if (compress && name.wire == w->question.wire && name.n > 1) {
		put16(w, 0xc000 | DNS_HEADER);
	} else if (dns_name_odd(name)) {
		/* the library's own table mixes up names with escapes, so that they are hardly ever found in it */
		put_bytes(w, name.wire, name.n);
	} else {
		put_labels(w, name, compress);
	}
}

/* ---- messages ---- */

void dns_write_begin(
        struct dns_writer *w, uint8_t *out, size_t cap, uint16_t id, uint16_t flags, bool compress, size_t records)
{
	w->out = out;
	w->cap = cap;
	w->compress = compress;
	w->full = cap < DNS_HEADER;
	w->question = (struct dns_name){0};
	w->n = DNS_HEADER;
	uint32_t slots = SLOTS_MIN;
	while (slots < records * 4 && slots < DNS_SUFFIX_MAX)
		slots *= 2;
	if (compress)
		slots_clear(w, slots);
	if (!w->full)
		store16(store16(out, id), flags);
}

void dns_write_question(struct dns_writer *w, struct dns_name name, uint16_t type, uint16_t klass)
{
	put_name(w, name, false);
	w->question = name;
	put16(w, type);
	put16(w, klass);
}

static void put_soa(struct dns_writer *w, const struct dns_soa *s)
{
	put_name(w, s->server, true);
	put_name(w, s->mailbox, true);
	if (room(w, 20)) {
		uint8_t *p = store32(store32(w->out + w->n, s->serial), s->refresh);
		store32(store32(store32(p, s->retry), s->expire), s->minimum);
		w->n += 20;
	}
}

static void put_data(struct dns_writer *w, const struct dns_record *r)
{
	switch (r->type) {
	case DNS_A: put_bytes(w, r->ip, 4); break;
	case DNS_AAAA: put_bytes(w, r->ip, IP_BYTES); break;
	case DNS_CNAME:
	case DNS_NS:
	case DNS_PTR: put_name(w, r->target, true); break;
	case DNS_SRV:
		put16(w, r->srv.priority);
		put16(w, r->srv.weight);
		put16(w, r->srv.port);
		put_name(w, r->srv.target, false);
		break;
	case DNS_TXT: put_bytes(w, r->txt.strings.p, r->txt.strings.n); break;
	default: MUST(r->type == DNS_SOA); put_soa(w, r->soa);
	}
}

void dns_write_record(struct dns_writer *w, const struct dns_record *r)
{
	put_name(w, r->owner, true);
	if (!room(w, 10))
		return;
	uint8_t *p = store32(store16(store16(w->out + w->n, r->type), r->klass), r->ttl);
	w->n += 10;
	size_t from = w->n;
	put_data(w, r);
	store16(p, (unsigned)(w->n - from));
}

void dns_write_opt(struct dns_writer *w, uint16_t udp_size)
{
	if (!room(w, 11))
		return;
	uint8_t *p = w->out + w->n;
	memset(p, 0, 11);
	store16(store16(p + 1, DNS_OPT), udp_size);
	w->n += 11;
}

size_t dns_write_end(struct dns_writer *w, const uint16_t counts[static 4])
{
	if (w->full)
		return 0;
	for (int i = 0; i < 4; i++)
		store16(w->out + 4 + 2 * i, counts[i]);
	return w->n;
}
