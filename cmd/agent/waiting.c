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

/* ---- to read the newest ---- */

static void push(struct waiting **list, struct waiting *w)
{
	w->what = WAITS_FOR_NEWEST;
	w->next = *list;
	w->prev = list;
	if (w->next)
		w->next->prev = &w->next;
	*list = w;
}

static void unlink_from_list(struct waiting *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
}

/* Who comes later waits for the next question: this one may be too old for him. */
void waiting_verify(struct front *f)
{
	struct front_verify *v = &f->verify;
	struct message *m = v->next && !v->under_way ? message_take(&f->api) : NULL;
	if (!m)
		return;
	v->asked = v->next;
	v->asked->prev = &v->asked;
	v->next = NULL;
	v->under_way = true;
	m->ask = ASK_VERIFY;
	front_send(f, m);
}

static void verified(struct front *f, bool newest)
{
	struct front_verify *v = &f->verify;
	v->under_way = false;
	for (struct waiting *w; (w = v->asked);) {
		struct call_again again = w->again;
		unlink_from_list(w);
		w->what = WAITS_FOR_NOTHING;
		again.verified = newest;
		again.unsure = !newest;
		w->calls->again(w, &again);
	}
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
	case API_VERIFY: push(&w->front->verify.next, w); return true;
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
	case WAITS_FOR_NEWEST: unlink_from_list(w); break;
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
	if (m->ask == ASK_VERIFY) {
		verified(f, !m->err);
	} else if (w) {
		w->what = WAITS_FOR_NOTHING;
		w->calls->reply(w, m);
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
