/* Services and checks come and go. Order of steps and texts as in Consul 1.0.8, agent/agent.go. */
#include "core/agent/agent_parts.h"
#include "core/base/slice.h"
#include "core/base/text.h"
#include "core/state/rows.h"

enum { DNS_LABEL_MAX = 63 };

static const char scripts_local[] =
        "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' or "
        "'enable_local_script_checks' to true";
static const char scripts_remote[] = "Scripts are disabled on this agent from remote calls; to enable, configure "
                                     "'enable_script_checks' to true";

struct node_service definition_service(const struct service_definition *d)
{
	return (struct node_service){
	        .id = d->id.n ? d->id : d->name,
	        .service = d->name,
	        .tags = d->tags,
	        .address = d->address,
	        .meta = d->meta,
	        .port = d->port,
	        .enable_tag_override = d->enable_tag_override,
	};
}

struct health_check definition_check(const struct check_definition *d)
{
	return (struct health_check){
	        .check_id = d->id.n ? d->id : d->name,
	        .name = d->name,
	        .status = d->status.n ? d->status : S("critical"),
	        .notes = d->notes,
	        .service_id = d->service_id,
	};
}

/* ---- names that DNS can't find ---- */

/* [^A-Za-z0-9\\-]: the backslash is allowed, too. */
static bool is_dns_label(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		            c == '\\'))
			return false;
	}
	return true;
}

static void warn_about_name(struct agent *a, enum log_level level, const char *what, struct slice name)
{
	char quoted[512];
	quote_cstr(name, quoted, sizeof quoted);
	if (!is_dns_label(name))
		log_at(a->log, level,
		        "agent: Service %s %s will not be discoverable via DNS due to invalid characters. Valid "
		        "characters include all alpha-numerics and dashes.",
		        what, quoted);
	else if (name.n > DNS_LABEL_MAX)
		log_at(a->log, level,
		        "agent: Service %s %s will not be discoverable via DNS due to it being too long. Valid lengths "
		        "are between 1 and 63 bytes.",
		        what, quoted);
}

static void warn_about_names(struct agent *a, const struct node_service *s)
{
	const struct slice *tags = s->tags.items;
	warn_about_name(a, LOG_WARN, "name", s->service);
	for (uint32_t i = 0; i < s->tags.n; i++)
		warn_about_name(a, LOG_DEBUG, "tag", tags[i]);
}

/* ---- states put back ---- */

struct kept_state {
	struct slice id, status, output;
};

struct list agent_check_states(struct agent *a, struct arena *mem)
{
	struct rows rows = ROWS(mem, struct kept_state);
	struct cursor c;
	cursor_prefix(&c, db_working(a->db), TREE_LOCAL_CHECKS, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct health_check *check = &((const struct local_check *)item_payload(it))->check;
		struct kept_state *to = rows_add(&rows);
		if (to)
			*to = (struct kept_state){arena_copy(mem, check->check_id), arena_copy(mem, check->status),
			        arena_copy(mem, check->output)};
	}
	return rows_list(&rows);
}

void agent_restore_states(struct agent *a, struct list states)
{
	const struct kept_state *at = states.items;
	for (uint32_t i = 0; i < states.n; i++)
		local_check_update(&a->local, at[i].id, at[i].status, at[i].output, a->now);
}

/* The states of a service's checks, and of those that its definition names: only these can be touched by taking it on
 * anew. */
static struct list states_of(struct agent *a, struct list ids, struct arena *mem)
{
	struct rows rows = ROWS(mem, struct kept_state);
	const struct slice *id = ids.items;
	for (uint32_t i = 0; i < ids.n; i++) {
		const struct local_check *c = local_check_get(db_working(a->db), id[i]);
		struct kept_state *to = c ? rows_add(&rows) : NULL;
		if (to)
			*to = (struct kept_state){
			        id[i], arena_copy(mem, c->check.status), arena_copy(mem, c->check.output)};
	}
	return rows_list(&rows);
}

/* ---- services ---- */

static struct slice check_id_of(
        const struct node_service *s, const struct check_definition *d, uint32_t i, uint32_t n, struct arena *mem)
{
	if (d->id.n)
		return d->id;
	return n > 1 ? arena_str(mem, "service:%.*s:%u", PS(s->id), i + 1) : arena_str(mem, "service:%.*s", PS(s->id));
}

