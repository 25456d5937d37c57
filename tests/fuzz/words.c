/* A line as each thing that a word can be: number, duration, address, template, URL, id, base64 … All of them are
 * total; what is accepted and printed again reads as the same. A second line is where a check's URL is redirected to.
 */
#include "cmd/agent/check_url.h"
#include "core/agent/config_template.h"
#include "core/base/enc.h"
#include "core/base/gotime.h"
#include "core/base/http_message.h"
#include "core/base/logline.h"
#include "core/base/must.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"
#include "core/gossip/address.h"
#include "core/gossip/tags.h"
#include "core/state/key.h"
#include "net/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void numbers(struct slice word, struct buf *b)
{
	struct fail f = {0};
	uint64_t u;
	int64_t i;
	double d;
	bool yes;
	dur_ns time, again;
	char moment[GOTIME_BYTES];
	MUST(num_u64(word, &u, &f) == OK || f.text[0]);
	MUST(num_bool(word, &yes, &f) == OK || f.text[0]);
	if (num_int(word, &i, &f) == OK)
		MUST(num_i64(word, &i, &f) == OK);
	if (num_float(word, &d, &f) == OK)
		float_print(b, d);
	b->n = 0;
	if (dur_parse(word, &time, &f) == OK) {
		dur_print(b, time);
		MUST(dur_parse(buf_view(b), &again, &f) == OK && again == time);
		time_rfc3339(b, time);
	}
	if (gotime_get(word, &time) && time) {
		gotime_put(moment, time);
		MUST(gotime_get(slice_at(moment, GOTIME_BYTES), &again) && again == time);
	}
	b->n = 0;
}

static void addresses(struct slice word)
{
	char text[IP_TEXT], gossip_text[GOSSIP_ADDR_TEXT], net_text[ADDRESS_TEXT], name[512];
	struct ip ip, same;
	struct gossip_addr g, g_same;
	struct address a, a_same;
	struct slice host, port;
	struct fail f = {0};
	if (ip_parse(word, &ip))
		MUST(ip_parse(slice_at(text, ip_print(&ip, text)), &same) && !memcmp(&ip, &same, sizeof ip));
	if (gossip_addr_parse(word, 8301, &g)) {
		MUST(gossip_addr_parse(slice_at(gossip_text, gossip_addr_print(&g, gossip_text)), 1, &g_same));
		MUST(gossip_addr_eq(&g, &g_same));
	}
	MUST(address_split(word, &host, &port, &f) == OK || f.text[0]);
	address_parse_ip(word, &a);
	word = slice_of(slice_cstr(word, name, sizeof name)); /* a Unix address points to a C string */
	if (address_parse(word, &a) && a.kind != ADDRESS_UNIX && !a.scope) {
		MUST(address_parse(slice_at(net_text, address_print(&a, net_text)), &a_same));
		MUST(address_eq(&a, &a_same));
	}
}

static void template(struct slice word, struct arena *a)
{
	static const struct config_interface interfaces[] = {
	        {S("lo"), S("127.0.0.1"), 8, true, true, false},
	        {S("eth0"), S("10.0.0.5"), 24, true, false, true},
	        {S("eth0"), S("fe80::1"), 64, true, false, true},
	};
	const struct config_facts facts = {.hostname = S("host"), .interfaces = interfaces, .interface_count = 3};
	struct slice out;
	struct fail f = {0};
	struct ip network;
	unsigned bits;
	MUST(config_template(word, &facts, a, &out, &f) == OK || f.text[0]);
	if (config_network_parse(word, &network, &bits))
		MUST(bits <= 128 && config_network_has(&network, bits, &network));
}

static void url(struct slice word, struct slice location, struct arena *a)
{
	struct check_url u;
	struct fail f = {0};
	if (check_url_read(word, S("GET"), a, &u, &f)) {
		MUST(f.text[0]);
		return;
	}
	MUST(u.target.n && u.scheme.n);
	check_url_follow(&u, location, a);
	check_url_verb(word, a);
}

static void encodings(struct slice word, struct arena *a, struct buf *b)
{
	struct fail f = {0};
	struct slice out, again;
	base64_put(b, word);
	MUST(base64_get(buf_view(b), a, &out, &f) == OK && slice_eq(out, word));
	base64_get(word, a, &out, &f);
	b->n = 0;
	hex_put(b, word);
	MUST(hex_get(buf_view(b), a, &out) && slice_eq(out, word));
	hex_get(word, a, &out);
	b->n = 0;
	percent_put_query(b, word);
	MUST(percent_get_query(buf_view(b), a, &out) && slice_eq(out, word));
	b->n = 0;
	percent_put_path(b, word);
	MUST(percent_get_path(buf_view(b), a, &out) && slice_eq(out, word));
	if (percent_get_path(word, a, &again))
		MUST(again.n <= word.n);
	percent_get_query(word, a, &out);
	b->n = 0;
}

static void texts(struct slice word, struct arena *a, struct buf *b)
{
	struct uuid_bytes id;
	struct server_tags server;
	struct list tags;
	struct fail f = {0};
	enum log_level level;
	char cut[32];
	if (uuid_parse(word, &id, &f) == OK)
		MUST(id.n <= UUID_BYTES_MAX);
	uuid_parse_prefix(word, &id, &f);
	tags_server(word, &server);
	tags_get(word, a, &tags);
	log_level_parse(word, &level);
	log_level_of_line(word);
	MUST(http_sniff(word).n);
	quote_put(b, word);
	MUST(b->n >= word.n + 2 || b->failed);
	quote_cstr(word, cut, sizeof cut);
	b->n = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct buf b = {0};
	struct slice rest = slice_at(data, size), word = slice_next(&rest, '\n');
	numbers(word, &b);
	addresses(word);
	template(word, &a);
	url(word, rest, &a);
	encodings(slice_at(data, size), &a, &b);
	texts(slice_at(data, size), &a, &b);
	arena_free(&a);
	buf_free(&b);
	return 0;
}
