#include "net/mux.h"

#include <stdlib.h>

#include "tests/test.h"

/* Two sides and what is between them. */
struct thing {
	struct mux_stream ms;
	struct buf got;
	bool ended, reset, drained;
};

static struct mux client, server;
static struct thing *opened[600];
static unsigned opened_n, accepted, away, pongs;

static void begin(unsigned streams_max)
{
	mux_init(&client, MUX_CLIENT, sizeof(struct thing), 0, 1);
	mux_init(&server, MUX_SERVER, sizeof(struct thing), streams_max, 2);
	opened_n = accepted = away = pongs = 0;
}

static void finish_side(struct mux *m)
{
	struct mux_stream *s;
	CHECK(mux_invariants(m));
	for (size_t at = 0; (s = mux_next(m, &at)) != NULL;)
		buf_free(&((struct thing *)(void *)s)->got);
	mux_free(m);
}

static void finish(void)
{
	finish_side(&client);
	finish_side(&server);
}

static void note(struct mux *m, const struct mux_event *ev)
{
	struct thing *t = (struct thing *)(void *)ev->stream;
	switch (ev->kind) {
	case MUX_OPENED: opened[opened_n++] = t; break;
	case MUX_DATA: buf_slice(&t->got, ev->data); break;
	case MUX_ENDED: t->ended = true; break;
	case MUX_RESET:
		t->reset = true;
		buf_free(&t->got);
		break;
	case MUX_DRAINED: t->drained = true; break;
	case MUX_ACCEPTED: accepted++; break;
	case MUX_AWAY: away++; break;
	case MUX_PONG: pongs++; break;
	default: break;
	}
	CHECK(mux_invariants(m));
}

/* All of `bytes`, cut into pieces of `piece`. */
static enum mux_kind feed(struct mux *m, struct slice bytes, size_t piece)
{
	struct buf held = {0};
	enum mux_kind kind = MUX_IDLE;
	struct mux_event ev;
	while (bytes.n && kind != MUX_BROKEN) {
		buf_slice(&held, slice_cut(bytes, 0, piece));
		bytes = slice_from(bytes, piece);
		struct slice in = buf_view(&held);
		while ((kind = mux_step(m, &in, &ev)) != MUX_IDLE && kind != MUX_BROKEN)
			note(m, &ev);
		buf_consume(&held, held.n - in.n);
	}
	buf_free(&held);
	return kind;
}

/* What each side has said reaches the other, until both are silent. */
static void carry(size_t piece)
{
	while (client.out.n || server.out.n) {
		struct buf c = client.out, s = server.out;
		client.out = server.out = (struct buf){0};
		feed(&server, buf_view(&c), piece);
		feed(&client, buf_view(&s), piece);
		buf_free(&c);
		buf_free(&s);
	}
}

static bool say(struct mux *m, struct thing *t, struct slice bytes)
{
	return mux_write(m, &t->ms, &bytes, 1);
}

TEST(mux, the_frames_of_a_call_are_the_recorded_ones)
{
	begin(1);
	struct thing *t = (struct thing *)(void *)mux_open(&client);
	const struct slice parts[] = {S("he"), S("llo")};
	CHECK(mux_write(&client, &t->ms, parts, 2));
	CHECK(slice_eq(buf_view(&client.out), S("\0\1\0\1\0\0\0\1\0\0\0\0"
	                                        "\0\0\0\0\0\0\0\1\0\0\0\5hello")));
	carry(1);
	CHECK_EQ(opened_n, 1);
	CHECK_STR(buf_view(&opened[0]->got), "hello");
	CHECK(say(&server, opened[0], S("yes")));
	CHECK(slice_eq(buf_view(&server.out), S("\0\0\0\0\0\0\0\1\0\0\0\3yes")));
	carry(7);
	CHECK_STR(buf_view(&t->got), "yes");
	CHECK_EQ(accepted, 1);
	finish();
}

TEST(mux, who_opens_is_accepted_before_anything_else)
{
	begin(1);
	feed(&server, S("\0\0\0\1\0\0\0\7\0\0\0\2hi"), 3); /* SYN on data */
	CHECK_EQ(opened_n, 1);
	CHECK_STR(buf_view(&opened[0]->got), "hi");
	CHECK(slice_eq(buf_view(&server.out), S("\0\1\0\2\0\0\0\7\0\0\0\0")));
	finish();
}

