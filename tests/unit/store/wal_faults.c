/* The log on a disk that crashes, fails or fills up, at every single call.
 *
 * A script of operations, chosen by a seed, runs against the log and against a model. The model keeps every state that
 * may be found after a crash: the one that was acknowledged last, and one for each record that was written since. What
 * is found must be one of them: nothing acknowledged is lost, nothing is invented. */
#include "core/base/must.h"
#include "store/wal.h"
#include "tests/sim/disk.h"
#include "tests/test.h"

#include <stdlib.h>

enum { INDEX_MAX = 700, DATA_MAX = 900, STATES_MAX = 128, STEPS = 36, SALT = 11 };

struct state {
	raft_index last;
	raft_index need; /* entries from here on must be readable */
	raft_term hard;
	uint8_t term[INDEX_MAX + 1];
};

struct world {
	struct sim_disk d;
	struct wal *w;
	struct rand rand; /* of the script */
	raft_term term;
	struct state now;             /* what the log should say */
	struct state may[STATES_MAX]; /* what a crash may leave; [0] is acknowledged */
	size_t n;
	uint64_t stop;  /* the script ends when so many calls were made; 0: at its end */
	bool debris;    /* what failed can still be found, until the next write succeeds */
	char what[160]; /* for messages */
};

/* Records of one size make what failed lie just where the next ones will be looked for. */
static size_t one_size; /* 0: many */

static size_t data_of(raft_index index, raft_term term, char out[static DATA_MAX])
{
	size_t n = (size_t)((index * 131 + term * 17) % DATA_MAX);
	if (one_size)
		n = one_size;
	else if (index % 3)
		n %= 60;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(1 + (index * 7 + term * 13 + i) % 255);
	return n;
}

static void may_add(struct world *t, const struct state *s)
{
	MUST(t->n < STATES_MAX);
	t->may[t->n++] = *s;
}

static void acknowledged(struct world *t)
{
	t->may[0] = t->now;
	if (!t->debris)
		t->n = 1;
}

/* Is the log in this state? Looks at the bytes of every entry, too. */
static bool matches(struct wal *w, const struct state *s)
{
	raft_index first = wal_first(w), next = first;
	if (wal_last(w) != s->last || wal_hard(w).term != s->hard || (s->last >= s->need && first > s->need))
		return false;
	struct wal_cursor c;
	struct wal_entry e;
	char data[DATA_MAX];
	wal_cursor_open(&c, w, first);
	while (!wal_next(&c, &e, NULL) && e.index) {
		size_t n = data_of(next, s->term[next], data);
		if (e.index != next || e.term != s->term[next] || !slice_eq(e.data, (struct slice){data, n}))
			break;
		next++;
	}
	wal_cursor_close(&c);
	return next == s->last + 1;
}

/* After an error the log stands where it stood before, or at what the last good sync left: that may be more than what
 * we know of, since beginning a segment syncs, too. What failed may still be found after a crash. */
static void after_error(struct world *t, const struct fail *f, enum err e)
{
	if ((e != ERR_IO && e != ERR_FULL) || !f->text[0])
		test_fail(__FILE__, __LINE__, "%s: %s: %s", t->what, err_name(e), f->text);
	if (t->d.off)
		return;
	t->debris = true;
	uint64_t fail_at = t->d.fail_at;
	t->d.fail_at = 0; /* we look; that is not part of the script */
	size_t i = 0;
	if (!matches(t->w, &t->now)) {
		while (i < t->n && !matches(t->w, &t->may[i]))
			i++;
		if (i == t->n)
			test_fail(__FILE__, __LINE__, "%s: after the error \"%s\" last is %d", t->what, f->text,
			        (int)wal_last(t->w));
		else
			t->now = t->may[0] = t->may[i];
		CHECK_EQ(wal_synced(t->w), wal_last(t->w));
	}
	t->d.fail_at = fail_at;
}

/* ---- the operations ---- */

