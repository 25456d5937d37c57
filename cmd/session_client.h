/* A session over a client: made, kept alive by a thread of its own, destroyed. */
#ifndef CMD_SESSION_CLIENT_H
#define CMD_SESSION_CLIENT_H

#include <pthread.h>

#include "cmd/client.h"

enum { SESSION_ID_MAX = 64 };

struct session {
	char id[SESSION_ID_MAX];
	dur_ns renew_every;
	void (*renew_failed)(const struct fail *f); /* may be NULL */

	/* Private. */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool renewing, stopping;
};

/* Makes it; `body` is the JSON of /v1/session/create. */
enum err session_client_create(struct client *c, struct slice body, struct session *s, struct fail *f);

/* Renews it from now on, every renew_every, over a client of its own. */
void session_keep(struct session *s);

/* Ends renewing and destroys it. */
enum err session_client_destroy(struct client *c, struct session *s, struct fail *f);

#endif
