/* gossip_peer OPTIONS: our gossip on real sockets, without the rest of an agent, to stand beside real Serf and Consul.
 *
 *   -name N -bind IP -port P [-server] [-dc DC] [-key BASE64] [-data DIR] [-join IP:PORT]... [-seconds S]
 * [-leave]
 *
 * Prints a line for each member that comes, goes or changes, each event, query and answer. Reads commands from stdin:
 * "event NAME PAYLOAD", "query NAME PAYLOAD", "join ADDR", "force-leave NAME", "keys", "install KEY", "use KEY",
 * "remove KEY", "members", "stats", "leave". Ends after -seconds, or with the end of a leave. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/agent/gossip_host.h"
#include "core/base/enc.h"
#include "core/base/must.h"
#include "core/base/slice.h"

static struct {
	struct agent_config config;
	struct loop loop;
	struct logbuf log;
	struct gossip_host *host;
	struct watch input;
	struct timer end;
	bool leave_at_end, over;
	uint64_t tag;
	struct arena mem;
} peer;

static const char *const changes[] = {"join", "leave", "failed", "update", "reap"};

static void news(void *owner, enum gossip_pool pool, const struct gossip_effect *x)
{
	char addr[GOSSIP_ADDR_TEXT];
	(void)owner;
	(void)pool;
	switch (x->kind) {
	case GX_MEMBER:
		gossip_addr_print(&x->member.member->addr, addr);
		printf("member-%s %.*s %s\n", changes[x->member.change], PS(x->member.member->name), addr);
		break;
	case GX_USER_EVENT: printf("event %.*s %.*s\n", PS(x->user_event.name), PS(x->user_event.payload)); break;
	case GX_QUERY: printf("query %.*s %.*s\n", PS(x->query.name), PS(x->query.payload)); break;
	case GX_RESPONSE:
		printf("%s %.*s %.*s\n", x->response.ack ? "ack" : "response", PS(x->response.from),
		        PS(x->response.payload));
		break;
	case GX_KEYS:
		printf("keys: %u of %u answered, %u errors\n", x->keys.result->answers, x->keys.result->nodes,
		        x->keys.result->errors);
		for (uint32_t i = 0; i < x->keys.result->key_n; i++)
			printf("key %.*s %u\n", PS(x->keys.result->keys[i].key), x->keys.result->keys[i].n);
		for (uint32_t i = 0; i < x->keys.result->message_n; i++)
			printf("message %.*s: %.*s\n", PS(x->keys.result->messages[i].key),
			        PS(x->keys.result->messages[i].val));
		break;
	case GX_DONE:
		printf("done %u %.*s\n", x->done.n, PS(x->done.text));
		peer.over = peer.over || x->done.tag == UINT64_MAX;
		break;
	case GX_STOP:
		printf("lost the name\n");
		peer.over = true;
		break;
	default: break;
	}
	fflush(stdout);
}

static void command(struct gossip_event *ev)
{
	ev->tag = ev->tag ? ev->tag : ++peer.tag;
	gossip_host_step(peer.host, GOSSIP_LAN, ev);
}

static void leave(void)
{
	struct gossip_event ev = {.kind = GE_LEAVE, .tag = UINT64_MAX};
	command(&ev);
}

static void members(void)
{
	struct gossip_member m;
	char addr[GOSSIP_ADDR_TEXT];
	for (uint32_t at = 0; gossip_member_next(gossip_host_pool(peer.host, GOSSIP_LAN), &at, &m);) {
		gossip_addr_print(&m.addr, addr);
		printf("member %.*s %s %s inc %u", PS(m.name), addr, gossip_status_name(m.status), m.incarnation);
		if (m.coordinate)
			printf(" rtt %.3f ms",
			        (double)vivaldi_distance(
			                gossip_coordinate(gossip_host_pool(peer.host, GOSSIP_LAN)), m.coordinate) /
			                1e6);
		printf("\n");
	}
}

static void stats(void)
{
	struct gossip_stats s;
	gossip_stats(gossip_host_pool(peer.host, GOSSIP_LAN), &s);
	printf("stats members %u alive %u failed %u left %u health %u packets %llu/%llu bytes %llu/%llu\n", s.members,
	        s.alive, s.failed, s.left, s.health_score, (unsigned long long)s.packets_in,
	        (unsigned long long)s.packets_out, (unsigned long long)s.bytes_in, (unsigned long long)s.bytes_out);
}

static void key_command(enum key_operation o, struct slice text)
{
	struct gossip_event ev = {.kind = GE_KEY};
	ev.key.operation = o;
	if (text.n && base64_get(text, &peer.mem, &ev.key.key, NULL)) {
		printf("bad key\n");
		return;
	}
	command(&ev);
}

static void join(struct slice addr)
{
	gossip_host_join(peer.host, GOSSIP_LAN, ++peer.tag, (struct list){&addr, 1});
}

static void obey(struct slice line)
{
	struct slice verb = slice_next(&line, ' '), name = slice_next(&line, ' ');
	struct gossip_event ev = {0};
	if (slice_is(verb, "event")) {
		ev.kind = GE_USER_EVENT;
		ev.user_event.name = name;
		ev.user_event.payload = line;
		command(&ev);
	} else if (slice_is(verb, "query")) {
		ev.kind = GE_QUERY;
		ev.query.name = name;
		ev.query.payload = line;
		ev.query.ack = true;
		command(&ev);
	} else if (slice_is(verb, "force-leave")) {
		ev.kind = GE_FORCE_LEAVE;
		ev.member.name = name;
		command(&ev);
	} else if (slice_is(verb, "join")) {
		join(name);
	} else if (slice_is(verb, "keys")) {
		key_command(KEY_LIST, S_NONE);
	} else if (slice_is(verb, "install")) {
		key_command(KEY_INSTALL, name);
	} else if (slice_is(verb, "use")) {
		key_command(KEY_USE, name);
	} else if (slice_is(verb, "remove")) {
		key_command(KEY_REMOVE, name);
	} else if (slice_is(verb, "members")) {
		members();
	} else if (slice_is(verb, "stats")) {
		stats();
	} else if (slice_is(verb, "leave")) {
		leave();
	}
	fflush(stdout);
}

static void input_ready(struct watch *w, uint32_t events)
{
	char text[4096];
	(void)events;
	ssize_t n = read(w->fd, text, sizeof text);
	if (n <= 0) {
		loop_del(&peer.loop, w);
		return;
	}
	for (struct slice rest = slice_at(text, (size_t)n); rest.n;)
		obey(slice_next(&rest, '\n'));
}

static void end_fired(struct timer *t)
{
	(void)t;
	members();
	stats();
	if (peer.leave_at_end)
		leave();
	else
		peer.over = true;
}

static struct config_addr bind_addr(const char *ip, int port)
{
	return (struct config_addr){.kind = CONFIG_ADDR_TCP, .host = slice_of(ip), .port = port};
}

static void configure(int argc, char **argv, struct slice *joins, uint32_t *joins_n, double *seconds)
{
	struct agent_config *c = &peer.config;
	const char *ip = "127.0.0.1";
	int port = 8301;
	*c = (struct agent_config){.node_name = S("peer"),
	        .version = S("1.0.8"),
	        .protocol = 2,
	        .datacenter = S("dc1"),
	        .dev_mode = true,
	        .encrypt_verify_incoming = true,
	        .encrypt_verify_outgoing = true,
	        .node_id = S("11111111-2222-3333-4444-555555555555")};
	for (int i = 1; i < argc; i++) {
		const char *flag = argv[i], *val = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(flag, "-server"))
			c->server_mode = true;
		else if (!strcmp(flag, "-leave"))
			peer.leave_at_end = true;
		else if (!strcmp(flag, "-name"))
			c->node_name = slice_of(val);
		else if (!strcmp(flag, "-id"))
			c->node_id = slice_of(val);
		else if (!strcmp(flag, "-dc"))
			c->datacenter = slice_of(val);
		else if (!strcmp(flag, "-key"))
			c->encrypt = slice_of(val);
		else if (!strcmp(flag, "-data")) {
			c->data_dir = slice_of(val);
			c->dev_mode = false;
		} else if (!strcmp(flag, "-bind"))
			ip = val;
		else if (!strcmp(flag, "-port"))
			port = atoi(val);
		else if (!strcmp(flag, "-seconds"))
			*seconds = strtod(val, NULL);
		else if (!strcmp(flag, "-join"))
			joins[(*joins_n)++] = slice_of(val);
	}
	c->serf_lan_addr = c->serf_lan_advertise = bind_addr(ip, port);
	c->server_addr = bind_addr(ip, 8300);
}

int main(int argc, char **argv)
{
	struct slice joins[64];
	uint32_t joins_n = 0;
	double seconds = 1e9;
	struct fail f;
	configure(argc, argv, joins, &joins_n, &seconds);
	MUST(loop_init(&peer.loop));
	loop_read_clocks(&peer.loop);
	peer.log.level = LOG_DEBUG;
	peer.log.now = peer.loop.wall;
	struct gossip_host_options o = {.config = &peer.config,
	        .loop = &peer.loop,
	        .log = &peer.log,
	        .seed = (uint64_t)peer.loop.wall ^ (uint64_t)getpid(),
	        .news = news};
	peer.host = gossip_host_new(&o, &f);
	if (!peer.host) {
		fprintf(stderr, "%s\n", f.text);
		return 1;
	}
	gossip_host_start(peer.host);
	if (joins_n)
		gossip_host_join(peer.host, GOSSIP_LAN, ++peer.tag, (struct list){joins, joins_n});
	peer.input.ready = input_ready;
	loop_add(&peer.loop, 0, EPOLLIN, &peer.input);
	peer.end.fire = end_fired;
	loop_timer(&peer.loop, &peer.end, peer.loop.now + (mono_ns)(seconds * 1e9));
	while (!peer.over) {
		peer.log.now = peer.loop.wall;
		loop_turn(&peer.loop, INT64_MAX);
		if (peer.log.lines.n)
			fwrite(peer.log.lines.p, 1, peer.log.lines.n, stderr);
		buf_reset(&peer.log.lines, 0);
	}
	gossip_host_free(peer.host);
	loop_free(&peer.loop);
	buf_free(&peer.log.lines);
	arena_free(&peer.mem);
	return 0;
}
