#include "core/leader/duties.h"

#include "core/base/slice.h"
#include "core/leader/servers.h"
#include "core/state/session.h"

void duties_init(struct duties *d, const struct agent_config *config, struct logbuf *log, uint64_t seed)
{
	*d = (struct duties){.config = config, .log = log};
	session_ttl_init(&d->sessions, seed);
	coordinate_batch_init(&d->coordinates);
}

void duties_free(struct duties *d)
{
	session_ttl_free(&d->sessions);
	coordinate_batch_free(&d->coordinates);
}

/* A server that does not know the entry of autopilot's configuration ends at it, with a panic. */
static const uint32_t autopilot_since[3] = {0, 8, 0};
#define CONFIGURE_AGAIN (10 * NS_PER_S)
#define CONFIGURE_SOON NS_PER_S

/* The configuration of autopilot is replicated; the first leader writes the one of its own files, once all servers
 * are new enough to read it. */
static void autopilot_configure(struct duties *d, const struct db_root *r, mono_ns now)
{
	d->configure = INT64_MAX;
	if (db_count(r, TREE_AUTOPILOT))
		return;
	if (!servers_all_since(r, autopilot_since)) {
		log_warn(d->log, "autopilot: can't initialize until all servers are >= 0.8.0");
		d->configure = now + CONFIGURE_AGAIN;
		return;
	}
	if (!servers_peers_known(r)) { /* it may be an old one that is away */
		d->configure = now + CONFIGURE_SOON;
		return;
	}
	const struct agent_config *c = d->config;
	struct autopilot_request q = {
	        .config =
	                {
	                        .cleanup_dead_servers = c->autopilot_cleanup_dead_servers,
	                        .last_contact_threshold = c->autopilot_last_contact_threshold,
	                        .max_trailing_logs = (uint64_t)c->autopilot_max_trailing_logs,
	                        .server_stabilization_time = c->autopilot_server_stabilization_time,
	                        .redundancy_zone_tag = c->autopilot_redundancy_zone_tag,
	                        .disable_upgrade_migration = c->autopilot_disable_upgrade_migration,
	                        .upgrade_version_tag = c->autopilot_upgrade_version_tag,
	                },
	};
	d->submit(d->host, COMMAND_AUTOPILOT, &autopilot_request_schema, &q);
}

void duties_begin(struct duties *d, const struct db_root *r, mono_ns now)
{
	d->leading = true;
	session_ttl_start(&d->sessions, r, now);
	autopilot_configure(d, r, now);
}

void duties_end(struct duties *d)
{
	d->leading = false;
	session_ttl_free(&d->sessions);
	coordinate_batch_free(&d->coordinates);
	d->tombstones = (struct tombstone_gc){0};
}

static void session_applied(
        struct duties *d, const struct db_root *r, struct slice body, const struct apply_result *result, mono_ns now)
{
	struct arena a = {0};
	struct session_request q;
	if (command_read(body, &session_request_schema, &q, &a)) {
		if (slice_is(q.op, "create") && result->kind == APPLY_TEXT) {
			const struct session *s = NULL;
			raft_index index;
			if (!session_get(r, NULL, result->text, &a, &index, &s, NULL) && s)
				session_ttl_renew(&d->sessions, s, now);
		} else if (slice_is(q.op, "destroy")) {
			session_ttl_forget(&d->sessions, q.session.id);
		}
	}
	arena_free(&a);
}

void duties_applied(struct duties *d, const struct db_root *r, raft_index index, struct slice command,
        const struct apply_result *result, mono_ns now)
{
	if (!d->leading || !command.n)
		return;
	if (result->tombstone)
		tombstone_gc_hint(&d->tombstones, index, now);
	if ((uint8_t)command.p[0] == COMMAND_SESSION)
		session_applied(d, r, slice_from(command, 1), result, now);
}

void duties_coordinate(struct duties *d, const struct coordinate_entry *e, mono_ns now)
{
	coordinate_batch_add(&d->coordinates, e, now, d->config->coordinate_update_period);
}

static void write_coordinates(struct duties *d)
{
	struct list some;
	for (uint32_t from = 0; coordinate_batch_take(&d->coordinates, &from, &some);) {
		struct buf b = {0};
		command_write_coordinates(&b, some);
		if (!b.failed)
			d->submit_bytes(d->host, buf_view(&b));
		buf_free(&b);
	}
	coordinate_batch_clear(&d->coordinates, d->log);
}

void duties_tick(struct duties *d, const struct db_root *r, mono_ns now)
{
	if (!d->leading)
		return;
	if (d->configure <= now)
		autopilot_configure(d, r, now);
	char id[37];
	while (session_ttl_due(&d->sessions, now, id)) {
		log_debug(d->log, "consul.state: Session %s TTL expired", id);
		struct session_request q = {
		        .datacenter = d->config->datacenter,
		        .op = S("destroy"),
		        .session.id = slice_of(id),
		};
		d->submit(d->host, COMMAND_SESSION, &session_request_schema, &q);
	}
	if (d->coordinates.due <= now)
		write_coordinates(d);
	raft_index index;
	while (tombstone_gc_due(&d->tombstones, now, &index)) {
		struct tombstone_request q = {
		        .datacenter = d->config->datacenter,
		        .op = S("reap"),
		        .reap_index = index,
		};
		d->submit(d->host, COMMAND_TOMBSTONE, &tombstone_request_schema, &q);
	}
}

mono_ns duties_next(const struct duties *d)
{
	mono_ns at = session_ttl_next(&d->sessions), next = tombstone_gc_next(&d->tombstones);
	at = next < at ? next : at;
	at = d->coordinates.due < at ? d->coordinates.due : at;
	at = d->configure < at ? d->configure : at;
	return d->leading ? at : INT64_MAX;
}
