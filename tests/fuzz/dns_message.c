/* Any bytes as a DNS message: never a byte beyond them, what is read is consistent, and names survive a round trip. */
#include "core/base/dns_message.h"

#include "core/base/dns_writer.h"
#include "core/base/must.h"
#include "core/base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct slice part, struct slice whole)
{
	MUST(!part.n || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

/* Name → text → name: the same bytes. And its lower case has as many labels. */
static void check_name(struct dns_name name)
{
	char text[DNS_TEXT_MAX], lower[DNS_TEXT_MAX];
	uint8_t again[DNS_WIRE_MAX + 1];
	struct dns_labels labels;
	size_t n = 0, text_n = dns_name_text(name, text);
	MUST(text_n == name.text_n && text_n <= sizeof(text));
	MUST(dns_name_lower(name, lower, &labels) == text_n);
	MUST(name.n <= DNS_WIRE_MAX && !name.wire[name.n - 1]);
	if (name.n == 1)
		return;
	MUST(dns_wire_add(again, sizeof(again), &n, slice_at(text, text_n)));
	again[n++] = 0;
	MUST(n == name.n && !memcmp(again, name.wire, n));
	MUST(labels.n <= 127 && labels.at[labels.n] == text_n);
}

static void check_records(struct slice msg, struct dns_writer *w)
{
	struct dns_reader r;
	struct dns_record_view rr;
	struct dns_name name;
	uint8_t wire[DNS_WIRE_MAX + 1];
	uint16_t type, klass;
	if (!dns_read(&r, msg))
		return;
	while (dns_read_asked(&r, &name, wire, &type, &klass)) {
		check_name(name);
		dns_write_question(w, name, type, klass);
	}
	while (dns_read_record(&r, &rr)) {
		check_name(rr.owner);
		inside(rr.data, msg);
		struct dns_record out = {.owner = rr.owner, .type = DNS_A, .klass = rr.klass, .ttl = rr.ttl};
		if (!dns_name_odd(rr.owner))
			dns_write_record(w, &out);
	}
	MUST(r.at <= msg.n);
	MUST(dns_check(msg) == r.why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[4096];
	struct slice msg = slice_at(data, size);
	struct dns_question q;
	struct dns_writer w;
	bool good = dns_read_question(msg, &q);
	MUST(q.headed == (size >= DNS_HEADER));
	if (good && q.asked)
		check_name(q.name);
	if (q.headed)
		inside(q.packet, msg);
	dns_write_begin(&w, out, size % sizeof(out), 1, 0, true, 1);
	check_records(msg, &w);
	size_t n = dns_write_end(&w, (const uint16_t[]){0, 0, 0, 0});
	MUST(n <= size % sizeof(out));
	return 0;
}
