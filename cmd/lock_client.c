/* Locks and semaphores over a client. */
#include "cmd/lock_client.h"

#include <time.h>
#include <unistd.h>

#include "core/base/json.h"
#include "core/base/slice.h"

#define LOCK_FLAGS UINT64_C(0x2ddccbc058a50c18)
#define SEMAPHORE_FLAGS UINT64_C(0xe0f69a2baa414de0)
#define SESSION_TTL "15s"

enum { WAIT_SECONDS = 15, RETRY_SECONDS = 5, WATCH_RETRY_SECONDS = 1, HOLDERS_MAX = 4096 };

static const struct kv_wait at_once;

static struct slice session_id(const struct lock *l)
{
	return slice_of(l->session.id);
}

static enum err session_begin(struct lock *l, struct fail *f)
{
	struct buf body = {0};
	BUF_LIT(&body, "{\"Name\":");
	json_string(&body, slice_of(l->name));
	buf_fmt(&body, ",\"TTL\":\"%s\"%s}\n", SESSION_TTL, l->limit > 1 ? ",\"Behavior\":\"delete\"" : "");
	enum err e = session_client_create(l->c, buf_view(&body), &l->session, f);
	buf_free(&body);
	if (e != OK)
		return fail_wrap(f, "failed to create session");
	l->session.renew_every = 15 * NS_PER_S / 2;
	session_keep(&l->session);
	return OK;
}

/* ---- patience ---- */

static mono_ns now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

struct attempts {
	mono_ns began;
	unsigned n;
	struct kv_wait wait;
};

static struct attempts attempts_begin(const struct lock *l)
{
	return (struct attempts){now(), 0, {.wait = l->patience ? l->patience : WAIT_SECONDS * NS_PER_S}};
}

/* May there be one more? Each but the first takes what has passed since the beginning from the wait that is left, as
 * the reference does (which is more impatient than one would think). */
static bool attempts_next(struct attempts *a, const struct lock *l)
{
	if (l->patience && a->n) {
		dur_ns passed = now() - a->began;
		if (passed > a->wait.wait)
			return false;
		a->wait.wait -= passed;
	}
	a->n++;
	return true;
}

/* ---- a lock ---- */

static struct kv_pair lock_entry(const struct lock *l)
{
	return (struct kv_pair){.key = l->key, .session = session_id(l), .flags = LOCK_FLAGS};
}

/* Reads the key, waiting as the attempt says. */
static enum err lock_look(
        struct lock *l, struct attempts *a, struct kv_pair *p, bool *there, raft_index *index, struct fail *f)
{
	*p = (struct kv_pair){0};
	if (kv_client_get(l->c, l->key, &a->wait, p, there, index, f) != OK)
		return fail_wrap(f, "failed to read lock");
	if (*there && p->flags != LOCK_FLAGS)
		return fail_set(f, ERR_FAILED, "Existing key does not match lock use");
	return OK;
}

/* Nobody had it a moment ago: takes it. If that fails, either somebody was faster (a->wait.index: wait for a change) or
 * a lock delay runs, of which no change will tell. */
static enum err lock_take(struct lock *l, struct attempts *a, bool *held, struct fail *f)
{
	struct kv_pair entry = lock_entry(l), p = {0};
	if (kv_put(l->c, KV_ACQUIRE, &entry, held, f) != OK)
		return fail_wrap(f, "failed to acquire lock");
	if (*held)
		return OK;
	bool there;
	raft_index index = 0;
	struct fail ignored;
	a->wait.index = 0;
	if (kv_client_get(l->c, l->key, &a->wait, &p, &there, &index, &ignored) == OK && there && p.session.n)
		a->wait.index = index;
	else
		sleep(RETRY_SECONDS);
	return OK;
}

static enum err lock_wait(struct lock *l, bool *held, struct fail *f)
{
	struct attempts a = attempts_begin(l);
	for (*held = false; !*held && attempts_next(&a, l); arena_reset(client_arena(l->c), 1 << 16)) {
		struct kv_pair p;
		bool there;
		raft_index index = 0;
		if (lock_look(l, &a, &p, &there, &index, f) != OK)
			return f->code;
		if (there && slice_eq(p.session, session_id(l)))
			*held = true;
		else if (there && p.session.n)
			a.wait.index = index;
		else if (lock_take(l, &a, held, f) != OK)
			return f->code;
	}
	return OK;
}

static enum err lock_give_back(struct lock *l, struct fail *f)
{
	bool done;
	struct kv_pair entry = lock_entry(l);
	return kv_put(l->c, KV_RELEASE, &entry, &done, f) == OK ? OK : fail_wrap(f, "failed to release lock");
}