TEST(mux, a_stream_is_forgotten_when_both_have_ended_it)
{
	begin(2);
	struct thing *t = (struct thing *)(void *)mux_open(&client);
	carry(12);
	mux_close(&client, &t->ms);
	CHECK(slice_eq(buf_view(&client.out), S("\0\1\0\4\0\0\0\1\0\0\0\0")));
	carry(12);
	CHECK(opened[0]->ended);
	CHECK_EQ(server.by_id.n, 1);
	CHECK_EQ(client.by_id.n, 1);
	buf_free(&opened[0]->got);
	mux_close(&server, &opened[0]->ms);
	carry(12);
	CHECK_EQ(server.by_id.n, 0);
	CHECK_EQ(client.by_id.n, 0);
	finish();
}

TEST(mux, what_comes_for_a_closed_stream_is_let_through)
{
	enum { ALL = 3 * MUX_WINDOW };
	begin(1);
	struct thing *t = (struct thing *)(void *)mux_open(&client);
	char *big = calloc(1, ALL);
	carry(12);
	mux_close(&client, &t->ms);
	CHECK_EQ(mux_closed(&client), 1);
	say(&server, opened[0], slice_at(big, ALL));
	for (int i = 0; i < 8; i++)
		carry(65536);
	CHECK(opened[0]->drained); /* its writer does not wait for ever */
	mux_close(&server, &opened[0]->ms);
	carry(12);
	CHECK_EQ(mux_closed(&client), 0);
	CHECK_EQ(client.by_id.n + server.by_id.n, 0);
	free(big);
	finish();
}

TEST(mux, a_reset_ends_both_ways_at_once)
{
	begin(2);
	struct thing *t = (struct thing *)(void *)mux_open(&client);
	say(&client, t, S("abc"));
	carry(12);
	buf_free(&t->got);
	mux_reset(&client, &t->ms);
	carry(12);
	CHECK_EQ(client.by_id.n + server.by_id.n, 0);
	CHECK_EQ(server.streams, 0);
	say(&client, (struct thing *)(void *)mux_open(&client), S("next"));
	carry(12);
	CHECK_STR(buf_view(&opened[1]->got), "next");
	finish();
}

TEST(mux, nothing_goes_beyond_the_window_and_half_of_it_is_given_back)
{
	enum { ALL = 3 * MUX_WINDOW + 17 };
	begin(1);
	char *big = malloc(ALL);
	for (size_t i = 0; i < ALL; i++)
		big[i] = (char)(i * 7 + i / 251);
	struct thing *t = (struct thing *)(void *)mux_open(&client);
	CHECK(say(&client, t, slice_at(big, ALL)));
	CHECK_EQ(mux_waiting(&t->ms), ALL - MUX_WINDOW);
	carry(4096);
	CHECK_EQ(opened[0]->got.n, MUX_WINDOW);
	mux_taken(&server, &opened[0]->ms, MUX_WINDOW / 2 - 1);
	CHECK_EQ(server.out.n, 0);
	mux_taken(&server, &opened[0]->ms, 1);
	CHECK(slice_eq(buf_view(&server.out), S("\0\1\0\0\0\0\0\1\0\2\0\0")));
	carry(4096);
	CHECK_EQ(opened[0]->got.n, MUX_WINDOW * 3 / 2);
	CHECK(!t->drained);
	for (int i = 0; i < 4; i++) {
		mux_taken(&server, &opened[0]->ms, MUX_WINDOW / 2);
		carry(100000);
	}
	CHECK(t->drained);
	CHECK(slice_eq(buf_view(&opened[0]->got), slice_at(big, ALL)));
	free(big);
	finish();
}

