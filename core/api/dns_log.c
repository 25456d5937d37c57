#include "core/api/dns_run.h"

#include "core/base/num.h"

static void put_name(struct buf *b, struct dns_name name)
{
	char text[DNS_TEXT_MAX];
	buf_bytes(b, text, dns_name_text(name, text));
}

/* {name type class}, as Go prints the struct. */
static void put_question(struct buf *b, const struct dns_question *q)
{
	buf_char(b, '{');
	put_name(b, q->name);
	buf_char(b, ' ');
	buf_u64(b, q->type);
	buf_char(b, ' ');
	buf_u64(b, q->klass);
	buf_char(b, '}');
}

/* "client 127.0.0.1:4242 (udp)" */
static void put_client(struct buf *b, const struct dns_ask *ask)
{
	char ip[IP_TEXT];
	ip_print(&ask->client, ip);
	buf_fmt(b, ip_is_v4(&ask->client) ? "client %s:%u (%s)" : "client [%s]:%u (%s)", ip, ask->client_port,
	        ask->tcp ? "tcp" : "udp");
}

void dns_log(struct logbuf *log, const struct dns_ask *ask, enum dns_handled handled, dur_ns took)
{
	struct dns_question q;
	if (!dns_log_wanted(log) || handled == DNS_BY_NOBODY || !dns_read_question(ask->packet, &q) || !q.asked)
		return;
	struct buf b = {0};
	if (handled == DNS_BY_DOMAIN) {
		BUF_LIT(&b, "name ");
		put_name(&b, q.name);
		BUF_LIT(&b, " type ");
		dns_type_put(&b, q.type);
		BUF_LIT(&b, " class ");
		dns_class_put(&b, q.klass);
		BUF_LIT(&b, " (took ");
	} else {
		put_question(&b, &q);
		buf_cstr(&b, handled == DNS_BY_REVERSE ? " (" : ask->tcp ? " (tcp) (" : " (udp) (");
	}
	dur_print(&b, took);
	BUF_LIT(&b, ") from ");
	put_client(&b, ask);
	log_debug(log, "dns: request for %.*s", PS(buf_view(&b)));
	buf_free(&b);
}

void dns_log_given_up(struct logbuf *log, const struct dns_ask *ask, const struct dns_question *q)
{
	struct buf b = {0};
	put_question(&b, q);
	BUF_LIT(&b, " from ");
	put_client(&b, ask);
	log_err(log, "dns: all resolvers failed for %.*s", PS(buf_view(&b)));
	buf_free(&b);
}

static void put_need(struct buf *b, const struct dns_need *need)
{
	struct dns_name name = dns_name_plain((const uint8_t *)need->name.p, need->name.n);
	put_name(b, name);
}

void dns_recurse_failed(struct logbuf *log, const struct dns_need *need, struct slice why)
{
	struct buf b = {0};
	if (need) {
		put_need(&b, need);
		log_err(log, "dns: cname recurse failed for %.*s: %.*s", PS(buf_view(&b)), PS(why));
	} else {
		log_err(log, "dns: recurse failed: %.*s", PS(why));
	}
	buf_free(&b);
}

void dns_recurse_answered(struct logbuf *log, const struct dns_ask *ask, const struct dns_need *need, dur_ns rtt)
{
	struct dns_question q;
	struct buf b = {0};
	if (!dns_log_wanted(log))
		return;
	if (need)
		put_need(&b, need);
	else if (dns_read_question(ask->packet, &q) && q.asked)
		put_question(&b, &q);
	BUF_LIT(&b, " (");
	dur_print(&b, rtt);
	log_debug(log, "dns: %srecurse RTT for %.*s)", need ? "cname " : "", PS(buf_view(&b)));
	buf_free(&b);
}

void dns_recurse_need_given_up(struct logbuf *log, const struct dns_need *need)
{
	struct buf b = {0};
	put_need(&b, need);
	log_err(log, "dns: all resolvers failed for %.*s", PS(buf_view(&b)));
	buf_free(&b);
}