static enum err lock_remove(struct lock *l, bool *in_use, struct fail *f)
{
	struct kv_pair p;
	bool there, done;
	*in_use = false;
	if (kv_client_get(l->c, l->key, &at_once, &p, &there, NULL, f) != OK)
		return fail_wrap(f, "failed to read lock");
	if (!there)
		return OK;
	if (p.flags != LOCK_FLAGS)
		return fail_set(f, ERR_FAILED, "Existing key does not match lock use");
	*in_use = p.session.n != 0;
	if (*in_use)
		return OK;
	if (kv_remove(l->c, KV_DELETE_CAS, l->key, p.modify_index, &done, f) != OK)
		return fail_wrap(f, "failed to remove lock");
	*in_use = !done;
	return OK;
}

/* ---- a semaphore ---- */

struct holders {
	uint64_t limit;
	struct slice ids[HOLDERS_MAX];
	size_t n;
	raft_index modify_index; /* of the key; 0: there is none */
	uint64_t flags;
};

static struct slice contender_key(const struct lock *l)
{
	return arena_str(
	        client_arena(l->c), "%.*s%.*s", (int)(l->key.n - strlen(".lock")), l->key.p, PS(session_id(l)));
}

static bool holds(const struct holders *h, struct slice id)
{
	for (size_t i = 0; i < h->n; i++)
		if (slice_eq(h->ids[i], id))
			return true;
	return false;
}

static void holder_remove(struct holders *h, size_t i)
{
	h->ids[i] = h->ids[--h->n];
}

static enum err holders_decode(
        const struct lock *l, struct client *c, const struct kv_pair *p, struct holders *h, struct fail *f)
{
	struct value v;
	*h = (struct holders){.limit = l->limit, .flags = SEMAPHORE_FLAGS};
	if (!p)
		return OK;
	h->modify_index = p->modify_index;
	h->flags = p->flags;
	if (!p->value.p)
		return OK;
	if (json_read(p->value, client_arena(c), &v, f) != OK)
		return fail_wrap(f, "lock decoding failed");
	h->limit = value_number(&v, "Limit");
	const struct value *list = value_get_fold(&v, S("Holders"));
	for (uint32_t i = 0; list && list->type == V_OBJECT && i < list->n && h->n < HOLDERS_MAX; i++)
		h->ids[h->n++] = list->entries[i].key;
	return OK;
}

static const struct kv_pair *pair_find(const struct kv_pair *pairs, size_t n, struct slice key)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(pairs[i].key, key))
			return &pairs[i];
	return NULL;
}

static void dead_prune(struct holders *h, const struct kv_pair *pairs, size_t n)
{
	for (size_t i = h->n; i-- > 0;) {
		bool alive = false;
		for (size_t k = 0; k < n; k++)
			alive |= slice_eq(pairs[k].session, h->ids[i]);
		if (!alive)
			holder_remove(h, i);
	}
}

/* Who holds a slot: the dead are left out. */
static enum err holders_read(const struct lock *l, struct client *c, const struct kv_wait *w, struct holders *h,
        raft_index *index, struct fail *f)
{
	struct kv_pair *pairs;
	size_t n;
	if (kv_client_list(c, l->prefix, w, &pairs, &n, index, f) != OK)
		return fail_wrap(f, "failed to read prefix");
	const struct kv_pair *p = pair_find(pairs, n, l->key);
	if (p && p->flags != SEMAPHORE_FLAGS) {
		h->flags = p->flags;
		return OK;
	}
	if (holders_decode(l, c, p, h, f) != OK)
		return f->code;
	dead_prune(h, pairs, n);
	return OK;
}

static enum err holders_write(struct lock *l, const struct holders *h, bool *done, struct fail *f)
{
	struct buf value = {0};
	buf_fmt(&value, "{\"Limit\":%llu,\"Holders\":{", (unsigned long long)h->limit);
	for (size_t i = 0; i < h->n; i++) {
		buf_cstr(&value, i ? "," : "");
		json_string(&value, h->ids[i]);
		BUF_LIT(&value, ":true");
	}
	BUF_LIT(&value, "}}");
	struct kv_pair p = {l->key, buf_view(&value), .flags = SEMAPHORE_FLAGS, .modify_index = h->modify_index};
	enum err e = kv_put(l->c, KV_CAS, &p, done, f);
	buf_free(&value);
	return e == OK ? OK : fail_wrap(f, "failed to update lock");
}

static enum err contend(struct lock *l, struct fail *f)
{
	bool made = false;
	struct kv_pair p = {contender_key(l), S_NONE, session_id(l), .flags = SEMAPHORE_FLAGS};
	if (kv_put(l->c, KV_ACQUIRE, &p, &made, f) != OK)
		return fail_wrap(f, "failed to make contender entry");
	return made ? OK : fail_set(f, ERR_FAILED, "failed to make contender entry: <nil>");
}

