#include "tests/unit/net/both.h"

#include <stdlib.h>

#include "core/base/msgpack.h"
#include "net/socket.h"

struct both both;

static void answer_big(struct rpc_call *c, struct slice args)
{
	struct mp_reader r = mp_read(args);
	size_t n = mp_u64(&r);
	struct buf b = {0};
	char *p = malloc(n);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i % 251);
	mp_put_str(&b, slice_at(p, n));
	rpc_answer(c, S_NONE, buf_view(&b));
	buf_free(&b);
	free(p);
}

static void on_call(void *host, struct rpc_call *c, struct slice method, struct slice args)
{
	CHECK(host == &both.loop && rpc_call_client(c)->kind == ADDRESS_IP4 && !rpc_call_kept(c));
	if (slice_is(method, "Test.Fail")) {
		rpc_answer(c, S("no luck"), S("\xc3"));
	} else if (slice_is(method, "Test.Park")) {
		both.parked[both.parked_n] = c;
		rpc_call_keep(c, &both.parked[both.parked_n++]);
	} else if (slice_is(method, "Test.Big")) {
		answer_big(c, args);
	} else {
		rpc_answer(c, S_NONE, slice_is(method, "Status.Ping") ? S_NONE : args);
	}
}

static void on_gone(void *host, struct rpc_call *c)
{
	struct rpc_call **place = rpc_call_kept(c);
	CHECK(host == &both.loop && *place == c);
	*place = NULL;
	both.gone_n++;
}

static void taken_ready(struct watch *w, uint32_t events)
{
	(void)events;
	struct stream *s = (struct stream *)(void *)w;
	switch (stream_read(s, 4096, NULL)) {
	case STREAM_GOT:
		buf_slice(&both.taken_got, stream_in(s));
		stream_take(s, stream_in(s).n);
		break;
	case STREAM_LATER: break;
	default: stream_close(s);
	}
}

static bool on_taken(void *host, uint8_t byte, struct stream *s, const struct address *peer)
{
	CHECK(host == &both.loop && peer->kind == ADDRESS_IP4);
	both.taken_byte = byte;
	if (byte != 1)
		return false;
	both.taken_stream = *s;
	CHECK(stream_join(&both.taken_stream, &both.loop, taken_ready));
	taken_ready(&both.taken_stream.watch, EPOLLIN);
	return true;
}

static void on_trouble(void *host, enum rpc_trouble what, const char *why, const struct address *peer)
{
	(void)host;
	(void)why;
	(void)peer;
	both.troubles |= 1u << what;
}

static const struct tls_settings *tls_for(void *host, const struct address *to)
{
	CHECK(host == &both.loop && to->kind == ADDRESS_IP4);
	return both.tls;
}

struct rpc_server_settings both_settings(void)
{
	return (struct rpc_server_settings){.host = &both.loop,
	        .call = on_call,
	        .gone = on_gone,
	        .taken = on_taken,
	        .trouble = on_trouble,
	        .first_timeout = 40 * NS_PER_MS,
	        .argument_max = 16 << 20};
}

void both_client(dur_ns idle)
{
	struct rpc_client_settings how = {.host = &both.loop, .tls = tls_for, .idle_timeout = idle};
	rpc_client_free(both.client);
	both.client = rpc_client_new(&both.loop, &how);
	ASSERT(both.client != NULL);
}

void both_begin_with(const struct rpc_server_settings *set, dur_ns idle)
{
	struct address a;
	struct fail f;
	ASSERT(loop_init(&both.loop));
	loop_read_clocks(&both.loop);
	ASSERT(address_parse(S("127.66.84.41:0"), &a));
	int fd = socket_listen(&a, &(struct socket_listen){0}, &f);
	both.server = rpc_server_new(&both.loop, set);
	ASSERT(fd >= 0 && both.server && rpc_server_listen(both.server, fd));
	a = socket_local(fd);
	address_print(&a, both.at);
	both_client(idle);
	both.parked_n = both.gone_n = both.troubles = 0;
	both.taken_byte = 255;
	both.tls = NULL;
}

void both_begin(void)
{
	struct rpc_server_settings set = both_settings();
	both_begin_with(&set, 0);
}

void both_end(void)
{
	rpc_client_free(both.client);
	both.client = NULL;
	rpc_server_free(both.server);
	stream_close(&both.taken_stream);
	buf_free(&both.taken_got);
	CHECK_EQ(both.loop.pool.lent, 0);
	loop_free(&both.loop);
}

void both_turns(int n)
{
	while (n--)
		loop_turn(&both.loop, both.loop.now + NS_PER_MS);
}

void both_on_done(void *owner, const struct rpc_result *r)
{
	struct asked *a = owner;
	buf_slice(&a->error, r->error);
	buf_slice(&a->body, r->body);
	a->outcome = r->outcome;
	a->done++;
}

void both_ask(struct asked *a, struct slice method, struct slice args)
{
	*a = (struct asked){0};
	a->sent = rpc_client_call(both.client, slice_of(both.at), method, args, INT64_MAX, both_on_done, a);
	CHECK(a->sent && !a->done);
}

void both_answered(struct asked *a)
{
	for (int i = 0; i < 4000 && !a->done; i++)
		both_turns(1);
	CHECK_EQ(a->done, 1);
}

void both_forget(struct asked *a)
{
	buf_free(&a->error);
	buf_free(&a->body);
}