static void op_append(struct world *t)
{
	static char data[8][DATA_MAX];
	struct wal_entry e[8];
	struct fail f = {0};
	struct state s = t->now;
	size_t n = (size_t)rand_below(&t->rand, 6);
	struct wal_hard hard = {.term = ++t->term, .vote_term = t->term, .vote = S("n")};
	bool with_hard = rand_below(&t->rand, 3) == 0;
	if (s.last + n > INDEX_MAX || t->n + 8 > STATES_MAX)
		return;
	if (with_hard) {
		s.hard = hard.term;
		may_add(t, &s);
	}
	for (size_t i = 0; i < n; i++) {
		e[i] = (struct wal_entry){++s.last, t->term, 0, {data[i], data_of(s.last, t->term, data[i])}};
		s.term[s.last] = (uint8_t)t->term;
		may_add(t, &s);
	}
	enum err err = wal_append(t->w, with_hard ? &hard : NULL, e, n, &f);
	if (err)
		after_error(t, &f, err);
	else if (n || with_hard)
		t->now = s, t->debris = false;
}

static void op_sync(struct world *t)
{
	struct fail f = {0};
	enum err e = wal_sync(t->w, &f);
	if (e)
		after_error(t, &f, e);
	else
		acknowledged(t);
}

static void op_cut(struct world *t)
{
	struct fail f = {0};
	raft_index base = wal_first(t->w) - 1;
	raft_index to = base + rand_below(&t->rand, t->now.last - base + 1);
	struct state s = t->now;
	if (to == s.last)
		return;
	s.last = to;
	may_add(t, &s);
	enum err e = wal_cut_after(t->w, to, &f);
	if (e) {
		after_error(t, &f, e);
		return;
	}
	t->now = s;
	t->debris = false;
	acknowledged(t);
}

static void op_reset(struct world *t)
{
	struct fail f = {0};
	struct state s = t->now;
	s.last += rand_below(&t->rand, 9);
	if (s.last > INDEX_MAX)
		return;
	s.need = s.last + 1;
	s.term[s.last] = 3;
	may_add(t, &s);
	enum err e = wal_reset(t->w, s.last, 3, &f);
	if (e) {
		after_error(t, &f, e);
		return;
	}
	t->now = s;
	t->debris = false;
	acknowledged(t);
	if (!t->d.off)
		CHECK_EQ(wal_first(t->w), s.last + 1);
}

static void op_forget(struct world *t)
{
	struct fail f = {0};
	raft_index to = 1 + rand_below(&t->rand, t->may[0].last + 1);
	if (to > t->now.need)
		t->now.need = to;
	for (size_t i = 0; i < t->n; i++)
		if (to > t->may[i].need)
			t->may[i].need = to;
	enum err e = wal_forget_before(t->w, to, &f);
	if (e)
		after_error(t, &f, e);
}

static void step(struct world *t)
{
	uint64_t dice = rand_below(&t->rand, 100);
	if (dice < 52)
		op_append(t);
	else if (dice < 78)
		op_sync(t);
	else if (dice < 84)
		op_cut(t);
	else if (dice < 86)
		op_reset(t);
	else if (dice < 93)
		op_forget(t);
	else
		wal_mark(t->w);
}

/* ---- the runs ---- */

static enum err reopen(struct world *t, struct fail *f)
{
	struct wal_options opt = {.segment_bytes = 2048, .salt = SALT};
	return wal_open(&t->w, &t->d.disk, "wal", &opt, NULL, f);
}

static struct world *begin(uint64_t seed, uint64_t disk_seed)
{
	struct world *t = calloc(1, sizeof *t);
	struct fail f;
	MUST(t);
	one_size = seed % 2 ? 24 : 0;
	sim_disk_init(&t->d, disk_seed);
	rand_seed(&t->rand, seed);
	ASSERT(!reopen(t, &f));
	t->now.need = 1;
	acknowledged(t);
	return t;
}

static void script(struct world *t)
{
	for (int i = 0; i < STEPS && !t->d.off; i++) {
		if (t->stop && t->d.calls >= t->stop)
			break;
		step(t);
	}
	t->stop = 0;
}

static void end(struct world *t)
{
	wal_close(t->w);
	sim_disk_free(&t->d);
	free(t);
}

/* What was found is one of the states that may be; it is the truth from now on. */
static bool found(struct world *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (matches(t->w, &t->may[i])) {
			t->now = t->may[i];
			t->debris = false;
			acknowledged(t);
			return true;
		}
	test_fail(__FILE__, __LINE__, "%s: found last %d, hard %d, first %d; acknowledged were %d, %d", t->what,
	        (int)wal_last(t->w), (int)wal_hard(t->w).term, (int)wal_first(t->w), (int)t->may[0].last,
	        (int)t->may[0].hard);
	return false;
}

