#include "cmd/agent/log_hub.h"

#include "core/base/slice.h"
#include "net/ring.h"
#include "tests/test.h"

/* The hub is one for the whole process: each test begins behind what is there. */
static uint64_t seq;
static struct buf line;
static enum log_level level;

static void begin(void)
{
	log_hub_level(LOG_INFO);
	seq = 0;
	while (log_hub_next(&seq, &line, &level))
		;
}

static void say(int n)
{
	struct logbuf l = {.level = LOG_DEBUG};
	for (int i = 0; i < n; i++)
		log_info(&l, "agent: line %d", i);
	log_hub_take(&l);
	CHECK_EQ(l.lines.n, 0);
	buf_free(&l.lines);
}

TEST(log_hub, lines_come_once_and_in_order)
{
	begin();
	say(2);
	ASSERT(log_hub_next(&seq, &line, &level));
	CHECK(slice_ends(buf_view(&line), S("[INFO] agent: line 0")));
	CHECK_EQ(level, LOG_INFO);
	ASSERT(log_hub_next(&seq, &line, &level));
	CHECK(slice_ends(buf_view(&line), S("line 1")));
	CHECK(!log_hub_next(&seq, &line, &level));
	buf_free(&line);
}

/* A place further back than the ring reaches shows as a jump. */
TEST(log_hub, what_was_overwritten_is_skipped)
{
	begin();
	uint64_t before = seq;
	say(LOG_HUB_LINES + 7);
	ASSERT(log_hub_next(&seq, &line, &level));
	CHECK_EQ(seq - before, 8);
	CHECK(slice_ends(buf_view(&line), S("line 7")));
	unsigned n = 1;
	while (log_hub_next(&seq, &line, &level))
		n++;
	CHECK_EQ(n, LOG_HUB_LINES);
	buf_free(&line);
}

TEST(log_hub, the_lowest_level_that_anybody_wants)
{
	struct loop l;
	struct bell bell;
	begin();
	ASSERT(loop_init(&l) && bell_init(&bell) && bell_watch(&bell, &l));
	CHECK_EQ(log_hub_wanted(), LOG_INFO);
	log_hub_listen(&bell, LOG_ERR);
	CHECK_EQ(log_hub_wanted(), LOG_INFO);
	log_hub_listen(&bell, LOG_DEBUG);
	log_hub_listen(&bell, LOG_TRACE);
	CHECK_EQ(log_hub_wanted(), LOG_TRACE);
	log_hub_leave(&bell, LOG_TRACE);
	CHECK_EQ(log_hub_wanted(), LOG_DEBUG);
	log_hub_level(LOG_WARN);
	log_hub_leave(&bell, LOG_DEBUG);
	CHECK_EQ(log_hub_wanted(), LOG_WARN);
	log_hub_leave(&bell, LOG_ERR);
	bell_free(&bell, &l);
	loop_free(&l);
}
