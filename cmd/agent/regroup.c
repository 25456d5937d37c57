#include "cmd/agent/regroup.h"

#include "cmd/agent/snapshots.h"
#include "core/base/json.h"
#include "core/base/schema.h"
#include "core/base/slice.h"

#define PEERS "raft/peers.json"
#define PEERS_NEW "raft/peers.json.tmp"
#define INFO "raft/peers.info"

enum { PROTOCOL_DEFAULT = 3, PROTOCOL_IDS = 3, FILE_MAX = 1 << 20, CONFIGURATION = 1 };

static const char info[] =
        "peers.json, in this directory, is for one purpose: a group of servers of which the majority is gone for "
        "good.\n"
        "It names the servers that are to go on. Stop the servers that are left, write the same peers.json on each, "
        "and\n"
        "start them: each reads the file once, and deletes it. Without the file nothing here needs your care. A\n"
        "peers.json that was here when this file was written, at the first start, was deleted unread.\n"
        "\n"
        "Easier, on the one server whose data are to count, while it runs:  consul operator recover\n"
        "The others that are left follow it by themselves.\n"
        "\n"
        "With Raft protocol 3 (the default):\n"
        "\n"
        "[\n"
        "  {\"id\": \"adf4238a-882b-9ddc-4a9d-5b6758e4159e\", \"address\": \"10.1.0.1:8300\", \"non_voter\": false},\n"
        "  {\"id\": \"8b6dda82-3103-11e7-93ae-92361f002671\", \"address\": \"10.1.0.2:8300\", \"non_voter\": false}\n"
        "]\n"
        "\n"
        "The id of a server is in the file node-id of its data directory. With protocol 2 and 1 addresses are enough:\n"
        "\n"
        "[\"10.1.0.1:8300\", \"10.1.0.2:8300\"]\n";

/* ---- the file ---- */

struct entry {
	struct slice id, address;
	bool non_voter;
};

static const struct field entry_fields[] = {
        FIELD(struct entry, id, "id", F_STR, 0),
        FIELD(struct entry, address, "address", F_STR, 0),
        FIELD(struct entry, non_voter, "non_voter", F_BOOL, 0),
};
static const struct schema entry_schema = SCHEMA(struct entry, "raft.configEntry", entry_fields);

static enum err one(const struct value *v, int64_t protocol, struct arena *a, struct raft_server *out, struct fail *f)
{
	struct entry e = {0};
	if (protocol < PROTOCOL_IDS) {
		if (v->type != V_STRING)
			return fail_set(f, ERR_INVALID, "an address as a text is expected");
		e.id = e.address = v->text;
	} else if (schema_json_read(&entry_schema, v, &e, a, f)) {
		return f->code;
	}
	*out = (struct raft_server){e.id, e.address, e.non_voter ? RAFT_NONVOTER : RAFT_VOTER};
	return e.id.n && e.address.n ? OK : fail_set(f, ERR_INVALID, "a server without id or address");
}

static enum err check(const struct raft_server *s, size_t n, struct fail *f)
{
	size_t voters = 0;
	for (size_t i = 0; i < n; i++) {
		voters += s[i].suffrage == RAFT_VOTER;
		for (size_t j = 0; j < i; j++)
			if (slice_eq(s[i].id, s[j].id) || slice_eq(s[i].address, s[j].address))
				return fail_set(f, ERR_INVALID, "\"%.*s\" at %.*s is there twice", PS(s[i].id),
				        PS(s[i].address));
	}
	return voters ? OK : fail_set(f, ERR_INVALID, "at least one server has to have a vote");
}

enum err regroup_parse(struct slice text, int64_t protocol, struct regroup *r, struct fail *f)
{
	struct value v;
	r->n = 0;
	if (json_read(text, &r->mem, &v, f))
		return f->code;
	if (v.type != V_LIST || v.n > REGROUP_SERVERS_MAX)
		return fail_set(f, ERR_INVALID, "a list of servers is expected");
	r->servers = ARENA_ARRAY(&r->mem, struct raft_server, v.n + 1);
	if (!r->servers)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	enum err e = OK;
	for (uint32_t i = 0; i < v.n && !e; i++)
		e = one(&v.items[i], protocol, &r->mem, &r->servers[i], f);
	e = e ? e : check(r->servers, v.n, f);
	r->n = e ? 0 : v.n;
	return e;
}

