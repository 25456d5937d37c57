#include "net/tls.h"

#include <sys/socket.h>

#include "core/base/slice.h"
#include "net/http_client.h"
#include "net/socket.h"
#include "tests/test.h"
#include "tests/unit/net/tls_keys.h"

#include <unistd.h>

static struct loop l;

struct side {
	struct stream s;
	struct buf got;
	bool ended, failed;
	char error[128];
};

static void side_ready(struct watch *w, uint32_t events)
{
	struct side *x = (struct side *)(void *)w;
	enum stream_got e = STREAM_GOT;
	if (events & EPOLLOUT && !stream_flush(&x->s))
		e = STREAM_FAIL;
	while (e == STREAM_GOT) {
		e = stream_read(&x->s, 1 << 20, NULL);
		buf_slice(&x->got, stream_in(&x->s));
		stream_take(&x->s, stream_in(&x->s).n);
	}
	x->ended |= e == STREAM_END;
	if (e == STREAM_FAIL) {
		x->failed = true;
		snprintf(x->error, sizeof x->error, "%s", tls_error(&x->s) ? tls_error(&x->s) : "");
	}
	if (e == STREAM_END || e == STREAM_FAIL)
		loop_mod(&l, w, 0);
}

static void pair(struct side *client, struct side *server)
{
	int fd[2];
	*client = *server = (struct side){0};
	ASSERT(loop_init(&l));
	ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
	ASSERT(stream_open(&client->s, &l, fd[0], side_ready) && stream_open(&server->s, &l, fd[1], side_ready));
}

static void part(struct side *client, struct side *server)
{
	stream_close(&client->s);
	stream_close(&server->s);
	buf_free(&client->got);
	buf_free(&server->got);
	CHECK_EQ(l.pool.lent, 0);
	loop_free(&l);
}

static struct tls_identity *identity(const char *cert, const char *key)
{
	struct tls_identity *i = NULL;
	struct fail f;
	ASSERT(tls_identity_new(slice_of(cert), slice_of(key), &i, &f) == OK);
	return i;
}

static struct tls_trust *trust_in(const char *pem)
{
	struct tls_trust *t = NULL;
	struct fail f;
	ASSERT(tls_trust_new(slice_of(pem), &t, &f) == OK);
	return t;
}

static bool say(struct side *x, struct slice s)
{
	struct iovec part = {NULL, s.n};
	memcpy(&part.iov_base, &s.p, sizeof s.p);
	return stream_send(&x->s, &part, 1);
}

static void both_ways(const char *cert, const char *key, const char *name)
{
	struct side c, s;
	struct tls_identity *who = identity(cert, key);
	struct tls_trust *trust = trust_in(cert);
	struct buf big = {0};
	char *room = buf_room(&big, 1 << 20);
	for (size_t i = 0; i < 1 << 20; i++)
		room[i] = (char)(i * 31);
	buf_add(&big, 1 << 20);
	pair(&c, &s);
	CHECK(tls_accept(&s.s, who) && tls_connect(&c.s, &(struct tls_settings){.trust = trust, .server_name = name}));
	CHECK(say(&c, S("hello"))); /* before the handshake: it waits */
	while (s.got.n < 5 && !c.failed && !s.failed)
		loop_turn(&l, INT64_MAX);
	CHECK_STR(buf_view(&s.got), "hello");
	CHECK(say(&s, buf_view(&big)));
	while (c.got.n < big.n && !c.failed && !s.failed)
		loop_turn(&l, INT64_MAX);
	CHECK(slice_eq(buf_view(&c.got), buf_view(&big)));
	CHECK_EQ(stream_waiting(&s.s), 0);
	part(&c, &s);
	buf_free(&big);
	tls_trust_free(trust);
	tls_identity_free(who);
}

TEST(tls, both_ways_with_an_ec_key)
{
	both_ways(ec_cert, ec_key, "here.test");
}

TEST(tls, both_ways_with_an_rsa_key)
{
	both_ways(rsa_cert, rsa_key, "there.test");
}

static void refused(struct tls_settings set, const char *error)
{
	struct side c, s;
	struct tls_identity *who = identity(ec_cert, ec_key);
	pair(&c, &s);
	CHECK(tls_accept(&s.s, who) && tls_connect(&c.s, &set));
	while ((!c.failed || !s.failed) && s.got.n == 0)
		loop_turn(&l, INT64_MAX);
	CHECK_STR(slice_of(c.error), error);
	CHECK_STR(slice_of(s.error), "remote error: tls: bad certificate"); /* it is told why */
	part(&c, &s);
	tls_identity_free(who);
}

TEST(tls, whom_we_do_not_believe)
{
	struct tls_trust *other = trust_in(rsa_cert), *right = trust_in(ec_cert);
	refused((struct tls_settings){.trust = other, .server_name = "here.test"},
	        "x509: certificate signed by unknown authority");
	refused((struct tls_settings){.server_name = "here.test"}, "x509: certificate signed by unknown authority");
	refused((struct tls_settings){.trust = right, .server_name = "elsewhere.test"},
	        "x509: certificate is not valid for the requested name");
	tls_trust_free(other);
	tls_trust_free(right);
}

