/* Who is a server of the group. A configuration takes effect when it is appended, and goes when its entry is cut off:
 * then the one before, which is committed, holds again. One change at a time. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft_machine.h"

/* ---- lists ---- */

size_t raft_members_voters(const struct raft_members *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n; i++)
		n += m->servers[i].suffrage == RAFT_VOTER;
	return n;
}

size_t raft_members_quorum(const struct raft_members *m)
{
	return raft_members_voters(m) / 2 + 1;
}

bool raft_members_vote(const struct raft_members *m, const char *id)
{
	for (size_t i = 0; i < m->n; i++)
		if (slice_is(m->servers[i].id, id))
			return m->servers[i].suffrage == RAFT_VOTER;
	return false;
}

bool raft_members_name(struct slice s)
{
	return s.n && s.n <= RAFT_NAME_MAX && slice_find(s, 0) < 0;
}

bool raft_members_alone(const struct raft *r)
{
	return raft_members_voters(&r->latest) == 1 && raft_members_vote(&r->latest, r->id);
}

void raft_members_free(struct raft_members *m)
{
	arena_free(&m->mem);
	*m = (struct raft_members){0};
}

bool raft_members_set(struct raft_members *m, raft_index index, const struct raft_server *servers, size_t n)
{
	struct raft_members next = {.index = index, .n = n};
	next.servers = ARENA_ARRAY(&next.mem, struct raft_server, n);
	for (size_t i = 0; next.servers && i < n; i++) {
		next.servers[i].id = arena_copy(&next.mem, servers[i].id);
		next.servers[i].address = arena_copy(&next.mem, servers[i].address);
		next.servers[i].suffrage = servers[i].suffrage;
	}
	if (next.mem.failed) {
		arena_free(&next.mem);
		return false;
	}
	raft_members_free(m);
	*m = next;
	return true;
}

static const char *suffrage_name(unsigned suffrage)
{
	static const char *const names[] = {"Voter", "Nonvoter", "Staging"};
	return suffrage < ARRAY_LEN(names) ? names[suffrage] : "ServerSuffrage";
}

/* As %+v of a []raft.Server. */
void raft_members_text(struct buf *out, const struct raft_members *m)
{
	buf_char(out, '[');
	for (size_t i = 0; i < m->n; i++)
		buf_fmt(out, "%s{Suffrage:%s ID:%.*s Address:%.*s}", i ? " " : "",
		        suffrage_name(m->servers[i].suffrage), PS(m->servers[i].id), PS(m->servers[i].address));
	buf_char(out, ']');
}

/* As %v of a raft.Configuration. */
static void configuration_text(struct buf *out, const struct raft_server *s, size_t n)
{
	buf_cstr(out, "{[");
	for (size_t i = 0; i < n; i++)
		buf_fmt(out, "%s{%s %.*s %.*s}", i ? " " : "", suffrage_name(s[i].suffrage), PS(s[i].id),
		        PS(s[i].address));
	buf_cstr(out, "]}");
}

static enum err wrong(struct fail *f, const char *what, const struct raft_server *servers, size_t n)
{
	struct buf text = {.limit = FAIL_TEXT_MAX};
	configuration_text(&text, servers, n);
	fail_set(f, ERR_INVALID, "%s: %.*s", what, PS(buf_view(&text)));
	buf_free(&text);
	return ERR_INVALID;
}

static enum err unique(const struct raft_server *servers, size_t at, struct fail *f)
{
	for (size_t i = 0; i < at; i++) {
		if (slice_eq(servers[i].id, servers[at].id))
			return fail_set(
			        f, ERR_INVALID, "Found duplicate ID in configuration: %.*s", PS(servers[at].id));
		if (slice_eq(servers[i].address, servers[at].address))
			return fail_set(f, ERR_INVALID, "Found duplicate address in configuration: %.*s",
			        PS(servers[at].address));
	}
	return OK;
}

enum err raft_members_check(const struct raft_server *servers, size_t n, struct fail *f)
{
	size_t voters = 0;
	if (n > RAFT_SERVERS_MAX)
		return fail_set(f, ERR_INVALID, "more than %d servers in configuration", RAFT_SERVERS_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct raft_server *s = &servers[i];
		if (!s->id.n)
			return wrong(f, "Empty ID in configuration", servers, n);
		if (!s->address.n)
			return fail_set(f, ERR_INVALID, "Empty address in configuration: {%s %.*s }",
			        suffrage_name(s->suffrage), PS(s->id));
		if (!raft_members_name(s->id) || !raft_members_name(s->address))
			return fail_set(f, ERR_INVALID, "Bad ID or address in configuration: %.*s", PS(s->id));
		enum err e = unique(servers, i, f);
		if (e)
			return e;
		voters += s->suffrage == RAFT_VOTER;
	}
	return voters ? OK : wrong(f, "Need at least one voter in configuration", servers, n);
}

/* ---- the configurations in force ---- */

