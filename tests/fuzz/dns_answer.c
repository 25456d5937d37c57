/* Any packet as a question to a small datacenter, over UDP and TCP, with and without recursors, whose answer is any
 * bytes, too. What comes back is a whole message with our id, of a size the asker can take. */
#include "core/api/dns.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/state/catalog_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct db *db;
static struct dns_settings set, recursing;

static void add(struct state *s, struct slice node, struct slice address, struct slice service, struct slice own)
{
	struct fail f;
	struct slice tag = S("v1");
	struct pair meta = {S("a=b"), S("c\\d`")};
	struct node_service svc = {.id = service, .service = service, .address = own, .port = 80, .tags = {&tag, 1}};
	struct register_request r = {
	        .datacenter = S("dc1"), .node = node, .address = address, .node_meta = {&meta, 1}, .service = &svc};
	s->index++;
	MUST(catalog_register(s, &r, &f) == OK);
	arena_reset(&s->scratch, 0);
}

static void fill(void)
{
	struct state s;
	db = db_new(NULL);
	state_init(&s, db);
	add(&s, S("n1"), S("192.0.2.1"), S("web"), S_NONE);
	add(&s, S("n2"), S("2001:db8::1"), S("web"), S("192.0.2.9"));
	add(&s, S("nick"), S("n1.node.consul"), S("web"), S_NONE);
	add(&s, S("loop"), S("loop.node.consul"), S("loop"), S("loop.service.consul"));
	add(&s, S("ext"), S("www.example.com"), S("ext"), S_NONE);
	add(&s, S("bad..name"), S(".x"), S("bad"), S("a..b"));
	add(&s, S("Srv"), S("192.0.2.3"), S("consul"), S_NONE);
	for (int i = 0; i < 40; i++) {
		char name[16];
		struct slice node = {name, (size_t)snprintf(name, sizeof(name), "m%d", i)};
		add(&s, node, S("192.0.2.4"), S("many"), node);
	}
	state_free(&s);
	db_publish(db);
	set = recursing = (struct dns_settings){.datacenter = S("dc1"), .udp_answer_limit = 3, .enable_truncate = true};
	recursing.recursors = true;
	MUST(dns_settings_domain(&set, S("consul")) && dns_settings_domain(&recursing, S("consul.")));
}

static void check(struct slice msg, const struct dns_ask *ask)
{
	struct dns_question q;
	const char *why = dns_check(msg);
	MUST(msg.n >= DNS_HEADER && msg.n <= DNS_MESSAGE_MAX);
	MUST(!why || why == dns_truncated);
	MUST(msg.p[2] & 0x80);
	bool good = dns_read_question(ask->packet, &q);
	if (q.headed)
		MUST(!memcmp(msg.p, ask->packet.p, 2));
	/* SOA and NS answers are not cut, addresses behind host names are few */
	if (good && q.asked && !ask->tcp && q.type != DNS_SOA && q.type != DNS_NS)
		MUST(msg.n <= (q.edns && q.udp_size > 512 ? q.udp_size : 512) + 11u + 4096);
}

/* The rest of the input answers every need. */
static void ask_until_answered(const struct dns_settings *settings, struct dns_ask *ask, struct slice reply)
{
	static uint8_t out[DNS_MESSAGE_MAX];
	struct logbuf log = {.level = LOG_DEBUG};
	struct rand dice;
	struct slice known_datacenters[] = {S("dc1"), S("east")};
	struct dns_known known = {.seed = 1};
	struct dns_result res;
	struct arena mem;
	arena_init(&mem, 1 << 20);
	rand_seed(&dice, 1);
	struct dns_view v = {.set = settings,
	        .db = db_published(db),
	        .datacenters = {known_datacenters, 2},
	        .rand = &dice,
	        .log = &log};
	enum dns_verdict verdict;
	for (int round = 0; round <= DNS_FACTS_MAX; round++) {
		verdict = dns_answer(&v, ask, round ? &known : NULL, &mem, out, sizeof(out), &res);
		if (verdict != DNS_LATER)
			break;
		struct dns_fact *f = dns_known_add(&known, &res.need);
		MUST(f);
		if (f->need.kind == DNS_NEED_NAME && !dns_check(reply)) {
			f->reply = reply;
			f->got = DNS_GOT;
		}
		arena_reset(&mem, 4096);
	}
	MUST(verdict != DNS_LATER);
	if (verdict == DNS_RECURSE)
		res.out_n = dns_recurse_given_up(&v, ask, out, sizeof(out));
	if (verdict != DNS_SILENCE)
		check(slice_at(out, res.out_n), ask);
	dns_log(&log, ask, res.handled, 1);
	dns_known_free(&known);
	arena_free(&mem);
	buf_free(&log.lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!db)
		fill();
	struct slice all = slice_at(data, size);
	struct dns_question q;
	struct dns_ask ask = {.packet = all};
	dns_read_question(all, &q);
	struct slice reply = q.headed ? slice_from(all, q.packet.n) : S_NONE;
	ask_until_answered(&set, &ask, reply);
	ask_until_answered(&recursing, &ask, reply);
	ask.tcp = true;
	ask_until_answered(&set, &ask, reply);
	return 0;
}
