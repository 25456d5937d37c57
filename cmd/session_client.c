/* A session over a client. */
#include "cmd/session_client.h"

#include <time.h>

#include "core/base/slice.h"

enum err session_client_create(struct client *c, struct slice body, struct session *s, struct fail *f)
{
	struct value answer;
	struct client_request r = client_request(c, "PUT", "/v1/session/create");
	request_body(&r, body);
	if (client_ask_json(c, &r, &answer, NULL, f) != OK)
		return f->code;
	slice_cstr(value_text(&answer, "ID"), s->id, sizeof(s->id));
	return OK;
}

/* Waits until it is time to renew. False when it is time to stop. */
static bool wait_renew(struct session *s)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t ns = until.tv_nsec + s->renew_every;
	until.tv_sec += ns / NS_PER_S;
	until.tv_nsec = ns % NS_PER_S;
	pthread_mutex_lock(&s->lock);
	while (!s->stopping && pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
		;
	bool go_on = !s->stopping;
	pthread_mutex_unlock(&s->lock);
	return go_on;
}

static enum err renew(struct client *c, const struct session *s, struct fail *f)
{
	struct client_answer a;
	struct client_request r = client_request(c, "PUT", "/v1/session/renew/%s", s->id);
	return client_ask_ok(c, &r, &a, f);
}

static void *renew_loop(void *arg)
{
	struct session *s = arg;
	struct fail f;
	struct client *c = client_open(&f);
	while (c && wait_renew(s)) {
		if (renew(c, s, &f) != OK && s->renew_failed)
			s->renew_failed(&f);
		arena_reset(client_arena(c), 1 << 16);
	}
	client_close(c);
	return NULL;
}

void session_keep(struct session *s)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	s->renewing = pthread_create(&s->thread, NULL, renew_loop, s) == 0;
}

static void keep_end(struct session *s)
{
	if (!s->renewing)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	s->renewing = false;
}

enum err session_client_destroy(struct client *c, struct session *s, struct fail *f)
{
	keep_end(s);
	struct client_answer a;
	struct client_request r = client_request(c, "PUT", "/v1/session/destroy/%s", s->id);
	return client_ask_ok(c, &r, &a, f);
}