struct raft_peer *raft_peer_by_id(const struct raft *r, struct slice id)
{
	for (size_t i = 0; i < r->peers_n; i++)
		if (slice_is(id, r->peers[i]->id))
			return r->peers[i];
	return NULL;
}

static struct raft_peer *peer_add(struct raft *r, const struct raft_server *s)
{
	struct raft_peer **more = realloc(r->peers, (r->peers_n + 1) * sizeof(struct raft_peer *));
	MUST(more);
	r->peers = more;
	struct raft_peer *p = calloc(1, sizeof *p);
	MUST(p);
	slice_cstr(s->id, p->id, sizeof p->id);
	const struct raft_known *k = map_get(&r->known, s->id);
	p->prevote = k && k->prevote;
	p->contact = p->answered = INT64_MIN;
	p->retry_at = p->notice_at = p->beat_at = p->drop_at = RAFT_NEVER;
	r->peers[r->peers_n++] = p;
	return p;
}

static void peer_list(struct raft *r, const struct raft_server *s)
{
	struct raft_peer *p = raft_peer_by_id(r, s->id);
	bool leads = r->s.role == RAFT_LEADER, begin = leads && (!p || (!p->listed && !p->left));
	p = p ? p : peer_add(r, s);
	if (!slice_is(s->address, p->address)) {
		p->drop = p->address[0] != 0;
		slice_cstr(s->address, p->address, sizeof p->address);
	}
	p->suffrage = s->suffrage;
	p->listed = true;
	if (begin)
		raft_peer_begin(r, p);
	else if (leads && p->left)
		p->contact = r->now; /* let in again before it knew that it was out: as anybody new it gets a lease to
		                        be heard */
	p->left = 0;
}

/* After any change of the latest configuration: the peers follow it. Whoever is not in it any more is told so first, if
 * we lead. */
void raft_members_changed(struct raft *r)
{
	bool was[RAFT_SERVERS_MAX * 2];
	MUST(r->peers_n <= ARRAY_LEN(was));
	for (size_t i = 0; i < r->peers_n; i++) {
		was[i] = r->peers[i]->listed;
		r->peers[i]->listed = false;
	}
	size_t known = r->peers_n;
	for (size_t i = 0; i < r->latest.n; i++)
		if (!slice_is(r->latest.servers[i].id, r->id))
			peer_list(r, &r->latest.servers[i]);
	for (size_t i = 0; i < known; i++) {
		struct raft_peer *p = r->peers[i];
		if (!was[i] || p->listed)
			continue;
		p->left = r->latest.index;
		if (r->s.role == RAFT_LEADER)
			log_info(r->log, "raft: Removed peer %s, stopping replication after %llu", p->id,
			        (unsigned long long)r->s.last);
	}
	r->s.voter = raft_members_vote(&r->latest, r->id);
	if (r->peers_n)
		raft_cache_own(&r->cache); /* from now on somebody else may need them */
	r->warned = false;
}

static bool members_read(struct raft *r, const struct raft_entry *e, struct raft_server **servers, size_t *n)
{
	if (e->type == RAFT_CONFIGURATION)
		return raft_wire_read_configuration(e->data, &r->scratch, servers, n);
	return raft_wire_read_peers(e->data, &r->scratch, servers, n);
}

/* There is at most one configuration that is not committed: the latest of before is, when another one comes. */
void raft_members_entry(struct raft *r, const struct raft_entry *e)
{
	struct raft_server *servers;
	size_t n;
	struct fail f;
	if (e->type != RAFT_CONFIGURATION && e->type != RAFT_ADD_PEER && e->type != RAFT_REMOVE_PEER)
		return;
	if (!members_read(r, e, &servers, &n) || raft_members_check(servers, n, &f)) {
		log_err(r->log, "raft: Ignoring the configuration in log entry %llu: it can't be understood",
		        (unsigned long long)e->index);
		return;
	}
	raft_members_free(&r->committed);
	r->committed = r->latest;
	r->latest = (struct raft_members){0};
	MUST(raft_members_set(&r->latest, e->index, servers, n));
	raft_members_changed(r);
}

void raft_members_cut(struct raft *r, raft_index after)
{
	if (r->latest.index <= after)
		return;
	MUST(raft_members_set(&r->latest, r->committed.index, r->committed.servers, r->committed.n));
	raft_members_changed(r);
}

void raft_members_commit(struct raft *r)
{
	if (r->latest.index > r->s.commit || r->committed.index == r->latest.index)
		return;
	MUST(raft_members_set(&r->committed, r->latest.index, r->latest.servers, r->latest.n));
}

const struct raft_server *raft_configuration(const struct raft *r, size_t *n, raft_index *index)
{
	*n = r->latest.n;
	if (index)
		*index = r->latest.index;
	return r->latest.servers;
}

const struct raft_server *raft_configuration_applied(const struct raft *r, size_t *n, raft_index *index)
{
	const struct raft_members *m = r->latest.index <= r->s.applied ? &r->latest : &r->committed;
	*n = m->n;
	if (index)
		*index = m->index;
	return m->servers;
}

