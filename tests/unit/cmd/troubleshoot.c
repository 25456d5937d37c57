/* What troubleshoot asks, and the advice it makes of the answers. */
#include "cmd/troubleshoot_plan.h"
#include "core/base/slice.h"
#include "tests/test.h"

static struct pair server_tags[] = {{S("port"), S("8300")}, {S("role"), S("consul")}, {S("use_tls"), S("1")}};
static struct pair client_tags[] = {{S("role"), S("node")}};

static struct client_member member(const char *name, const char *address, const char *status, bool server)
{
	return (struct client_member){
	        .name = slice_of(name),
	        .address = slice_of(address),
	        .status = slice_of(status),
	        .port = 8301,
	        .tags = server ? server_tags : client_tags,
	        .tag_count = server ? ARRAY_LEN(server_tags) : ARRAY_LEN(client_tags),
	};
}

TEST(troubleshoot, asks_each_member_on_each_port)
{
	struct arena a = {0};
	struct probes p = {0};
	struct client_member m[] = {
	        member("srv", "10.0.0.1", "alive", true),
	        member("web", "fd00::2", "failed", false),
	        member("old", "10.0.0.3", "left", true),
	        member("odd", "no address", "alive", false),
	};
	CHECK(plan_pool(&p, m, ARRAY_LEN(m), false, S("web"), &a));
	CHECK_EQ(p.n, 5);
	CHECK_EQ(plan_together(&p, 0), 3);
	CHECK_EQ(plan_together(&p, 3), 2);
	CHECK_EQ(p.items[2].kind, PROBE_SERVER);
	CHECK_EQ(p.items[2].at.port, 8300);
	CHECK(p.items[2].tls && !p.items[2].self && p.items[3].self);
	CHECK_EQ(p.items[3].at.kind, ADDRESS_IP6);
	CHECK(plan_pool(&p, m, 1, true, S("srv.dc1"), &a));
	CHECK_EQ(p.n, 8);
	CHECK(p.items[5].wan && !p.items[4].wan);
	CHECK_EQ(plan_together(&p, 3), 2);
	arena_free(&a);
}

TEST(troubleshoot, a_loopback_address_is_wrong_where_ours_is_none)
{
	struct arena a = {0};
	struct probes p = {0}, within = {0};
	struct client_member m[] = {member("us", "10.0.0.1", "alive", false), member("b", "127.0.0.1", "alive", false)};
	CHECK(plan_pool(&p, m, 2, false, S("us"), &a));
	CHECK(p.items[2].unshared && !p.items[0].unshared);
	CHECK(plan_pool(&within, m, 2, false, S("b"), &a));
	CHECK(!within.items[2].unshared);
	arena_free(&a);
}

/* The advice for a server at 10.0.0.1 of which these came back; must contain `text`, or be empty when that is NULL. */
static void advises(
        enum probe_result udp, enum probe_result tcp, enum probe_result server, bool keyed, const char *text)
{
	struct arena a = {0};
	struct probes p = {0};
	struct client_member m = member("srv", "10.0.0.1", "alive", true);
	ASSERT(plan_pool(&p, &m, 1, false, S("us"), &a) && p.n == 3);
	p.items[0].result = udp;
	p.items[1].result = tcp;
	p.items[2].result = server;
	struct slice advice = plan_advice(p.items, 3, keyed, &a);
	if (!text)
		CHECK_EQ(advice.n, 0);
	else if (!advice.p || !strstr(advice.p, text))
		test_fail(__FILE__, __LINE__, "no \"%s\" in: %.*s", text, PS(advice));
	arena_free(&a);
}

TEST(troubleshoot, advice_names_what_would_mend_it)
{
	advises(PROBE_OK, PROBE_OK, PROBE_OK, false, NULL);
	advises(PROBE_NOT_ASKED, PROBE_OK, PROBE_OK, false, NULL);
	advises(PROBE_SILENT, PROBE_SILENT, PROBE_SILENT, false, "-advertise=");
	advises(PROBE_SILENT, PROBE_SILENT, PROBE_SILENT, false, "private address");
	advises(PROBE_NOT_ASKED, PROBE_SILENT, PROBE_SILENT, false, "-advertise=");
	advises(PROBE_SILENT, PROBE_REFUSED, PROBE_REFUSED, false, "nobody listens on that port");
	advises(PROBE_SILENT, PROBE_OK, PROBE_OK, false, "-p 8301:8301/udp");
	advises(PROBE_OK, PROBE_SILENT, PROBE_OK, false, "open tcp port 8301");
	advises(PROBE_STRANGER, PROBE_HUNG_UP, PROBE_OK, false, "another node answers");
	advises(PROBE_SILENT, PROBE_OTHER_KEY, PROBE_OK, true, "-encrypt");
	advises(PROBE_OK, PROBE_OK, PROBE_REFUSED, false, "nobody listens at its server port, 8300");
	advises(PROBE_OK, PROBE_OK, PROBE_HUNG_UP, false, "TLS is required");
	advises(PROBE_SILENT, PROBE_OK, PROBE_SILENT, false, "Besides, nobody answers at its server port");
}
