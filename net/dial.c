#include "net/dial.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/socket.h"

enum { TIMEOUT_S = 10 };

/* The last thing done with an attempt: the owner may begin another one, or free it, inside. */
static void finish(struct dial *d, const struct fail *f)
{
	loop_timer_stop(d->loop, &d->timer);
	d->busy = false;
	d->done(d, f);
}

static void fail_dial(struct dial *d, const struct fail *f)
{
	struct fail copy = *f;
	stream_close(&d->stream);
	finish(d, &copy);
}

/* ---- connected ---- */

static bool say(struct dial *d, uint8_t byte)
{
	struct iovec part = {&byte, 1};
	return stream_send(&d->stream, &part, 1);
}

static bool greet(struct dial *d)
{
	const struct dial_settings *set = &d->set;
	if (set->tls) {
		/* The stream counts as unused for TLS only when this byte has left. */
		if (!say(d, set->tls_byte) || stream_waiting(&d->stream) || !tls_connect(&d->stream, set->tls))
			return false;
	}
	return !set->says_first || say(d, set->first);
}

static void dial_ready(struct watch *w, uint32_t events)
{
	struct dial *d = HEAP_OWNER(w, struct dial, stream.watch);
	struct fail f;
	(void)events;
	if (socket_connected_from(w->fd, &d->set.from, &d->set.to, &f)) {
		fail_dial(d, &f);
		return;
	}
	if (!greet(d)) {
		const char *tls = tls_error(&d->stream);
		fail_set(&f, ERR_IO, "%s", tls ? tls : socket_error_text(errno));
		fail_dial(d, &f);
		return;
	}
	stream_leave(&d->stream);
	finish(d, NULL);
}

/* A timer ends an attempt that failed at once, too: the owner is never called from within dial_start. */
static void dial_late(struct timer *t)
{
	struct dial *d = HEAP_OWNER(t, struct dial, timer);
	struct fail f = {0};
	if (d->fail) {
		f = *d->fail;
		free(d->fail);
		d->fail = NULL;
	} else {
		socket_dial_fail(&f, ERR_TIMEOUT, &d->set.from, &d->set.to, "i/o timeout");
	}
	fail_dial(d, &f);
}

/* ---- for the owner ---- */

static bool begin(struct dial *d, struct fail *f)
{
	bool done;
	int fd = socket_connect_from(&d->set.from, &d->set.to, &done, f);
	if (fd < 0)
		return false;
	if (!stream_open(&d->stream, d->loop, fd, dial_ready)) {
		socket_dial_fail(f, ERR_IO, &d->set.from, &d->set.to, socket_error_text(errno));
		stream_close(&d->stream);
		return false;
	}
	loop_mod(d->loop, &d->stream.watch, EPOLLOUT);
	return true;
}

static void keep_tls(struct dial *d, const struct tls_settings *tls)
{
	if (!tls)
		return;
	d->tls = *tls;
	d->set.tls = &d->tls;
	if (tls->server_name)
		d->tls.server_name = slice_cstr(slice_of(tls->server_name), d->server_name, sizeof d->server_name);
}

void dial_start(struct dial *d, struct loop *l, const struct dial_settings *set)
{
	MUST(d->done && !d->busy);
	struct fail f;
	d->loop = l;
	d->set = *set;
	keep_tls(d, set->tls);
	d->busy = true;
	d->timer = (struct timer){.fire = dial_late};
	dur_ns timeout = set->timeout ? set->timeout : TIMEOUT_S * NS_PER_S;
	if (!begin(d, &f)) {
		d->fail = malloc(sizeof *d->fail);
		if (d->fail)
			*d->fail = f;
		timeout = 0;
	}
	loop_timer(l, &d->timer, l->now + timeout);
}

bool dial_take(struct dial *d, struct stream *to, void (*ready)(struct watch *w, uint32_t events))
{
	MUST(d->stream.left);
	*to = d->stream;
	d->stream = (struct stream){0};
	if (stream_join(to, d->loop, ready))
		return true;
	stream_close(to);
	return false;
}

void dial_stop(struct dial *d)
{
	if (!d->busy)
		return;
	d->busy = false;
	loop_timer_stop(d->loop, &d->timer);
	stream_close(&d->stream);
	free(d->fail);
	d->fail = NULL;
}
