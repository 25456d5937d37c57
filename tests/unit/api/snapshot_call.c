/* The request and the answer of a snapshot stream, as a real server and its client exchanged them. */
#include "core/api/snapshot_call.h"

#include "tests/test.h"

#define SAVE                                                                                                           \
	"\x84\xaa"                                                                                                     \
	"AllowStale\xc2\xaa"                                                                                           \
	"Datacenter\xa3"                                                                                               \
	"dc9\xa2Op\x00\xa5Token\xa0"
#define RESTORE                                                                                                        \
	"\x84\xaa"                                                                                                     \
	"AllowStale\xc3\xaa"                                                                                           \
	"Datacenter\xa3"                                                                                               \
	"dc1\xa2Op\x01\xa5Token\xa0"
#define REFUSED                                                                                                        \
	"\x85\xb0"                                                                                                     \
	"ConsistencyLevel\xa0\xa5"                                                                                     \
	"Error\xb5"                                                                                                    \
	"No path to datacenter\xa5Index\x00\xab"                                                                       \
	"KnownLeader\xc2\xab"                                                                                          \
	"LastContact\x00"

TEST(snapshot_call, a_request_ends_with_its_first_value)
{
	bool brings;
	struct slice save = S(SAVE), restore = S(RESTORE "archive");
	for (size_t n = 0; n < save.n; n++)
		CHECK_EQ(snapshot_request_size(slice_cut(save, 0, n), &brings), 0);
	CHECK_EQ(snapshot_request_size(save, &brings), save.n);
	CHECK(!brings);
	CHECK_EQ(snapshot_request_size(restore, &brings), sizeof RESTORE - 1);
	CHECK(brings);
	CHECK_EQ(snapshot_request_size(S("\xc1"), &brings), SIZE_MAX);
	CHECK_EQ(snapshot_request_size(S("\xa3"
	                                 "abc"),
	                 &brings),
	        SIZE_MAX);
}

TEST(snapshot_call, a_refusal_is_what_the_real_one_says)
{
	struct message m = {.err = ERR_NO_PATH, .why = S("No path to datacenter")};
	struct buf out = {0};
	snapshot_served(&m, &out);
	CHECK(slice_eq(buf_view(&out), S(REFUSED)));
	buf_free(&out);
}
