#include "core/method/status.h"

static enum err one_text(struct call *c, struct slice text)
{
	struct text_list *reply = c->reply;
	struct slice *t = ARENA_NEW(c->arena, struct slice);
	if (!t)
		return call_fail(c, ERR_NO_MEMORY, "out of memory");
	*t = text;
	reply->texts = (struct list){t, 1};
	return OK;
}

static enum err status_leader(struct call *c)
{
	return one_text(c, c->world->leader);
}

/* One server is its own only peer; one that waits for others to begin with has none. */
static enum err status_peers(struct call *c)
{
	if (!c->world->voter)
		return OK;
	return one_text(c, c->world->self);
}

const struct method method_status_leader = {
	"Status.Leader", &dc_request_schema, NULL, M_READ | M_LOCAL | M_NO_BLOCK, status_leader};
const struct method method_status_peers = {
	"Status.Peers", &dc_request_schema, NULL, M_READ | M_LOCAL | M_NO_BLOCK, status_peers};