static struct list check_ids(const struct node_service *s, struct list checks, struct arena *mem)
{
	const struct check_definition *d = checks.items;
	struct slice *ids = ARENA_ARRAY(mem, struct slice, checks.n + (size_t)1);
	for (uint32_t i = 0; ids && i < checks.n; i++)
		ids[i] = check_id_of(s, &d[i], i, checks.n, mem);
	return (struct list){ids, ids ? checks.n : 0};
}

static enum err add_checks(struct agent *a, const struct node_service *s, struct list checks, struct list ids,
        enum persist_how how, struct slice token, enum definition_source source, struct arena *mem, struct fail *f)
{
	const struct check_definition *d = checks.items;
	const struct slice *id = ids.items;
	enum err e = OK;
	for (uint32_t i = 0; i < ids.n && !e; i++) {
		struct health_check check = {
		        .check_id = id[i],
		        .name = d[i].name.n ? d[i].name : arena_str(mem, "Service '%.*s' check", PS(s->service)),
		        .status = d[i].status.n ? d[i].status : S("critical"),
		        .notes = d[i].notes,
		        .service_id = s->id,
		};
		e = agent_add_check(a, &check, &d[i], how, token, source, f);
	}
	return e;
}

enum err agent_add_service(struct agent *a, const struct node_service *service, struct list checks,
        enum persist_how how, struct slice token, enum definition_source source, struct fail *f)
{
	struct local_service row = {.token = token, .service = *service};
	const struct check_definition *d = checks.items;
	struct arena mem = {0};
	if (!service->service.n)
		return fail_set(f, ERR_FAILED, "Service name missing");
	if (!row.service.id.n)
		row.service.id = service->service;
	for (uint32_t i = 0; i < checks.n; i++)
		if (check_definition_check(&d[i], f))
			return fail_wrap(f, "Check is not valid"), f->code = ERR_FAILED;
	warn_about_names(a, &row.service);
	struct list ids = check_ids(&row.service, checks, &mem);
	struct list states = states_of(a, ids, &mem);
	enum err e =
	        mem.failed || !local_service_put(&a->local, &row) ? fail_set(f, ERR_NO_MEMORY, "out of memory") : OK;
	if (!e && how == KEPT) {
		persist_service(&a->persist, &row, a->out);
		local_entry_of_service(&a->local, row.service.id)->persisted = !a->config->dev_mode;
	}
	e = e ? e : add_checks(a, &row.service, checks, ids, how, token, source, &mem, f);
	agent_restore_states(a, states);
	arena_free(&mem);
	return e;
}

/* The checks of a service, copied: removing changes the tree that they are found in. */
static struct list checks_of(struct agent *a, struct slice service_id, struct arena *mem)
{
	struct rows rows = ROWS(mem, struct slice);
	struct cursor c;
	cursor_prefix(&c, db_working(a->db), TREE_LOCAL_CHECKS, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));)
		if (slice_eq(((const struct local_check *)item_payload(it))->check.service_id, service_id))
			rows_add_key(&rows, item_key(it));
	return rows_list(&rows);
}

enum err agent_remove_service(struct agent *a, struct slice id, enum persist_how how, struct fail *f)
{
	struct arena mem = {0};
	char quoted[512];
	if (!id.n)
		return fail_set(f, ERR_FAILED, "ServiceID missing");
	if (!local_service_remove(&a->local, id)) {
		quote_cstr(id, quoted, sizeof quoted);
		log_warn(a->log, "agent: Failed to deregister service %s: Service %s does not exist", quoted, quoted);
		return OK;
	}
	if (how == KEPT)
		purge_service(&a->persist, id, a->out);
	struct list checks = checks_of(a, id, &mem);
	const struct slice *check = checks.items;
	enum err e = OK;
	for (uint32_t i = 0; i < checks.n && !e; i++)
		e = agent_remove_check(a, check[i], how, f);
	arena_free(&mem);
	return e;
}

void agent_reap(struct agent *a)
{
	struct arena mem = {0};
	struct list list = {0};
	struct fail f;
	if (checks_due_reap(&a->checks, a->now, &mem, &list)) {
		const struct check_reap *r = list.items;
		for (uint32_t i = 0; i < list.n; i++) {
			if (!local_service_get(db_working(a->db), r[i].service))
				continue; /* gone for another of its checks */
			agent_remove_service(a, r[i].service, KEPT, &f);
			log_info(a->log,
			        "agent: Check \"%.*s\" for service \"%.*s\" has been critical for too long; "
			        "deregistered service",
			        PS(r[i].check), PS(r[i].service));
		}
	}
	arena_free(&mem);
}

