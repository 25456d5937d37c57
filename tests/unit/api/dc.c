#include "tests/unit/api/dc.h"

#include "core/state/catalog_write.h"

struct dc dc;

void dc_begin(void)
{
	dc.db = db_new(NULL);
	state_init(&dc.state, dc.db);
	dc.set = (struct dns_settings){.datacenter = S("dc1"), .udp_answer_limit = 3, .allow_stale = true};
	CHECK(dns_settings_domain(&dc.set, S("Consul")));
	dc.datacenters[0] = S("dc1");
	dc.datacenters[1] = S("east");
	dc.logs = (struct logbuf){.level = LOG_WARN};
	rand_seed(&dc.dice, 7);
	dc.view = (struct dns_view){.set = &dc.set,
	        .datacenters = {dc.datacenters, 2},
	        .now = 1234567890 * NS_PER_S,
	        .rand = &dc.dice,
	        .log = &dc.logs};
}

void dc_end(void)
{
	arena_free(&dc.mem);
	buf_free(&dc.logs.lines);
	state_free(&dc.state);
	db_free(dc.db);
}

void dc_add(struct dc_service s)
{
	struct fail f;
	struct slice tag = slice_of(s.tag);
	struct node_service svc = {.id = slice_of(s.id ? s.id : s.name),
	        .service = slice_of(s.name),
	        .address = slice_of(s.own_address),
	        .port = s.port,
	        .tags = {s.tag ? &tag : NULL, s.tag ? 1 : 0}};
	struct health_check check = {.node = slice_of(s.node),
	        .check_id = S("c"),
	        .status = slice_of(s.status),
	        .service_id = slice_of(s.check_of)};
	struct register_request r = {.datacenter = S("dc1"),
	        .node = slice_of(s.node),
	        .address = slice_of(s.address),
	        .node_meta = s.meta,
	        .service = s.name ? &svc : NULL,
	        .check = s.status ? &check : NULL};
	dc.state.index++;
	ASSERT(catalog_register(&dc.state, &r, &f) == OK);
	arena_reset(&dc.state.scratch, 0);
	dc.view.db = db_publish(dc.db);
}

struct dns_ask dc_question(const char *name, uint16_t type, int how, int edns)
{
	static uint8_t p[600];
	size_t n = DNS_HEADER;
	memset(p, 0, DNS_HEADER);
	p[1] = 42;
	p[2] = how & RD ? 1 : 0;
	p[5] = 1;
	p[11] = edns >= 0;
	dns_wire_add(p, sizeof(p), &n, slice_of(name));
	p[n++] = 0;
	p[n++] = (uint8_t)(type >> 8);
	p[n++] = (uint8_t)type;
	p[n++] = 0;
	p[n++] = 1;
	if (edns >= 0) {
		memcpy(p + n, "\0\0\x29\0\0\0\0\0\0\0\0", 11);
		p[n + 3] = (uint8_t)(edns >> 8);
		p[n + 4] = (uint8_t)edns;
		n += 11;
	}
	return (struct dns_ask){.packet = slice_at(p, n),
	        .tcp = how & TCP,
	        .client = ip_of_v4((uint8_t[]){127, 0, 0, 1}),
	        .client_port = 4242};
}

/* ---- asking ---- */

static void show_record(struct buf *b, struct slice msg, const struct dns_record_view *rr)
{
	char text[DNS_TEXT_MAX], ip[IP_TEXT];
	uint8_t wire[DNS_WIRE_MAX + 1];
	struct dns_name name;
	size_t at = (size_t)(rr->data.p - msg.p) + (rr->type == DNS_SRV ? 6 : 0);
	if (rr->type == DNS_OPT) {
		buf_fmt(b, " OPT %d", rr->klass);
		return;
	}
	buf_fmt(b, " %.*s/%d/", (int)dns_name_text(rr->owner, text), text, (int)rr->ttl);
	dns_type_put(b, rr->type);
	buf_char(b, '=');
	if (rr->type == DNS_A || rr->type == DNS_AAAA) {
		struct ip a;
		memcpy(a.b, rr->data.p, rr->data.n);
		if (rr->type == DNS_A)
			a = ip_of_v4((const uint8_t *)rr->data.p);
		ip_print(&a, ip);
		buf_cstr(b, ip);
	} else if (rr->type == DNS_TXT) {
		buf_slice(b, slice_from(rr->data, 1));
	} else {
		if (rr->type == DNS_SRV)
			buf_fmt(b, "%d:", dns_u16((const uint8_t *)rr->data.p + 4));
		CHECK(!dns_read_name(msg, &at, wire, &name));
		buf_bytes(b, text, dns_name_text(name, text));
	}
}

const char *dc_show(struct slice msg)
{
	static const char *const rcodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
	struct dns_reader r;
	struct dns_record_view rr;
	struct dns_name name;
	uint8_t wire[DNS_WIRE_MAX + 1];
	uint16_t type, klass;
	struct buf b = {0};
	CHECK(dns_read(&r, msg));
	CHECK_EQ(r.id, 42);
	buf_fmt(&b, "%s%s%s%s%s", rcodes[r.flags & 7], r.flags & DNS_AA ? " AA" : "", r.flags & DNS_TC ? " TC" : "",
	        r.flags & DNS_RD ? " RD" : "", r.flags & DNS_RA ? " RA" : "");
	while (dns_read_asked(&r, &name, wire, &type, &klass))
		;
	int section = 0;
	while (dns_read_record(&r, &rr)) {
		for (; section < rr.section; section++)
			BUF_LIT(&b, " |");
		show_record(&b, msg, &rr);
	}
	CHECK(!r.why || r.why == dns_truncated);
	slice_cstr(buf_view(&b), dc.shown, sizeof(dc.shown));
	buf_free(&b);
	return dc.shown;
}

const char *dc_outcome(enum dns_verdict v)
{
	switch (v) {
	case DNS_ANSWER: return dc_show(slice_at(dc.answer, dc.result.out_n));
	case DNS_SILENCE: return "silence";
	case DNS_RECURSE: return "recurse";
	default: return "later";
	}
}

const char *dc_ask_all(const char *name, uint16_t type, int how, int edns, const struct dns_known *known)
{
	struct dns_ask a = dc_question(name, type, how, edns);
	arena_reset(&dc.mem, 1 << 20);
	return dc_outcome(dns_answer(&dc.view, &a, known, &dc.mem, dc.answer, sizeof(dc.answer), &dc.result));
}

const char *dc_ask(const char *name, uint16_t type)
{
	return dc_ask_all(name, type, 0, -1, NULL);
}

void dc_add_many(unsigned n)
{
	for (unsigned i = 1; i <= n; i++) {
		char name[32], ip[32];
		snprintf(name, sizeof(name), "n%03u", i);
		snprintf(ip, sizeof(ip), "198.18.%u.%u", i >> 8, i & 255);
		dc_add((struct dc_service){.node = name, .address = ip, .name = "web", .port = 8000 + (int)i});
	}
}

unsigned dc_count(unsigned at)
{
	return dns_u16(dc.answer + at);
}