static bool recovers(struct world *t)
{
	struct fail f = {0};
	if (!reopen(t, &f))
		return found(t);
	test_fail(__FILE__, __LINE__, "%s: %s", t->what, f.text);
	return false;
}

/* Crashes, maybe again while recovering; goes on for a while; crashes once more. */
static void crash_and_go_on(struct world *t)
{
	struct fail f = {0};
	wal_close(t->w);
	t->w = NULL;
	sim_disk_crash(&t->d);
	t->d.crash_at = t->d.calls + 1 + rand_below(&t->rand, 12);
	if (reopen(t, &f)) {
		if (f.code != ERR_IO)
			test_fail(__FILE__, __LINE__, "%s: recovering: %s", t->what, f.text);
		sim_disk_crash(&t->d);
		if (!recovers(t))
			return;
	} else {
		t->d.crash_at = 0;
		if (!found(t))
			return;
	}
	script(t);
	t->d.off = true;
	wal_close(t->w);
	t->w = NULL;
	sim_disk_crash(&t->d);
	recovers(t);
}

static uint64_t calls_of(uint64_t seed)
{
	struct world *t = begin(seed, 1);
	script(t);
	uint64_t calls = t->d.calls;
	CHECK(matches(t->w, &t->now));
	end(t);
	return calls;
}

TEST(wal, survives_a_crash_at_every_call)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		uint64_t calls = calls_of(seed);
		for (uint64_t at = 2; at <= calls; at++) {
			struct world *t = begin(seed, seed * 1000 + at);
			snprintf(t->what, sizeof t->what, "seed %d, crash at call %d", (int)seed, (int)at);
			t->d.crash_at = at > t->d.calls ? at : 0;
			script(t);
			crash_and_go_on(t);
			end(t);
		}
	}
}

/* A failed call, then more work, then kill -9 or a crash. */
static void fail_and_go_on(uint64_t seed, uint64_t at, uint64_t until, enum err with, uint64_t stop)
{
	struct world *t = begin(seed, seed * 1000 + at);
	snprintf(t->what, sizeof t->what, "seed %d, %s at call %d to %d", (int)seed, err_name(with), (int)at,
	        (int)until);
	t->d.fail_at = at > t->d.calls ? at : 0;
	t->d.fail_until = until;
	t->stop = stop;
	t->d.fail_with = with;
	script(t);
	if (at % 2) { /* the process goes, the system's memory stays, with pages that it believes to be clean */
		t->d.off = true;
		wal_close(t->w);
		t->w = NULL;
		sim_disk_kill(&t->d);
		if (recovers(t))
			crash_and_go_on(t);
	} else {
		crash_and_go_on(t);
	}
	end(t);
}

TEST(wal, survives_an_error_at_every_call)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		uint64_t calls = calls_of(seed);
		for (uint64_t at = 2; at <= calls; at++) {
			fail_and_go_on(seed, at, 0, ERR_IO, 0);
			fail_and_go_on(seed, at, 0, ERR_IO, at + 1 + at % 9);
			fail_and_go_on(seed, at, at + 1 + at % 7, at % 3 ? ERR_IO : ERR_FULL, 0);
		}
	}
}

/* Appends n entries of a new term, as acknowledged or not. */
static enum err grow(struct world *t, size_t n, bool sync)
{
	static char data[8][DATA_MAX];
	struct wal_entry e[8];
	struct fail f = {0};
	MUST(n <= 8);
	t->term++;
	for (size_t i = 0; i < n; i++)
		e[i] = (struct wal_entry){wal_last(t->w) + 1 + i, t->term, 0, {data[i], 0}};
	for (size_t i = 0; i < n; i++)
		e[i].data.n = data_of(e[i].index, t->term, data[i]);
	enum err err = wal_append(t->w, NULL, e, n, &f);
	return err || !sync ? err : wal_sync(t->w, &f);
}

static void stop(struct world *t, bool crash)
{
	struct fail f;
	t->d.off = true;
	wal_close(t->w);
	if (crash)
		sim_disk_crash(&t->d);
	else
		sim_disk_kill(&t->d);
	ASSERT(!reopen(t, &f));
}

