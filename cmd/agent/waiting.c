#include "cmd/agent/waiting.h"

static void answered(void *waiting, const struct call_answer *a)
{
	struct waiting *w = waiting;
	struct call_again again = w->again;
	w->what = WAITS_FOR_NOTHING;
	again.answer = a;
	w->calls->again(w, &again);
}

static bool ask(struct waiting *w, const struct call_forward *what)
{
	w->call = forward_begin(w->front->forward, what, answered, w);
	if (w->call)
		w->what = WAITS_FOR_SERVER;
	return w->call;
}

static bool park(struct waiting *w, const struct api_wait *wait, bool leader)
{
	w->parked = parking_add(&w->front->parking, w, &wait->watched, wait->wake, leader);
	if (w->parked)
		w->what = leader ? WAITS_FOR_LEADER : WAITS_FOR_CHANGE;
	return w->parked;
}

/* The core says whether we still lead. */
static bool verify(struct waiting *w)
{
	struct message *m = message_take(&w->front->api);
	if (!m)
		return false;
	m->ask = ASK_VERIFY;
	m->owner = w;
	w->message = m;
	w->what = WAITS_FOR_CORE;
	front_send(w->front, m);
	return true;
}

bool waiting_begin(struct waiting *w, enum api_state state, const struct api_wait *wait)
{
	w->what = WAITS_FOR_NOTHING;
	w->again = wait->again;
	w->again.answer = NULL;
	switch (state) {
	case API_SENT:
		w->what = WAITS_FOR_CORE;
		w->message = wait->message;
		wait->message->owner = w;
		front_send(w->front, wait->message);
		return true;
	case API_VERIFY: return verify(w);
	case API_FORWARD: return ask(w, &wait->forward);
	case API_WAIT: return park(w, wait, false);
	case API_WAIT_LEADER: return park(w, wait, true);
	case API_ANSWERED:
	case API_STREAM: break;
	}
	return false;
}

void waiting_end(struct waiting *w)
{
	switch (w->what) {
	case WAITS_FOR_CORE: w->message->owner = NULL; break;
	case WAITS_FOR_SERVER: forward_cancel(w->call); break;
	case WAITS_FOR_CHANGE:
	case WAITS_FOR_LEADER: parking_remove(&w->front->parking, w->parked); break;
	case WAITS_FOR_NOTHING: break;
	}
	w->what = WAITS_FOR_NOTHING;
}

void waiting_reply(struct front *f, struct message *m)
{
	struct waiting *w = m->owner;
	if (w) {
		w->what = WAITS_FOR_NOTHING;
		if (m->ask == ASK_VERIFY) {
			struct call_again again = w->again;
			again.verified = !m->err;
			w->calls->again(w, &again);
		} else {
			w->calls->reply(w, m);
		}
	}
	if (m->ask == ASK_RELOAD)
		f->reloading = false;
	front_over(f);
	message_give(&f->api, m);
}

/* A blocking query that is told to end early gets another deadline; a wait for a leader has its own. */
void waiting_woken(void *front, void *waiting, mono_ns deadline)
{
	struct waiting *w = waiting;
	struct call_again again = w->again;
	(void)front;
	if (w->what == WAITS_FOR_CHANGE)
		again.deadline = deadline;
	w->what = WAITS_FOR_NOTHING;
	w->calls->again(w, &again);
}
