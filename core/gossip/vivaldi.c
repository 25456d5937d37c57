#include "core/gossip/vivaldi.h"

#include <math.h>

#include "core/gossip/message.h"

/* The constants of Serf's default configuration. */
#define ERROR_MAX 1.5
#define TUNE_ERROR 0.25
#define TUNE_FORCE 0.25
#define HEIGHT_MIN 10.0e-6
#define GRAVITY_RHO 150.0
#define NEAR_ZERO 1.0e-6
#define RTT_MAX (10 * NS_PER_S)

static const struct vivaldi_point fresh = {.error = ERROR_MAX, .height = HEIGHT_MIN};

void vivaldi_init(struct vivaldi *v)
{
	*v = (struct vivaldi){.at = fresh};
}

bool vivaldi_valid(const struct vivaldi_point *c)
{
	for (int i = 0; i < VIVALDI_DIMENSIONS; i++)
		if (!isfinite(c->vec[i]))
			return false;
	return isfinite(c->error) && isfinite(c->adjustment) && isfinite(c->height);
}

static double magnitude(const double v[static VIVALDI_DIMENSIONS])
{
	double sum = 0;
	for (int i = 0; i < VIVALDI_DIMENSIONS; i++)
		sum += v[i] * v[i];
	return sqrt(sum);
}

static double distance_raw(const struct vivaldi_point *a, const struct vivaldi_point *b)
{
	double between[VIVALDI_DIMENSIONS];
	for (int i = 0; i < VIVALDI_DIMENSIONS; i++)
		between[i] = a->vec[i] - b->vec[i];
	return magnitude(between) + a->height + b->height;
}

dur_ns vivaldi_distance(const struct vivaldi_point *a, const struct vivaldi_point *b)
{
	double raw = distance_raw(a, b), adjusted = raw + a->adjustment + b->adjustment;
	double ns = (adjusted > 0 ? adjusted : raw) * 1.0e9;
	return fabs(ns) < 9.2e18 ? (dur_ns)ns : INT64_MIN; /* as Go converts what does not fit */
}

static double seconds(dur_ns d)
{
	return (double)(d / NS_PER_S) + (double)(d % NS_PER_S) / 1e9;
}

/* The unit vector from b to a, and how far they are; 0 (and any direction) when they coincide. */
static double direction(const struct vivaldi_point *a, const struct vivaldi_point *b, double unit[VIVALDI_DIMENSIONS],
        struct rand *random)
{
	for (int i = 0; i < VIVALDI_DIMENSIONS; i++)
		unit[i] = a->vec[i] - b->vec[i];
	double far = magnitude(unit), scale = far;
	if (far <= NEAR_ZERO) {
		for (int i = 0; i < VIVALDI_DIMENSIONS; i++)
			unit[i] = rand_unit(random) - 0.5;
		far = 0;
		scale = magnitude(unit);
	}
	if (scale <= NEAR_ZERO) {
		memset(unit, 0, sizeof(double) * VIVALDI_DIMENSIONS);
		unit[0] = scale = 1;
	}
	for (int i = 0; i < VIVALDI_DIMENSIONS; i++)
		unit[i] *= 1.0 / scale;
	return far;
}

static void push(struct vivaldi_point *c, double force, const struct vivaldi_point *from, struct rand *random)
{
	double unit[VIVALDI_DIMENSIONS];
	double far = direction(c, from, unit, random);
	for (int i = 0; i < VIVALDI_DIMENSIONS; i++)
		c->vec[i] += unit[i] * force;
	if (far > NEAR_ZERO)
		c->height = fmax((c->height + from->height) * force / far + c->height, HEIGHT_MIN);
}

/* The median of the last samples, the new one included. */
static double filter(struct vivaldi_samples *s, double rtt)
{
	if (s->n == VIVALDI_SAMPLES)
		memmove(s->rtt, s->rtt + 1, sizeof(double) * --s->n);
	s->rtt[s->n++] = rtt;
	double sorted[VIVALDI_SAMPLES];
	for (int i = 0; i < s->n; i++) {
		int at = i;
		for (; at > 0 && sorted[at - 1] > s->rtt[i]; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = s->rtt[i];
	}
	return sorted[s->n / 2];
}

static void update_place(struct vivaldi *v, const struct vivaldi_point *other, double rtt, struct rand *random)
{
	struct vivaldi_point *c = &v->at;
	double dist = seconds(vivaldi_distance(c, other));
	rtt = fmax(rtt, NEAR_ZERO);
	double wrong = fabs(dist - rtt) / rtt;
	double weight = c->error / fmax(c->error + other->error, NEAR_ZERO);
	c->error = fmin(TUNE_ERROR * weight * wrong + c->error * (1.0 - TUNE_ERROR * weight), ERROR_MAX);
	push(c, TUNE_FORCE * weight * (rtt - dist), other, random);
}

static void update_adjustment(struct vivaldi *v, const struct vivaldi_point *other, double rtt)
{
	double sum = 0;
	v->window[v->window_at] = rtt - distance_raw(&v->at, other);
	v->window_at = (v->window_at + 1) % VIVALDI_WINDOW;
	for (int i = 0; i < VIVALDI_WINDOW; i++)
		sum += v->window[i];
	v->at.adjustment = sum / (2.0 * VIVALDI_WINDOW);
}

static void update_gravity(struct vivaldi *v, struct rand *random)
{
	double dist = seconds(vivaldi_distance(&fresh, &v->at)) / GRAVITY_RHO;
	push(&v->at, -1.0 * (dist * dist), &fresh, random);
}

bool vivaldi_update(struct vivaldi *v, struct vivaldi_samples *samples, const struct vivaldi_point *other, dur_ns rtt,
        struct rand *random)
{
	if (!vivaldi_valid(other) || rtt < 0 || rtt > RTT_MAX)
		return false;
	double filtered = filter(samples, seconds(rtt));
	update_place(v, other, filtered, random);
	update_adjustment(v, other, filtered);
	update_gravity(v, random);
	if (!vivaldi_valid(&v->at)) {
		v->resets++;
		v->at = fresh;
	}
	return true;
}

enum { PING_VERSION = 1 };

void vivaldi_put(struct buf *out, const struct vivaldi_point *c)
{
	double vec[VIVALDI_DIMENSIONS];
	memcpy(vec, c->vec, sizeof vec);
	struct msg_coordinate m = {{vec, VIVALDI_DIMENSIONS}, c->error, c->adjustment, c->height};
	message_put(out, PING_VERSION, &msg_coordinate_schema, &m);
}

bool vivaldi_get(struct slice payload, struct arena *a, struct vivaldi_point *out, const char **why)
{
	struct msg_coordinate m;
	*why = NULL;
	if (payload.p[0] != PING_VERSION) {
		*why = "Unsupported ping version";
		return false;
	}
	if (!message_get((struct slice){payload.p + 1, payload.n - 1}, &msg_coordinate_schema, &m, a, NULL)) {
		*why = "Failed to decode coordinate from ping";
		return false;
	}
	if (m.vec.n != VIVALDI_DIMENSIONS)
		return false;
	*out = (struct vivaldi_point){.error = m.error, .adjustment = m.adjustment, .height = m.height};
	memcpy(out->vec, m.vec.items, sizeof out->vec);
	return true;
}
