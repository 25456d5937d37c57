#include "core/agent/user_events.h"

#include "core/agent/local.h"

#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/pattern.h"
#include "core/base/slice.h"

#define EVENT(member, mp, go, ftype, fflags)                                                                           \
	{                                                                                                              \
		.name = mp, .json = go, .type = ftype, .offset = offsetof(struct user_event, member), .flags = fflags  \
	}
static const struct field user_event_fields[] = {
        EVENT(id, "ID", "ID", F_STR, 0),
        EVENT(name, "n", "Name", F_STR, 0),
        EVENT(payload, "p", "Payload", F_BYTES, FF_MP_OMITEMPTY),
        EVENT(node_filter, "nf", "NodeFilter", F_STR, FF_MP_OMITEMPTY),
        EVENT(service_filter, "sf", "ServiceFilter", F_STR, FF_MP_OMITEMPTY),
        EVENT(tag_filter, "tf", "TagFilter", F_STR, FF_MP_OMITEMPTY),
        EVENT(version, "v", "Version", F_INT, 0),
        EVENT(ltime, "LTime", "LTime", F_UINT, FF_NO_MSGPACK),
};
const struct schema user_event_schema = SCHEMA(struct user_event, "agent.UserEvent", user_event_fields);

void user_events_init(
        struct user_events *u, struct db *db, const struct agent_config *c, struct rand *r, struct logbuf *log)
{
	*u = (struct user_events){.db = db, .config = c, .rand = r, .log = log};
}

/* ---- firing ---- */

static enum err filter_check(const char *what, struct slice text, struct fail *f)
{
	struct pattern *p = NULL;
	if (!text.n)
		return OK;
	if (pattern_compile(text, &p, f)) {
		fail_wrap(f, "Invalid %s filter", what);
		return f->code = ERR_FAILED;
	}
	pattern_free(p);
	return OK;
}

enum err user_event_check(const struct user_event *e, struct fail *f)
{
	if (e->tag_filter.n && !e->service_filter.n)
		return fail_set(f, ERR_FAILED, "Cannot provide tag filter without service filter");
	enum err err = filter_check("node", e->node_filter, f);
	err = err ? err : filter_check("service", e->service_filter, f);
	return err ? err : filter_check("tag", e->tag_filter, f);
}

struct slice user_event_stamp(struct user_events *u, struct user_event *e, struct arena *a)
{
	char id[UUID_TEXT + 1];
	struct buf b = {0};
	uuid_make(u->rand, id);
	if (!e->id.n) /* else whoever asked us to fire it has made one */
		e->id = arena_copy(a, slice_of(id));
	e->version = USER_EVENT_VERSION;
	e->ltime = 0;
	schema_mp_write(&b, &user_event_schema, e);
	struct slice payload = arena_copy(a, buf_view(&b));
	buf_free(&b);
	return payload;
}

/* ---- taking in ---- */

static struct pattern *filter_of(struct user_events *u, const char *what, struct slice text, const struct user_event *e)
{
	struct pattern *p = NULL;
	struct fail f;
	if (pattern_compile(text, &p, &f))
		log_err(u->log, "agent: Failed to parse %s filter '%.*s' for event '%.*s': %s", what, PS(text),
		        PS(e->name), f.text);
	return p;
}

static bool matches(struct pattern *p, struct slice text)
{
	return p && pattern_match(p, text);
}

static bool has_tag(struct pattern *tag, struct list tags)
{
	const struct slice *items = tags.items;
	for (uint32_t i = 0; i < tags.n; i++)
		if (pattern_match(tag, items[i]))
			return true;
	return false;
}

/* Has a service here whose id matches, and a tag of it, too, if one is asked for? */
static bool has_service(struct user_events *u, struct pattern *service, struct pattern *tag)
{
	struct cursor c;
	cursor_prefix(&c, db_working(u->db), TREE_LOCAL_SERVICES, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));)
		if (pattern_match(service, item_key(it)) &&
		        (!tag || has_tag(tag, ((const struct local_service *)item_payload(it))->service.tags)))
			return true;
	return false;
}

static bool for_our_node(struct user_events *u, const struct user_event *e)
{
	if (!e->node_filter.n)
		return true;
	struct pattern *p = filter_of(u, "node", e->node_filter, e);
	bool ours = matches(p, u->config->node_name);
	pattern_free(p);
	return ours;
}

static bool for_our_services(struct user_events *u, const struct user_event *e)
{
	if (!e->service_filter.n)
		return true;
	struct pattern *service = filter_of(u, "service", e->service_filter, e);
	struct pattern *tag = e->tag_filter.n ? filter_of(u, "tag", e->tag_filter, e) : NULL;
	bool ours = service && (tag || !e->tag_filter.n) && has_service(u, service, tag);
	pattern_free(service);
	pattern_free(tag);
	return ours;
}

static void number_key(uint64_t n, char out[static 8])
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		out[i] = (char)(n & 0xff);
}

static void keep(struct user_events *u, const struct user_event *e)
{
	char key[8];
	number_key(u->next, key);
	struct item *it = model_item(u->db, slice_at(key, sizeof key), &user_event_schema, e);
	if (!it)
		return;
	if (!db_put(u->db, TREE_EVENTS, it)) {
		db_item_drop(u->db, it);
		return;
	}
	if (u->next >= USER_EVENTS_MAX) {
		number_key(u->next - USER_EVENTS_MAX, key);
		db_remove(u->db, TREE_EVENTS, slice_at(key, sizeof key));
	}
	u->next++;
}

static bool take(struct user_events *u, const struct user_event *e)
{
	if (e->version > USER_EVENT_VERSION)
		log_warn(u->log, "agent: Event version %lld may have unsupported features (%.*s)",
		        (long long)e->version, PS(e->name));
	if (!for_our_node(u, e) || !for_our_services(u, e))
		return false;
	if (slice_is(e->name, "_rexec")) {
		if (u->config->disable_remote_exec)
			log_info(u->log, "agent: ignoring remote exec event (%.*s), disabled.", PS(e->id));
		return !u->config->disable_remote_exec;
	}
	log_debug(u->log, "agent: new event: %.*s (%.*s)", PS(e->name), PS(e->id));
	keep(u, e);
	return false;
}

bool user_events_take(
        struct user_events *u, uint64_t ltime, struct slice payload, struct arena *mem, struct user_event *run)
{
	struct mp_reader r = mp_read(payload);
	*run = (struct user_event){0};
	schema_mp_read(&r, &user_event_schema, run, mem);
	run->ltime = ltime;
	if (!r.failed)
		return take(u, run);
	log_err(u->log, "agent: Failed to decode event: msgpack decode error");
	return false;
}

/* ---- the index ---- */

static uint64_t hex_value(struct slice id, size_t from, size_t to)
{
	uint64_t v = 0;
	for (size_t i = from; i < to && i < id.n; i++) {
		char c = id.p[i];
		unsigned digit = c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
		if (c != '-')
			v = v << 4 | (digit & 15);
	}
	return v;
}

uint64_t user_event_index(struct slice id)
{
	return hex_value(id, 0, 18) ^ hex_value(id, 19, UUID_TEXT);
}
