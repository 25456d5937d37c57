#include "core/api/stats.h"

#include "core/agent/config.h"
#include "core/agent/member.h"
#include "core/base/json.h"
#include "core/base/msgpack.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/leader/peers.h"

enum { SECTIONS_MAX = 8, VALUES_MAX = 24 };

struct stats {
	struct api *api;
	struct arena *arena;
	const struct world *world;
	struct stats_section *sections;
	uint32_t n;
};

static void begin(struct stats *s, struct slice name)
{
	s->sections[s->n++] = (struct stats_section){
	        .name = name, .values = {.items = ARENA_ARRAY(s->arena, struct pair, VALUES_MAX)}};
}

static void put(struct stats *s, struct slice name, struct slice value)
{
	struct list *l = &s->sections[s->n - 1].values;
	if (l->items && l->n < VALUES_MAX)
		((struct pair *)l->items)[l->n++] = (struct pair){name, value};
}

static void put_number(struct stats *s, struct slice name, uint64_t value)
{
	put(s, name, arena_str(s->arena, "%llu", (unsigned long long)value));
}

static void put_bool(struct stats *s, struct slice name, bool value)
{
	put(s, name, value ? S("true") : S("false"));
}

/* ---- the sections, in the order of their names, like the values in them ---- */

static void put_agent(struct stats *s)
{
	begin(s, S("agent"));
	put_number(s, S("check_monitors"), s->world->local_monitors);
	put_number(s, S("check_ttls"), s->world->local_ttl_checks);
	put_number(s, S("checks"), s->world->local_checks);
	put_number(s, S("services"), s->world->local_services);
}

static void put_build(struct stats *s)
{
	const struct agent_config *c = s->world->config;
	begin(s, S("build"));
	put(s, S("prerelease"), c->version_prerelease);
	put(s, S("revision"), c->revision.n > 8 ? (struct slice){c->revision.p, 8} : c->revision);
	put(s, S("version"), c->version);
}

static struct slice tag_of(const struct member *m, const char *key)
{
	const struct pair *tags = m->tags.items;
	for (uint32_t i = 0; i < m->tags.n; i++)
		if (slice_is(tags[i].key, key))
			return tags[i].val;
	return S_NONE;
}

/* Datacenters that members of the WAN pool stand for; names there are "node.datacenter", but only the tag tells. Ours
 * is known without a pool, too. */
static uint64_t known_datacenters(struct stats *s)
{
	const struct world *w = s->world;
	struct slice *seen = ARENA_ARRAY(s->arena, struct slice, db_count(w->db, TREE_MEMBERS_WAN) + 1);
	uint64_t n = 0;
	struct cursor c;
	if (!seen)
		return 0;
	seen[n++] = w->config->datacenter;
	cursor_prefix(&c, w->db, TREE_MEMBERS_WAN, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));) {
		struct slice dc = tag_of(item_payload(it), "dc");
		uint64_t i = 0;
		while (i < n && !slice_eq(seen[i], dc))
			i++;
		if (i == n)
			seen[n++] = dc;
	}
	return n;
}

static uint64_t known_servers(const struct world *w)
{
	uint64_t n = 0;
	struct cursor c;
	cursor_prefix(&c, w->db, TREE_MEMBERS_LAN, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct member *m = item_payload(it);
		n += m->status == MEMBER_ALIVE && slice_is(tag_of(m, "role"), "consul");
	}
	return n;
}

static void put_consul(struct stats *s)
{
	const struct world *w = s->world;
	begin(s, S("consul"));
	if (!w->config->server_mode) {
		put_number(s, S("known_servers"), known_servers(w));
		put_bool(s, S("server"), false);
		return;
	}
	put_bool(s, S("bootstrap"), w->config->bootstrap);
	put_number(s, S("known_datacenters"), known_datacenters(s));
	put_bool(s, S("leader"), world_leading(w));
	put(s, S("leader_addr"), w->leader);
	put_bool(s, S("server"), true);
}

static struct slice last_contact(struct stats *s)
{
	const struct world *w = s->world;
	struct buf text = {0};
	if (world_leading(w))
		return S("0");
	if (!w->leader_contact)
		return S("never");
	dur_print(&text, s->api->now - w->leader_contact);
	struct slice kept = arena_copy(s->arena, buf_view(&text));
	buf_free(&text);
	return kept;
}

/* As Go prints the list. */
static struct slice latest_configuration(struct stats *s)
{
	static const char *const suffrages[] = {
	        [RAFT_VOTER] = "Voter", [RAFT_NONVOTER] = "Nonvoter", [RAFT_STAGING] = "Staging"};
	struct buf text = {0};
	struct cursor c;
	const struct peer *p;
	peers_open(&c, s->world->db);
	while ((p = peers_next(&c)))
		buf_fmt(&text, "%s{Suffrage:%s ID:%.*s Address:%.*s}", text.n ? " " : "[", suffrages[p->suffrage],
		        PS(p->id), PS(p->address));
	buf_cstr(&text, text.n ? "]" : "[]");
	struct slice kept = arena_copy(s->arena, buf_view(&text));
	buf_free(&text);
	return kept;
}