/* Entries that failed lie behind the place where the log goes on, whole, with the very index that comes next. */
static void failed_stay_gone(uint64_t seed, uint64_t call, bool crash)
{
	struct world *t = begin(seed, seed);
	one_size = 24;
	CHECK_EQ(grow(t, 3, true), OK);
	t->d.fail_at = t->d.calls + call;
	t->d.fail_with = ERR_IO;
	CHECK_EQ(grow(t, 6, true), ERR_IO);
	t->d.fail_at = 0;
	CHECK_EQ(wal_last(t->w), 3);
	CHECK_EQ(grow(t, 1, true), OK);
	stop(t, crash);
	CHECK_EQ(wal_last(t->w), 4);
	CHECK_EQ(wal_term_of(t->w, 4), t->term);
	end(t);
}

TEST(wal, what_failed_does_not_come_back_behind_what_came_later)
{
	for (uint64_t seed = 1; seed <= 100; seed++) {
		failed_stay_gone(seed, 1, seed % 2); /* the write */
		failed_stay_gone(seed, 2, seed % 2); /* the sync */
	}
}

TEST(wal, what_was_torn_does_not_come_back_behind_what_came_later)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct world *t = begin(seed, seed);
		one_size = DISK_SECTOR - 40; /* a record is as large as a sector: any may survive */
		CHECK_EQ(grow(t, 1, true), OK);
		CHECK_EQ(grow(t, 2, false), OK);
		stop(t, true);
		raft_index last = wal_last(t->w);
		CHECK_EQ(grow(t, 1, true), OK);
		stop(t, true);
		CHECK_EQ(wal_last(t->w), last + 1);
		CHECK_EQ(wal_term_of(t->w, last + 1), t->term);
		end(t);
	}
}

TEST(wal, an_error_while_opening_harms_nothing)
{
	struct world *t = begin(5, 5);
	struct fail f = {0};
	snprintf(t->what, sizeof t->what, "opening");
	script(t);
	op_sync(t);
	wal_close(t->w);
	uint64_t before = t->d.calls;
	ASSERT(recovers(t));
	uint64_t calls = t->d.calls - before;
	wal_close(t->w);
	for (uint64_t i = 1; i <= calls; i++) {
		t->d.fail_at = t->d.calls + i;
		t->d.fail_with = ERR_IO;
		enum err e = reopen(t, &f);
		if (!e)
			wal_close(t->w);
		else
			CHECK_EQ(e, ERR_IO);
		sim_disk_kill(&t->d);
		ASSERT(recovers(t));
		wal_close(t->w);
	}
	t->w = NULL;
	end(t);
}

TEST(wal, a_full_disk_is_told_and_survived)
{
	struct world *t = begin(3, 3);
	struct fail f = {0};
	snprintf(t->what, sizeof t->what, "full");
	t->d.capacity = 5 * 2048 + 100;
	enum err e = OK;
	while (!e) {
		struct wal_entry entry = {t->now.last + 1, 1, 0, {NULL, 0}};
		char data[DATA_MAX];
		entry.data = (struct slice){data, data_of(entry.index, 1, data)};
		e = wal_append(t->w, NULL, &entry, 1, &f);
		e = e ? e : wal_sync(t->w, &f);
		if (!e) {
			t->now.term[++t->now.last] = 1;
			acknowledged(t);
		}
	}
	CHECK_EQ(e, ERR_FULL);
	CHECK_STR(slice_of(f.text), "wal/next.tmp: reserving space: No space left on device");
	CHECK(matches(t->w, &t->now));
	CHECK_EQ(wal_append(t->w, &(struct wal_hard){.term = 1}, NULL, 0, &f), ERR_FULL);
	t->d.capacity = 0;
	script(t);
	op_sync(t);
	CHECK(matches(t->w, &t->now));
	crash_and_go_on(t);
	end(t);
}

TEST(wal, a_disk_that_lies_is_noticed_by_this_model)
{
	int lost = 0;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *t = begin(seed, seed);
		struct fail f = {0};
		t->d.lies = true;
		script(t);
		wal_close(t->w);
		t->w = NULL;
		sim_disk_crash(&t->d);
		bool well = !reopen(t, &f);
		for (size_t i = 0; well && i <= t->n; i++)
			if (i == t->n)
				well = false;
			else if (matches(t->w, &t->may[i]))
				break;
		lost += !well;
		end(t);
	}
	CHECK(lost > 10); /* else the tests above would not see a missing sync */
}
