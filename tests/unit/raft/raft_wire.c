/* Messages captured between servers of the reference: read, written again byte for byte. */
#include "core/raft/raft_wire.h"

#include <stdlib.h>

#include "tests/unit/gossip/lines.h"

static void check_request(struct slice name, struct slice bytes)
{
	struct arena a = {0};
	struct raft_wire_request q;
	struct buf b = {0};
	uint64_t state;
	size_t n = raft_wire_request_size(bytes, SIZE_MAX, &state);
	CHECK_EQ(n + state, bytes.n);
	for (size_t i = 0; i < n; i++)
		CHECK_EQ(raft_wire_request_size(slice_cut(bytes, 0, i), SIZE_MAX, &state), 0);
	ASSERT(raft_wire_read_request(slice_cut(bytes, 0, n), &a, &q));
	raft_wire_put_request(&b, &q);
	CHECK_BYTES(name, buf_view(&b), slice_cut(bytes, 0, n));
	buf_free(&b);
	arena_free(&a);
}

static void check_answer(struct slice name, enum raft_wire_kind kind, struct slice bytes)
{
	struct raft_wire_answer answer;
	struct buf b = {0};
	CHECK_EQ(raft_wire_answer_size(bytes, SIZE_MAX), bytes.n);
	CHECK_EQ(raft_wire_answer_size(slice_cut(bytes, 0, bytes.n - 1), SIZE_MAX), 0);
	ASSERT(raft_wire_read_answer(bytes, kind, &answer));
	raft_wire_put_answer(&b, kind, &answer);
	CHECK_BYTES(name, buf_view(&b), bytes);
	buf_free(&b);
}

TEST(raft_wire, captured_messages_are_read_and_written_alike)
{
	struct lines l;
	unsigned n = 0;
	for (lines_open(&l, "../raft/transport.txt"); lines_next(&l); n++) {
		struct slice request = lines_hex(&l, 1);
		check_request(l.word[0], request);
		check_answer(l.word[0], (enum raft_wire_kind)request.p[0], lines_hex(&l, 2));
	}
	CHECK_EQ(n, 33);
	lines_close(&l);
}

/* Cut anywhere, or with any byte changed, it is refused or read; never past its end (the sanitizer's business). */
TEST(raft_wire, damaged_messages_are_harmless)
{
	struct lines l;
	for (lines_open(&l, "../raft/transport.txt"); lines_next(&l);) {
		uint64_t follows;
		struct slice request = lines_hex(&l, 1);
		request.n = raft_wire_request_size(request, SIZE_MAX, &follows);
		char *copy = malloc(request.n);
		ASSERT(copy);
		for (size_t i = 0; i < request.n && i < 600; i++) {
			struct arena a = {0};
			struct raft_wire_request q;
			uint64_t state;
			memcpy(copy, request.p, request.n);
			copy[i] = (char)(copy[i] ^ 0x55);
			raft_wire_request_size(slice_at(copy, request.n), 1 << 20, &state);
			raft_wire_read_request(slice_at(copy, request.n), &a, &q);
			CHECK(!raft_wire_read_request(slice_cut(request, 0, i), &a, &q));
			arena_free(&a);
		}
		free(copy);
	}
	lines_close(&l);
}

TEST(raft_wire, a_snapshot_gets_its_size_later)
{
	struct raft_wire_request q = {.kind = RAFT_WIRE_INSTALL};
	struct buf unsized = {0}, sized = {0}, want = {0};
	q.install = (struct raft_wire_install){.protocol = 3, .version = 1, .term = 4, .leader = S("a:1"), .last = 9};
	raft_wire_put_request(&unsized, &q);
	CHECK(raft_wire_sized(buf_view(&unsized), 1 << 20, &sized));
	q.install.size = 1 << 20;
	raft_wire_put_request(&want, &q);
	CHECK_BYTES(S("sized"), buf_view(&sized), buf_view(&want));
	CHECK(!raft_wire_sized(S("\x00\x80"), 1, &sized));
	buf_free(&unsized);
	buf_free(&sized);
	buf_free(&want);
}

TEST(raft_wire, servers_come_back_as_they_were)
{
	const struct raft_server servers[] = {
	        {S("one"), S("10.0.0.1:8300"), RAFT_VOTER}, {S("two"), S("10.0.0.2:8300"), RAFT_NONVOTER}};
	struct arena a = {0};
	struct buf b = {0}, old = {0};
	struct raft_server *got;
	size_t n;
	raft_wire_put_configuration(&b, servers, 2);
	ASSERT(raft_wire_read_configuration(buf_view(&b), &a, &got, &n));
	CHECK_EQ(n, 2);
	CHECK_STR(got[1].id, "two");
	CHECK_EQ(got[1].suffrage, RAFT_NONVOTER);
	raft_wire_put_peers(&old, servers, 2);
	ASSERT(raft_wire_read_peers(buf_view(&old), &a, &got, &n));
	CHECK_EQ(n, 1); /* only voters stand in the old list, by address */
	CHECK_STR(got[0].id, "10.0.0.1:8300");
	buf_reset(&old, 0);
	raft_wire_put_peers(&old, servers, 0);
	CHECK_BYTES(S("no peers"), buf_view(&old), S("\xc0"));
	CHECK(!raft_wire_read_configuration(S("\x81\xa7Servers\x91\x81\xa8Suffrage\x07"), &a, &got, &n));
	CHECK(!raft_wire_read_peers(S("\x80"), &a, &got, &n));
	buf_free(&b);
	buf_free(&old);
	arena_free(&a);
}

TEST(raft_wire, a_question_of_ours)
{
	struct arena a = {0};
	struct buf b = {0}, c = {0};
	uint64_t state;
	struct raft_wire_request q = {.kind = RAFT_WIRE_READ}, got;
	q.read = (struct raft_wire_read){3, 7, S("one")};
	raft_wire_put_request(&b, &q);
	CHECK_EQ(raft_wire_request_size(buf_view(&b), SIZE_MAX, &state), b.n);
	ASSERT(raft_wire_read_request(buf_view(&b), &a, &got));
	CHECK_EQ(got.kind, RAFT_WIRE_READ);
	CHECK_EQ(got.read.term, 7);
	CHECK_STR(got.read.reader, "one");
	for (int byte = RAFT_WIRE_INSTALL + 1; byte < 256; byte++) {
		b.p[0] = (char)byte;
		CHECK_EQ(raft_wire_read_request(buf_view(&b), &a, &got), byte == RAFT_WIRE_READ);
	}
	struct raft_wire_answer answer = {.protocol = 3, .term = 7, .success = true, .index = 12}, back;
	raft_wire_put_answer(&c, RAFT_WIRE_READ, &answer);
	ASSERT(raft_wire_read_answer(buf_view(&c), RAFT_WIRE_READ, &back));
	CHECK(back.success);
	CHECK_EQ(back.index, 12);
	CHECK_EQ(back.term, 7);
	buf_free(&b);
	buf_free(&c);
	arena_free(&a);
}