bool raft_configuration_stable(const struct raft *r)
{
	return r->latest.index <= r->s.commit;
}

/* ---- changing it ---- */

static size_t find(const struct raft_server *servers, size_t n, struct slice id)
{
	size_t i = 0;
	while (i < n && !slice_eq(servers[i].id, id))
		i++;
	return i;
}

/* The rules are hashicorp/raft's: a voter that is added as nonvoter stays voter, and only its address changes. */
static size_t changed(enum raft_change kind, struct slice id, struct slice address, struct raft_server *s, size_t n)
{
	size_t i = find(s, n, id);
	switch (kind) {
	case RAFT_ADD_VOTER: s[i] = (struct raft_server){id, address, RAFT_VOTER}; return i == n ? n + 1 : n;
	case RAFT_ADD_NONVOTER:
		s[i] = (struct raft_server){id, address, i == n ? RAFT_NONVOTER : s[i].suffrage};
		return i == n ? n + 1 : n;
	case RAFT_DEMOTE:
		if (i < n)
			s[i].suffrage = RAFT_NONVOTER;
		return n;
	case RAFT_REMOVE:
		if (i == n)
			return n;
		memmove(&s[i], &s[i + 1], (n - i - 1) * sizeof *s);
		return n - 1;
	}
	return n;
}

static struct slice members_bytes(
        const struct raft *r, const struct raft_server *servers, size_t n, struct buf *out, enum raft_entry_type *type)
{
	*type = r->protocol < 2 ? RAFT_REMOVE_PEER : RAFT_CONFIGURATION;
	if (r->protocol < 2)
		raft_wire_put_peers(out, servers, n);
	else
		raft_wire_put_configuration(out, servers, n);
	MUST(!out->failed);
	return buf_view(out);
}

static raft_index members_append(struct raft *r, const struct raft_server *servers, size_t n, void *tag, struct fail *f)
{
	struct buf bytes = {0};
	enum raft_entry_type type;
	struct raft_entry e = {.index = r->s.last + 1, .term = r->s.term, .tag = tag};
	e.data = members_bytes(r, servers, n, &bytes, &type);
	e.type = (uint8_t)type;
	bool taken = raft_log_take(r, &e, true);
	if (taken)
		raft_members_entry(r, &e);
	buf_free(&bytes);
	if (taken)
		return e.index;
	fail_set(f, ERR_FULL, "too many writes under way");
	return 0;
}

raft_index raft_change(
        struct raft *r, enum raft_change kind, struct slice id, struct slice address, void *tag, struct fail *f)
{
	static const char *const names[] = {"AddStaging", "AddNonvoter", "DemoteVoter", "RemoveServer"};
	if (r->s.role != RAFT_LEADER || r->removed) {
		fail_set(f, ERR_NO_LEADER, "node is not the leader");
		return 0;
	}
	if (!raft_configuration_stable(r) || r->s.commit < r->s.first_of_term) {
		fail_set(f, ERR_FULL, "a change of the configuration is under way");
		return 0;
	}
	arena_reset(&r->scratch, RAFT_REQUEST_BYTES);
	struct raft_server *servers = ARENA_ARRAY(&r->scratch, struct raft_server, r->latest.n + 1);
	MUST(servers);
	memcpy(servers, r->latest.servers, r->latest.n * sizeof *servers);
	size_t n = changed(kind, id, address, servers, r->latest.n);
	if (raft_members_check(servers, n, f))
		return 0;
	struct raft_members next = {.servers = servers, .n = n};
	struct buf text = {0};
	raft_members_text(&text, &next);
	log_info(r->log, "raft: Updating configuration with %s (%.*s, %.*s) to %.*s", names[kind], PS(id),
	        PS(kind == RAFT_ADD_VOTER || kind == RAFT_ADD_NONVOTER ? address : S_NONE), PS(buf_view(&text)));
	buf_free(&text);
	return members_append(r, servers, n, tag, f);
}

/* Protocol 2 begins with a list of the old kind, too: the oldest servers must be able to read it. */
enum err raft_bootstrap(struct raft *r, const struct raft_server *servers, size_t n, struct fail *f)
{
	enum err e = raft_members_check(servers, n, f);
	if (e)
		return e;
	if (r->s.last || r->s.term || r->s.role != RAFT_FOLLOWER)
		return fail_set(f, ERR_INVALID, "bootstrap only works on new clusters");
	struct buf bytes = {0};
	struct raft_entry first = {.index = 1, .term = 1, .type = RAFT_CONFIGURATION};
	if (r->protocol < 3) {
		first.type = RAFT_REMOVE_PEER;
		raft_wire_put_peers(&bytes, servers, n);
	} else {
		raft_wire_put_configuration(&bytes, servers, n);
	}
	MUST(!bytes.failed);
	first.data = buf_view(&bytes);
	r->s.term = 1;
	r->hard_changed = true;
	MUST(raft_log_take(r, &first, true));
	raft_members_entry(r, &first);
	buf_free(&bytes);
	if (r->started)
		raft_election_begin(r, true);
	return OK;
}