TEST(mux, what_waits_for_window_is_sent_before_the_end)
{
	begin(1);
	char *big = calloc(1, MUX_WINDOW + 1);
	struct thing *t = (struct thing *)(void *)mux_open(&client);
	say(&client, t, slice_at(big, MUX_WINDOW + 1));
	mux_close(&client, &t->ms);
	carry(65536);
	CHECK(!opened[0]->ended);
	mux_taken(&server, &opened[0]->ms, MUX_WINDOW);
	carry(65536);
	CHECK(opened[0]->ended);
	CHECK_EQ(opened[0]->got.n, MUX_WINDOW + 1);
	free(big);
	finish();
}

TEST(mux, more_than_the_window_ends_the_session)
{
	begin(1);
	CHECK_EQ(feed(&server, S("\0\0\0\1\0\0\0\1\0\4\0\1"), 12), MUX_BROKEN);
	CHECK_STR(slice_of(server.why), "recv window exceeded");
	CHECK(slice_ends(buf_view(&server.out), S("\0\3\0\0\0\0\0\0\0\0\0\1")));
	finish();
}

TEST(mux, what_is_no_yamux_ends_the_session)
{
	const struct {
		struct slice bytes;
		const char *why;
	} cases[] = {
	        {S("\1\0\0\0\0\0\0\0\0\0\0\0"), "invalid protocol version"},
	        {S("\0\4\0\0\0\0\0\0\0\0\0\0"), "invalid msg type"},
	        {S("\0\1\0\1\0\0\0\1\0\0\0\0\0\1\0\1\0\0\0\1\0\0\0\0"), "duplicate stream initiated"},
	        {S("\0\1\0\1\0\0\0\1\0\0\0\0\0\1\0\4\0\0\0\1\0\0\0\0\0\1\0\4\0\0\0\1\0\0\0\0"), "unexpected flag"},
	        {S("\0\3\0\0\0\0\0\0\0\0\0\1"), "yamux protocol error"},
	        {S("\0\3\0\0\0\0\0\0\0\0\0\2"), "remote yamux internal error"},
	        {S("\0\3\0\0\0\0\0\0\0\0\0\3"), "unexpected go away received"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin(1);
		CHECK_EQ(feed(&server, cases[i].bytes, 5), MUX_BROKEN);
		CHECK_STR(slice_of(server.why), cases[i].why);
		finish();
	}
}

TEST(mux, data_of_nobody_is_skipped)
{
	begin(2);
	feed(&server, S("\0\0\0\0\0\0\0\x63\0\0\0\3abc\0\1\0\1\0\0\0\1\0\0\0\0"), 2);
	CHECK_EQ(opened_n, 1);
	finish();
}

TEST(mux, too_many_streams_are_reset)
{
	begin(2);
	for (int i = 0; i < 3; i++)
		say(&client, (struct thing *)(void *)mux_open(&client), S("x"));
	carry(64);
	CHECK_EQ(opened_n, 2);
	CHECK_EQ(client.by_id.n, 2);
	CHECK_EQ(client.unaccepted, 0);
	finish();
}

TEST(mux, streams_that_nobody_accepts_are_bounded)
{
	begin(600);
	for (int i = 0; i < MUX_BACKLOG; i++)
		ASSERT(mux_open(&client));
	CHECK(!mux_may_open(&client) && !mux_open(&client));
	carry(1000);
	CHECK_EQ(accepted, MUX_BACKLOG);
	CHECK(mux_open(&client) != NULL);
	finish();
}

TEST(mux, pings_are_answered_and_away_is_away)
{
	begin(2);
	mux_ping(&client);
	CHECK(slice_eq(buf_view(&client.out), S("\0\2\0\1\0\0\0\0\0\0\0\0")));
	carry(12);
	mux_ping(&client);
	carry(12);
	CHECK_EQ(pongs, 2);
	feed(&client, S("\0\2\0\2\0\0\0\0\0\0\0\5"), 12); /* nobody asked */
	CHECK_EQ(pongs, 2);
	mux_go_away(&server);
	carry(12);
	CHECK_EQ(away, 1);
	CHECK(!mux_may_open(&client));
	feed(&server, S("\0\1\0\1\0\0\0\x0b\0\0\0\0"), 12);
	CHECK(slice_eq(buf_view(&server.out), S("\0\1\0\x08\0\0\0\x0b\0\0\0\0")));
	finish();
}
