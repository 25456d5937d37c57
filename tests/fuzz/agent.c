/* Any bytes as files of the data directory and then as HTTP requests, one after another, to a whole dev agent: it stays
 * up and answers. Pieces end with byte 1; a piece is "VERB /path?query", a newline, the body. The verb FILE, at the
 * front, is a file that lay in the data directory: "FILE checks/x". Two seconds pass after each request. */
#include <stdlib.h>

#include "core/agent/config_build.h"
#include "core/agent/check_run.h"
#include "core/api/api.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS_MAX = 24, TURNS = 3, KEEP = 1 << 16 };

struct host {
	struct epoch *epoch;
	struct core *core;
	struct effects out;
	struct logbuf log;
	struct world world;
	struct api api;
	struct http_answer answer;
	mono_ns now;
	struct message *asked[REQUESTS_MAX]; /* not answered yet */
	unsigned n;
	struct buf check; /* has run: its id */
	uint64_t run;
};

static const struct agent_config *config(void)
{
	static const struct config_interface interfaces[] = {{S("lo"), S("127.0.0.1"), 8, true, true, false}};
	static const struct config_facts facts = {
	        .hostname = S("host"), .interfaces = interfaces, .interface_count = 1};
	static const struct config_source file = {S("c.json"), S("{\"enable_script_checks\": true}")};
	static struct arena a;
	static struct agent_config *c;
	struct config_input in = {.dev = true, .files = &file, .file_count = 1, .facts = &facts};
	struct config_report report;
	if (!c)
		MUST(config_build(&in, &a, &c, &report) == OK);
	c->node_id = S("00000000-0000-0000-0000-00000000000a");
	return c;
}

static void replied(struct host *h, struct message *m)
{
	for (unsigned i = 0; i < h->n; i++)
		if (h->asked[i] == m)
			h->asked[i] = h->asked[--h->n];
	api_http_finish(&h->api, m, &h->answer);
	message_give(&h->api, m);
}

static void take_effects(struct host *h)
{
	core_flush(h->core, h->now, &h->out);
	if (h->out.publish) {
		db_publish(core_db(h->core));
		core_world(h->core, &h->world);
		epoch_advance(h->epoch);
		h->out.publish = false;
	}
	for (size_t i = 0; i < h->out.n; i++) {
		const struct effect *e = &h->out.items[i];
		if (e->kind == EFF_REPLY)
			replied(h, e->message);
		if (e->kind == EFF_CHECK_RUN && !h->check.n) {
			buf_slice(&h->check, e->check->id);
			h->run = e->check->run;
		}
	}
	h->out.n = 0;
	arena_reset(&h->out.mem, KEEP);
	buf_reset(&h->log.lines, KEEP);
}

/* The first check of a turn answers at once; whatever else is asked of a host stays undone. */
static void flush(struct host *h)
{
	struct event ev = {.kind = EV_CHECK_DONE, .now = h->now, .wall = h->now};
	take_effects(h);
	if (!h->check.n)
		return;
	ev.check.id = buf_view(&h->check);
	ev.check.run = h->run;
	ev.check.status = S("passing");
	core_step(h->core, &ev, &h->out);
	h->check.n = 0;
	take_effects(h);
	h->check.n = 0;
}

static void step(struct host *h, enum event_kind kind, struct message *m)
{
	struct event ev = {.kind = kind, .now = h->now, .wall = h->now};
	ev.message = m;
	core_step(h->core, &ev, &h->out);
	flush(h);
}

static void pass(struct host *h, dur_ns time)
{
	for (int i = 0; i < TURNS; i++) {
		h->now += time / TURNS;
		step(h, EV_TICK, NULL);
	}
}

static void serve(struct host *h, struct slice piece)
{
	struct http_request r = {.body = piece, .remote = S("127.0.0.1:1"), .minor = 1, .began = h->now};
	struct slice head = slice_next(&r.body, '\n');
	struct api_wait wait = {0};
	r.method = slice_next(&head, ' ');
	r.verb = http_verb_of(r.method);
	r.target = head;
	r.path = slice_next(&head, '?');
	r.query = head;
	r.has_query = r.path.n < r.target.n;
	r.content_length = (int64_t)r.body.n;
	buf_reset(&h->answer.headers, KEEP);
	buf_reset(&h->answer.body, KEEP);
	h->answer.status = 200;
	h->answer.sniff = false;
	h->api.now = h->now;
	h->api.wall = h->now;
	enum api_state state = api_http(&h->api, &r, &h->answer, &wait);
	MUST(h->answer.status >= 100 && h->answer.status < 600);
	arena_reset(&h->api.arena, KEEP);
	buf_reset(&h->api.log.lines, KEEP);
	if (state != API_SENT)
		return;
	h->asked[h->n++] = wait.message;
	step(h, EV_MESSAGE, wait.message);
}

static void start(struct host *h)
{
	const struct core_options o = {.config = config(), .epoch = h->epoch, .log = &h->log, .seed = 1};
	h->core = core_new(&o);
	MUST(h->core);
	h->log.level = LOG_ERR + 1;
	h->now = NS_PER_S;
	api_init(&h->api, 0, 1);
	h->api.log.level = LOG_ERR + 1;
	h->api.world = &h->world;
}

static void end(struct host *h)
{
	core_free(h->core);
	for (unsigned i = 0; i < h->n; i++)
		message_give(&h->api, h->asked[i]);
	api_free(&h->api);
	epoch_free(h->epoch);
	buf_free(&h->answer.headers);
	buf_free(&h->answer.body);
	buf_free(&h->log.lines);
	buf_free(&h->check);
	free(h->out.items);
	arena_free(&h->out.mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct host h = {.epoch = epoch_new()};
	struct slice in = slice_at(data, size), file = S("FILE ");
	start(&h);
	while (slice_starts(in, file)) {
		struct slice piece = slice_next(&in, 1), name = slice_from(slice_next(&piece, '\n'), file.n);
		core_restore_file(h.core, name, piece);
	}
	step(&h, EV_START, NULL);
	pass(&h, NS_PER_S);
	MUST(h.world.ready);
	for (unsigned i = 0; in.n && i < REQUESTS_MAX; i++) {
		serve(&h, slice_next(&in, 1));
		pass(&h, 2 * NS_PER_S);
	}
	end(&h);
	return 0;
}
