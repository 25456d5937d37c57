/* Definitions of the configuration and of the data directory, at start and again at each reload. What the configuration
 * defines wins over a kept file of the same id. Consul 1.0.8: agent.go, loadServices, loadChecks, ReloadConfig. */
#include "core/agent/agent_parts.h"
#include "core/base/slice.h"
#include "core/state/rows.h"

/* ---- of the configuration ---- */

static void load_service(struct agent *a, const struct service_definition *d)
{
	struct arena mem = {0};
	struct list checks;
	struct fail f;
	const struct node_service service = definition_service(d);
	enum err e = service_definition_checks(d, &mem, &checks, &f);
	if (e)
		fail_wrap(&f, "Failed to validate checks for service \"%.*s\"", PS(d->name));
	else if ((e = agent_add_service(a, &service, checks, NOT_KEPT, d->token, FROM_FILES, &f)))
		fail_wrap(&f, "Failed to register service \"%.*s\"", PS(d->name));
	if (e)
		log_err(a->log, "agent: %s", f.text);
	arena_free(&mem);
}

static void load_check(struct agent *a, const struct check_definition *d)
{
	struct fail f;
	const struct health_check check = definition_check(d);
	if (agent_add_check(a, &check, d, NOT_KEPT, d->token, FROM_FILES, &f))
		log_err(a->log, "agent: Failed to register check '%.*s': %s", PS(d->name), f.text);
}

/* ---- kept ---- */

static void restore_service(struct agent *a, const struct local_service *s)
{
	struct arena mem = {0};
	struct fail f;
	struct slice path = persist_path(&a->persist, "services/", s->service.id, &mem);
	if (local_service_get(db_working(a->db), s->service.id)) {
		log_debug(a->log, "agent: service \"%.*s\" exists, not restoring from \"%.*s\"", PS(s->service.id),
		        PS(path));
		purge_service(&a->persist, s->service.id, a->out);
	} else {
		log_debug(a->log, "agent: restored service definition \"%.*s\" from \"%.*s\"", PS(s->service.id),
		        PS(path));
		if (agent_add_service(a, &s->service, (struct list){0}, NOT_KEPT, s->token, FROM_FILES, &f))
			log_err(a->log, "agent: failed adding service \"%.*s\": %s", PS(s->service.id), f.text);
		else
			local_entry_of_service(&a->local, s->service.id)->persisted = true;
	}
	arena_free(&mem);
}

/* Critical until it has been looked at: what is perhaps not healthy shall not be found. */
static void restore_check(struct agent *a, struct local_check *c)
{
	struct arena mem = {0};
	struct fail f;
	struct slice id = c->check.check_id, path = persist_path(&a->persist, "checks/", id, &mem);
	if (local_check_get(db_working(a->db), id)) {
		log_debug(a->log, "agent: check \"%.*s\" exists, not restoring from \"%.*s\"", PS(id), PS(path));
		purge_check(&a->persist, id, a->out);
		arena_free(&mem);
		return;
	}
	c->check.status = S("critical");
	if (agent_add_check(a, &c->check, c->type, NOT_KEPT, c->token, FROM_FILES, &f)) {
		log_warn(a->log, "agent: Failed to restore check \"%.*s\": %s", PS(id), f.text);
		purge_check(&a->persist, id, a->out);
	} else {
		local_entry_of_check(&a->local, id)->persisted = true;
	}
	log_debug(a->log, "agent: restored health check \"%.*s\" from \"%.*s\"", PS(id), PS(path));
	arena_free(&mem);
}

static void load_services(struct agent *a)
{
	const struct service_definition *d = a->config->services.items;
	for (uint32_t i = 0; i < a->config->services.n; i++)
		load_service(a, &d[i]);
}

static void load_checks(struct agent *a)
{
	const struct check_definition *d = a->config->checks.items;
	for (uint32_t i = 0; i < a->config->checks.n; i++)
		load_check(a, &d[i]);
}

void agent_load(struct agent *a)
{
	struct arena mem = {0};
	struct local_service service;
	struct local_check check;
	load_services(a);
	for (uint32_t at = 0; persist_next_service(&a->persist, &at, &mem, &service);)
		restore_service(a, &service);
	load_checks(a);
	for (uint32_t at = 0; persist_next_check(&a->persist, &at, &mem, &check);)
		restore_check(a, &check);
	persist_forget(&a->persist);
	arena_free(&mem);
}

/* ---- again ---- */

/* Rows that lie in files, copied. */
static struct list kept_rows(
        struct agent *a, enum db_tree t, const struct map *entries, const struct schema *s, struct arena *mem)
{
	struct rows rows = {.a = mem, .size = s->size};
	struct cursor c;
	cursor_prefix(&c, db_working(a->db), t, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct local_entry *e = map_get(entries, item_key(it));
		const void *copy = e && e->persisted ? schema_copy(s, item_payload(it), mem) : NULL;
		void *to = copy ? rows_add(&rows) : NULL;
		if (to)
			memcpy(to, copy, s->size);
	}
	return rows_list(&rows);
}

static void unload(struct agent *a, enum db_tree t,
        enum err (*remove)(struct agent *, struct slice, enum persist_how, struct fail *), struct arena *mem)
{
	struct rows ids = ROWS(mem, struct slice);
	struct cursor c;
	struct fail f;
	cursor_prefix(&c, db_working(a->db), t, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));)
		rows_add_key(&ids, item_key(it));
	for (uint32_t i = 0; i < ids.n; i++)
		remove(a, rows_key(&ids, i), NOT_KEPT, &f);
}

/* Everything goes and comes back in one step: nobody sees it gone. */
void agent_load_again(struct agent *a)
{
	struct arena mem = {0};
	struct list states = agent_check_states(a, &mem);
	struct list services = kept_rows(a, TREE_LOCAL_SERVICES, &a->local.services, &local_service_schema, &mem);
	struct list checks = kept_rows(a, TREE_LOCAL_CHECKS, &a->local.checks, &local_check_schema, &mem);
	unload(a, TREE_LOCAL_SERVICES, agent_remove_service, &mem);
	unload(a, TREE_LOCAL_CHECKS, agent_remove_check, &mem);
	load_services(a);
	for (uint32_t i = 0; i < services.n; i++)
		restore_service(a, &((const struct local_service *)services.items)[i]);
	load_checks(a);
	for (uint32_t i = 0; i < checks.n; i++)
		restore_check(a, &((struct local_check *)checks.items)[i]);
	agent_restore_states(a, states);
	a->local.node_in_sync = false; /* the metadata may be another */
	arena_free(&mem);
}