/* ---- checks ---- */

static enum err check_type_allowed(
        struct agent *a, const struct check_definition *type, enum definition_source source, struct fail *f)
{
	if (check_definition_check(type, f))
		return fail_wrap(f, "Check is not valid"), f->code = ERR_FAILED;
	if (!check_is_script(type))
		return OK;
	if (source == FROM_FILES && !a->config->enable_local_script_checks)
		return fail_set(f, ERR_FAILED, "%s", scripts_local);
	if (source == FROM_HTTP && !a->config->enable_script_checks)
		return fail_set(f, ERR_FAILED, "%s", scripts_remote);
	return OK;
}

/* A TTL that is still running, and whose state would be kept over a restart, is taken up where it is. */
static void take_up_state(
        struct agent *a, struct health_check *check, const struct check_definition *type, struct arena *mem)
{
	struct slice status, output;
	if (type->ttl <= 0 || a->config->dev_mode)
		return;
	if (checks_due_state(&a->checks, check->check_id, &status, &output)) {
		check->status = status;
		check->output = arena_copy(mem, output);
	} else if (persist_state_of(&a->persist, check->check_id, a->wall, mem, &status, &output, a->out)) {
		check->status = status;
		check->output = output;
	}
}

static enum err put_check(struct agent *a, struct local_check *row, enum persist_how how, struct fail *f)
{
	struct slice id = row->check.check_id;
	enum err e = local_check_put(&a->local, row, a->now, f);
	if (e)
		return e;
	if (row->type && !checks_due_put(&a->checks, row, a->now, a->out))
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	if (how == KEPT) {
		if (row->type && row->type->ttl <= 0 && row->type->interval < CHECK_INTERVAL_MIN)
			row->type->interval = CHECK_INTERVAL_MIN; /* as it runs */
		persist_check(&a->persist, row, a->out);
		local_entry_of_check(&a->local, id)->persisted = !a->config->dev_mode;
	}
	return OK;
}

enum err agent_add_check(struct agent *a, const struct health_check *check, const struct check_definition *type,
        enum persist_how how, struct slice token, enum definition_source source, struct fail *f)
{
	struct check_definition plain;
	struct local_check row = {.check = *check, .token = token};
	struct arena mem = {0};
	char quoted[512];
	if (!check->check_id.n)
		return fail_set(f, ERR_FAILED, "CheckID missing");
	if (type && check_type_allowed(a, type, source, f))
		return f->code;
	if (check->service_id.n) {
		const struct local_service *s = local_service_get(db_working(a->db), check->service_id);
		if (!s)
			return fail_set(f, ERR_FAILED, "ServiceID %s does not exist",
			        quote_cstr(check->service_id, quoted, sizeof quoted));
		row.check.service_name = s->service.service;
		row.check.service_tags = s->service.tags;
	}
	row.check.node = a->config->node_name;
	if (type) {
		plain = *type; /* as structs.CheckType has it: neither service nor token */
		plain.service_id = plain.token = S_NONE;
		row.type = &plain;
		take_up_state(a, &row.check, type, &mem);
	}
	enum err e = put_check(a, &row, how, f);
	arena_free(&mem);
	return e;
}

enum err agent_remove_check(struct agent *a, struct slice id, enum persist_how how, struct fail *f)
{
	if (!id.n)
		return fail_set(f, ERR_FAILED, "CheckID missing");
	local_check_remove(&a->local, id);
	checks_due_remove(&a->checks, id, a->out);
	if (how == KEPT) {
		purge_check(&a->persist, id, a->out);
		purge_state(&a->persist, id, a->out);
	}
	log_debug(a->log, "agent: removed check \"%.*s\"", PS(id));
	return OK;
}

enum err agent_set_check(struct agent *a, struct slice id, struct slice status, struct slice output, struct fail *f)
{
	char quoted[512];
	if (!checks_due_set(&a->checks, id, status, output, a->now))
		return fail_set(f, ERR_FAILED, "CheckID %s does not have associated TTL",
		        quote_cstr(id, quoted, sizeof quoted));
	persist_state(&a->persist, id, status, output, a->wall + checks_due_ttl(&a->checks, id), a->out);
	return OK;
}