static void put_raft(struct stats *s)
{
	static const char *const roles[] = {[RAFT_FOLLOWER] = "Follower",
	        [RAFT_CANDIDATE] = "Candidate",
	        [RAFT_LEADER] = "Leader",
	        [RAFT_SHUTDOWN] = "Shutdown"};
	const struct world *w = s->world;
	begin(s, S("raft"));
	put_number(s, S("applied_index"), w->applied);
	put_number(s, S("commit_index"), w->commit);
	put_number(s, S("fsm_pending"), 0); /* applied in the turn in which it is committed */
	put(s, S("last_contact"), last_contact(s));
	put_number(s, S("last_log_index"), w->last_log);
	put_number(s, S("last_log_term"), w->last_log_term);
	put_number(s, S("last_snapshot_index"), w->last_snapshot);
	put_number(s, S("last_snapshot_term"), w->last_snapshot_term);
	put(s, S("latest_configuration"), latest_configuration(s));
	put_number(s, S("latest_configuration_index"), w->configuration_index);
	put_number(s, S("num_peers"), w->voter && w->voters ? w->voters - 1 : 0);
	put_number(s, S("protocol_version"), w->config->raft_protocol ? (uint64_t)w->config->raft_protocol : 3);
	put_number(s, S("protocol_version_max"), 3);
	put_number(s, S("protocol_version_min"), 0);
	put_number(s, S("snapshot_version_max"), 1);
	put_number(s, S("snapshot_version_min"), 0);
	put(s, S("state"), slice_of(roles[w->role]));
	put_number(s, S("term"), w->term);
}

static void put_runtime(struct stats *s)
{
	begin(s, S("runtime"));
#if defined __x86_64__
	put(s, S("arch"), S("amd64"));
#elif defined __aarch64__
	put(s, S("arch"), S("arm64"));
#else
	put(s, S("arch"), S("unknown"));
#endif
	put_number(s, S("cpu_count"), s->api->processors);
	put_number(s, S("goroutines"), s->api->threads);
	put_number(s, S("max_procs"), s->api->processors);
	put(s, S("os"), S("linux"));
	put(s, S("version"), S("c11"));
}

static void put_pool(struct stats *s, struct slice name, const struct gossip_stats *p)
{
	begin(s, name);
	put_number(s, S("coordinate_resets"), p->coordinate_resets);
	put_bool(s, S("encrypted"), p->encrypted);
	put_number(s, S("event_queue"), p->event_queue);
	put_number(s, S("event_time"), p->event_time);
	put_number(s, S("failed"), p->failed);
	put_number(s, S("health_score"), p->health_score);
	put_number(s, S("intent_queue"), p->intent_queue);
	put_number(s, S("left"), p->left);
	put_number(s, S("member_time"), p->member_time);
	put_number(s, S("members"), p->members);
	put_number(s, S("query_queue"), p->query_queue);
	put_number(s, S("query_time"), p->query_time);
}

struct list stats_of(struct api *a)
{
	const struct world *w = a->world;
	struct stats s = {.api = a, .arena = &a->arena, .world = w};
	s.sections = ARENA_ARRAY(s.arena, struct stats_section, SECTIONS_MAX);
	if (!s.sections)
		return (struct list){0};
	put_agent(&s);
	put_build(&s);
	put_consul(&s);
	if (w->config->server_mode)
		put_raft(&s);
	put_runtime(&s);
	put_pool(&s, S("serf_lan"), &w->lan);
	if (w->config->server_mode && w->config->serf_wan_addr.kind != CONFIG_ADDR_NONE)
		put_pool(&s, S("serf_wan"), &w->wan);
	return a->arena.failed ? (struct list){0} : (struct list){s.sections, s.n};
}

/* ---- encodings ---- */

static void put_json_section(struct buf *out, const struct stats_section *s, unsigned indent, unsigned depth)
{
	const struct pair *pairs = s->values.items;
	json_string(out, s->name);
	buf_cstr(out, indent ? ": {" : ":{");
	for (uint32_t i = 0; i < s->values.n; i++) {
		if (i)
			buf_char(out, ',');
		json_newline(out, indent, depth + 1);
		json_string(out, pairs[i].key);
		buf_cstr(out, indent ? ": " : ":");
		json_string(out, pairs[i].val);
	}
	json_newline(out, indent, depth);
	buf_char(out, '}');
}

void stats_put_json(struct buf *out, struct list sections, unsigned indent, unsigned depth)
{
	const struct stats_section *all = sections.items;
	buf_char(out, '{');
	for (uint32_t i = 0; i < sections.n; i++) {
		if (i)
			buf_char(out, ',');
		json_newline(out, indent, depth + 1);
		put_json_section(out, &all[i], indent, depth + 1);
	}
	if (sections.n)
		json_newline(out, indent, depth);
	buf_char(out, '}');
}

void stats_put_msgpack(struct buf *out, struct list sections)
{
	const struct stats_section *all = sections.items;
	mp_put_map(out, sections.n);
	for (uint32_t i = 0; i < sections.n; i++) {
		const struct pair *pairs = all[i].values.items;
		mp_put_str_new(out, all[i].name);
		mp_put_map(out, all[i].values.n);
		for (uint32_t k = 0; k < all[i].values.n; k++) {
			mp_put_str_new(out, pairs[k].key);
			mp_put_str_new(out, pairs[k].val);
		}
	}
}