static enum err slot_try(struct lock *l, struct attempts *a, struct holders *h, bool *held, struct fail *f)
{
	raft_index index = 0;
	if (holders_read(l, l->c, &a->wait, h, &index, f) != OK)
		return f->code;
	if (h->flags != SEMAPHORE_FLAGS)
		return fail_set(f, ERR_FAILED, "Existing key does not match semaphore use");
	if (h->limit != l->limit)
		return fail_set(f, ERR_FAILED, "semaphore limit conflict (lock: %llu, local: %llu)",
		        (unsigned long long)h->limit, (unsigned long long)l->limit);
	if (h->n >= h->limit || h->n == HOLDERS_MAX) {
		a->wait.index = index;
		return OK;
	}
	h->ids[h->n++] = session_id(l);
	return holders_write(l, h, held, f);
}

static enum err slot_wait(struct lock *l, bool *held, struct fail *f)
{
	static struct holders h; /* too large for a stack; one lock a process */
	if (contend(l, f) != OK)
		return f->code;
	struct attempts a = attempts_begin(l);
	for (*held = false; !*held && attempts_next(&a, l); arena_reset(client_arena(l->c), 1 << 16))
		if (slot_try(l, &a, &h, held, f) != OK)
			return f->code;
	return OK;
}

static enum err slot_give_back(struct lock *l, struct fail *f)
{
	static struct holders h;
	for (bool done = false; !done;) {
		struct kv_pair p;
		bool there;
		if (kv_client_get(l->c, l->key, &at_once, &p, &there, NULL, f) != OK ||
		        holders_decode(l, l->c, there ? &p : NULL, &h, f) != OK)
			return f->code;
		size_t i = 0;
		while (i < h.n && !slice_eq(h.ids[i], session_id(l)))
			i++;
		if (i == h.n)
			break;
		holder_remove(&h, i);
		if (holders_write(l, &h, &done, f) != OK)
			return f->code;
	}
	bool done;
	return kv_remove(l->c, KV_DELETE, contender_key(l), 0, &done, f);
}

static enum err slots_remove(struct lock *l, bool *in_use, struct fail *f)
{
	static struct holders h;
	bool done;
	*in_use = false;
	if (holders_read(l, l->c, &at_once, &h, NULL, f) != OK)
		return f->code;
	if (h.flags != SEMAPHORE_FLAGS)
		return fail_set(f, ERR_FAILED, "Existing key does not match semaphore use");
	*in_use = h.n != 0;
	if (!h.modify_index || *in_use)
		return OK;
	if (kv_remove(l->c, KV_DELETE_CAS, l->key, h.modify_index, &done, f) != OK)
		return fail_wrap(f, "failed to remove semaphore");
	*in_use = !done;
	return OK;
}

/* ---- either ---- */

enum err lock_acquire(struct lock *l, bool *held, struct fail *f)
{
	*held = false;
	if (session_begin(l, f) != OK)
		return f->code;
	enum err e = l->limit == 1 ? lock_wait(l, held, f) : slot_wait(l, held, f);
	struct fail ignored;
	if (!*held)
		session_client_destroy(l->c, &l->session, &ignored);
	return e;
}

/* Do we hold it, as far as can be told? *index is what to wait for next. */
static enum err held_still(
        const struct lock *l, struct client *c, const struct kv_wait *w, bool *held, raft_index *index, struct fail *f)
{
	static struct holders h;
	struct kv_pair p;
	bool there;
	if (l->limit > 1) {
		if (holders_read(l, c, w, &h, index, f) != OK)
			return f->code;
		*held = h.flags == SEMAPHORE_FLAGS && holds(&h, session_id(l));
		return OK;
	}
	if (kv_client_get(c, l->key, w, &p, &there, index, f) != OK)
		return f->code;
	*held = there && slice_eq(p.session, session_id(l));
	return OK;
}

void lock_watch(const struct lock *l, struct client *c)
{
	struct kv_wait w = {.consistent = true};
	int64_t retries = l->retries;
	for (bool held = true; held; arena_reset(client_arena(c), 1 << 16)) {
		struct fail f;
		if (held_still(l, c, &w, &held, &w.index, &f) == OK) {
			retries = l->retries;
			continue;
		}
		/* Only what may pass by itself is borne: no answer, or a 500. */
		bool passing = f.code != ERR_FAILED || slice_search(slice_of(f.text), S("code: 500")) >= 0;
		if (!passing || retries-- <= 0)
			return;
		sleep(WATCH_RETRY_SECONDS);
		w.index = 0;
	}
}

enum err lock_release(struct lock *l, struct fail *f)
{
	enum err e = l->limit == 1 ? lock_give_back(l, f) : slot_give_back(l, f);
	struct fail ignored;
	session_client_destroy(l->c, &l->session, &ignored);
	return e;
}

enum err lock_clean(struct lock *l, bool *in_use, struct fail *f)
{
	return l->limit == 1 ? lock_remove(l, in_use, f) : slots_remove(l, in_use, f);
}
