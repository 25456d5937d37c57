#include "core/api/api.h"

#include <stdlib.h>

enum {
	MESSAGE_KEEP = 8192, /* bytes of arena a pooled message keeps */
	MESSAGE_SPARE = 256, /* pooled messages a front keeps */
};

void api_init(struct api *a, int front, uint64_t seed)
{
	*a = (struct api){.front = front};
	rand_seed(&a->rand, seed);
	router_init(&a->router, rand_u64(&a->rand));
}

void api_free(struct api *a)
{
	while (a->spare) {
		struct message *m = a->spare;
		a->spare = m->next;
		arena_free(&m->mem);
		free(m);
	}
	arena_free(&a->arena);
	buf_free(&a->log.lines);
}

struct message *message_take(struct api *a)
{
	struct message *m = a->spare;
	if (m) {
		a->spare = m->next;
		a->spare_n--;
		struct arena mem = m->mem;
		*m = (struct message){.mem = mem};
	} else {
		m = calloc(1, sizeof *m);
		if (!m)
			return NULL;
	}
	m->front = a->front;
	return m;
}

void message_give(struct api *a, struct message *m)
{
	if (a->spare_n >= MESSAGE_SPARE) {
		arena_free(&m->mem);
		free(m);
		return;
	}
	arena_reset(&m->mem, MESSAGE_KEEP);
	m->next = a->spare;
	a->spare = m;
	a->spare_n++;
}

struct call api_call(struct api *a, const struct method *m, void *request, void *reply, const struct call_again *again)
{
	return (struct call){
	        .method = m,
	        .world = a->world,
	        .arena = &a->arena,
	        .log = &a->log,
	        .rand = &a->rand,
	        .router = &a->router,
	        .now = a->now,
	        .wall = a->wall,
	        .request = request,
	        .reply = reply,
	        .again = *again,
	};
}

void api_put_off(const struct call *c, struct api_wait *wait)
{
	wait->watched = c->watched;
	wait->again = c->again;
	wait->wake = c->wake;
	wait->forward = c->forward;
}