static void client_refused(const struct tls_identity *shown, const char *error)
{
	struct side c, s;
	struct tls_identity *server = identity(ec_cert, ec_key);
	struct tls_trust *ours = trust_in(ec_cert);
	pair(&c, &s);
	CHECK(tls_accept_known(&s.s, server, ours) &&
	        tls_connect(
	                &c.s, &(struct tls_settings){.trust = ours, .server_name = "here.test", .identity = shown}));
	while (!c.failed && !c.ended)
		loop_turn(&l, INT64_MAX);
	CHECK_STR(slice_of(s.error), error);
	CHECK_STR(slice_of(c.error), "remote error: tls: bad certificate");
	part(&c, &s);
	tls_trust_free(ours);
	tls_identity_free(server);
}

TEST(tls, a_client_hears_that_we_do_not_believe_it)
{
	struct tls_identity *stranger = identity(rsa_cert, rsa_key);
	client_refused(stranger, "x509: certificate signed by unknown authority");
	client_refused(NULL, "tls: client didn't provide a certificate");
	tls_identity_free(stranger);
}

TEST(tls, anybody_if_we_are_told_so)
{
	struct side c, s;
	struct tls_identity *who = identity(ec_cert, ec_key);
	pair(&c, &s);
	CHECK(tls_accept(&s.s, who) && tls_connect(&c.s, &(struct tls_settings){.skip_verify = true}));
	CHECK(say(&c, S("hello")));
	while (s.got.n < 5 && !c.failed && !s.failed)
		loop_turn(&l, INT64_MAX);
	CHECK_STR(buf_view(&s.got), "hello");
	part(&c, &s);
	tls_identity_free(who);
}

TEST(tls, somebody_who_does_not_speak_it)
{
	struct side c, s;
	pair(&c, &s);
	CHECK(tls_connect(&c.s, &(struct tls_settings){.skip_verify = true}));
	CHECK(say(&s, S("HTTP/1.1 400 Bad Request\r\n\r\n")));
	while (!c.failed)
		loop_turn(&l, INT64_MAX);
	CHECK_STR(slice_of(c.error), "tls: first record does not look like a TLS handshake");
	part(&c, &s);
}

TEST(tls, what_is_no_certificate)
{
	struct tls_trust *t;
	struct tls_identity *i;
	struct fail f;
	CHECK_EQ(tls_trust_new(S("nothing"), &t, &f), ERR_INVALID);
	CHECK_EQ(tls_trust_new(S("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), &t, &f),
	        ERR_INVALID);
	CHECK_EQ(tls_trust_new(slice_cut(slice_of(ec_cert), 0, 200), &t, &f), ERR_INVALID);
	CHECK_EQ(tls_identity_new(slice_of(ec_cert), slice_of(ec_cert), &i, &f), ERR_INVALID);
	CHECK_EQ(tls_identity_new(slice_of(ec_key), slice_of(ec_key), &i, &f), ERR_INVALID);
}

/* ---- under the client of HTTP ---------------------------------------------------------------------------------- */

struct reply {
	struct buf body;
	bool done;
	struct fail fail;
};

static bool on_data(struct http_call *c, struct slice piece)
{
	buf_slice(&((struct reply *)c->owner)->body, piece);
	return true;
}

static void on_done(struct http_call *c, const struct fail *f)
{
	struct reply *r = c->owner;
	r->done = true;
	if (f)
		r->fail = *f;
}

TEST(tls, an_https_request)
{
	struct fail f;
	struct address a;
	struct side s = {0};
	struct tls_identity *who = identity(ec_cert, ec_key);
	struct tls_trust *trust = trust_in(ec_cert);
	struct tls_settings set = {.trust = trust, .server_name = "here.test"};
	ASSERT(loop_init(&l) && address_parse(S("127.66.7.25:0"), &a));
	int listener = socket_listen(&a, &(struct socket_listen){0}, &f), fd;
	a = socket_local(listener);
	struct reply r = {0};
	struct http_call c = {.owner = &r, .data = on_data, .done = on_done};
	http_call_start(&c, &l,
	        &(struct http_ask){.to = a, .method = S("GET"), .host = S("here.test"), .target = S("/"), .tls = &set});
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) < 0)
		loop_turn(&l, l.now + NS_PER_MS);
	ASSERT(stream_open(&s.s, &l, fd, side_ready) && tls_accept(&s.s, who));
	while (slice_search(buf_view(&s.got), S("\r\n\r\n")) < 0 && !r.done)
		loop_turn(&l, INT64_MAX);
	struct buf answer = {0};
	buf_cstr(&answer, "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n");
	memset(buf_room(&answer, 300000), 'y', 300000);
	buf_add(&answer, 300000);
	CHECK(say(&s, buf_view(&answer)));
	while (!r.done)
		loop_turn(&l, INT64_MAX);
	CHECK_STR(slice_of(r.fail.text), "");
	CHECK_EQ(c.response.status, 200);
	CHECK_EQ(r.body.n, 300000);
	http_call_free(&c);
	stream_close(&s.s);
	buf_free(&s.got);
	buf_free(&r.body);
	buf_free(&answer);
	close(listener);
	tls_trust_free(trust);
	tls_identity_free(who);
	loop_free(&l);
}
