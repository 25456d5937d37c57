#include "cmd/agent/banner.h"

#include <stdarg.h>

#include "core/base/buf.h"

static void line(FILE *to, const char *before, const char *fmt, va_list ap)
{
	fflush(stdout); /* both streams may end in one file: keep the order */
	fputs(before, to);
	vfprintf(to, fmt, ap);
	fputc('\n', to);
	fflush(to);
}

void banner_say(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	line(stdout, "==> ", fmt, ap);
	va_end(ap);
}

void banner_error(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	line(stderr, "==> ", fmt, ap);
	va_end(ap);
}

void banner_info(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	line(stdout, "    ", fmt, ap);
	va_end(ap);
}

static void tell_all(struct list texts)
{
	const struct slice *at = texts.items;
	for (uint32_t i = 0; i < texts.n; i++)
		fprintf(stderr, "%.*s\n", PS(at[i]));
}

void banner_warnings(const struct config_report *report)
{
	fflush(stdout);
	tell_all(report->notes);
	tell_all(report->warnings);
}

static const char *yes(bool b)
{
	return b ? "true" : "false";
}

/* "[127.0.0.1 ::1]", as Go prints a list. */
static void client_addresses(const struct agent_config *c, struct buf *out)
{
	const struct slice *at = c->client_addrs.items;
	buf_char(out, '[');
	for (uint32_t i = 0; i < c->client_addrs.n; i++)
		buf_fmt(out, "%s%.*s", i ? " " : "", PS(at[i]));
	buf_char(out, ']');
}

void banner_running(const struct agent_config *c, const char *version, bool gossip_encrypted)
{
	struct buf clients = {0};
	client_addresses(c, &clients);
	struct slice segment = c->server_mode ? S("<all>") : c->segment;
	banner_say("Consul agent running!");
	banner_info("       Version: '%s'", version);
	banner_info("       Node ID: '%.*s'", PS(c->node_id));
	banner_info("     Node name: '%.*s'", PS(c->node_name));
	banner_info("    Datacenter: '%.*s' (Segment: '%.*s')", PS(c->datacenter), PS(segment));
	banner_info("        Server: %s (Bootstrap: %s)", yes(c->server_mode), yes(c->bootstrap));
	banner_info("   Client Addr: %.*s (HTTP: %lld, HTTPS: %lld, DNS: %lld)", PS(buf_view(&clients)),
	        (long long)c->http_port, (long long)c->https_port, (long long)c->dns_port);
	banner_info("  Cluster Addr: %.*s (LAN: %lld, WAN: %lld)", PS(c->advertise_addr), (long long)c->serf_lan_port,
	        (long long)c->serf_wan_port);
	banner_info("       Encrypt: Gossip: %s, TLS-Outgoing: %s, TLS-Incoming: %s", yes(gossip_encrypted),
	        yes(c->verify_outgoing), yes(c->verify_incoming));
	putchar('\n');
	banner_say("Log data will now stream in as it occurs:\n");
	buf_free(&clients);
}