void regroup_print(const struct raft_server *servers, size_t n, int64_t protocol, struct buf *out)
{
	protocol = protocol ? protocol : PROTOCOL_DEFAULT;
	buf_char(out, '[');
	for (size_t i = 0; i < n; i++) {
		const struct entry e = {servers[i].id, servers[i].address, servers[i].suffrage != RAFT_VOTER};
		BUF_LIT(out, "\n  ");
		if (protocol < PROTOCOL_IDS)
			json_string(out, e.address);
		else
			schema_json_write(out, &entry_schema, &e, 0, 0);
		if (i + 1 < n)
			buf_char(out, ',');
	}
	BUF_LIT(out, "\n]\n");
}

enum err regroup_write(struct disk *d, struct slice text, struct fail *f)
{
	enum err e = disk_write_file(d, PEERS_NEW, text, true, f);
	e = e ? e : d->rename(d, PEERS_NEW, PEERS, f);
	return e ? e : d->sync_dir(d, "raft", f);
}

/* ---- at the start ---- */

static bool exists(struct disk *d, const char *name)
{
	struct disk_file file;
	if (d->open(d, name, DISK_READ, &file, NULL))
		return false;
	d->close(d, &file);
	return true;
}

static enum err remove_file(struct disk *d, struct fail *f)
{
	enum err e = d->remove(d, PEERS, f);
	return e ? e : d->sync_dir(d, "raft", f);
}

/* The first start. */
static enum err explain(struct process *p, struct fail *f)
{
	struct disk *d = &p->disk.disk;
	enum err e = d->make_dir(d, "raft", f);
	if (!e && exists(d, PEERS)) {
		e = remove_file(d, f);
		log_info(&p->core_log, "consul: deleted peers.json file (see peers.info for details)");
	}
	e = e ? e : disk_write_file(d, INFO, slice_at(info, sizeof info - 1), true, f);
	return e ? e : d->sync_dir(d, "raft", f);
}

static int64_t protocol_of(const struct process *p)
{
	return p->config->raft_protocol ? p->config->raft_protocol : PROTOCOL_DEFAULT;
}

enum err regroup_look(struct process *p, struct regroup *r, struct fail *f)
{
	struct disk *d = &p->disk.disk;
	struct slice text;
	*r = (struct regroup){0};
	if (!exists(d, INFO))
		return explain(p, f);
	enum err e = disk_read_file(d, PEERS, FILE_MAX, &r->mem, &text, f);
	if (e == ERR_ABSENT)
		return OK;
	log_info(&p->core_log, "consul: found peers.json file, recovering Raft configuration...");
	e = e ? e : regroup_parse(text, protocol_of(p), r, f);
	if (e)
		arena_free(&r->mem);
	return e ? fail_wrap(f, "recovery failed to parse peers.json") : OK;
}

static enum err take_over(struct process *p, const struct core_snapshot *s, struct fail *f)
{
	if (!s->index)
		return fail_set(f, ERR_FAILED,
		        "refused to recover cluster with no initial state, this is probably an operator error");
	enum err e = snapshots_take(p, s, f);
	e = e ? e : wal_reset(p->wal, s->index, s->term, f);
	if (e)
		return e;
	core_restored(p->core, s);
	return remove_file(&p->disk.disk, f);
}

enum err regroup_carry_out(
        struct process *p, struct regroup *r, raft_index snapshot, raft_term snapshot_term, struct fail *f)
{
	if (!r->n)
		return OK;
	raft_index last = wal_last(p->wal);
	const struct core_snapshot s = {
	        .index = last,
	        .term = last == snapshot ? snapshot_term : wal_term_of(p->wal, last),
	        .servers = r->servers,
	        .n = r->n,
	        .configuration = CONFIGURATION,
	};
	enum err e = take_over(p, &s, f);
	if (!e)
		log_info(&p->core_log, "consul: deleted peers.json file after successful recovery");
	arena_free(&r->mem);
	return e ? fail_wrap(f, "recovery failed") : OK;
}
