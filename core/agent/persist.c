#include "core/agent/persist.h"

#include <stdlib.h>

#include "core/base/json.h"
#include "core/base/md5.h"
#include "core/base/must.h"
#include "core/base/slice.h"

#define SERVICES "services/"
#define CHECKS "checks/"
#define STATES "checks/state/"

struct check_state {
	struct slice check_id, output, status;
	int64_t expires; /* seconds */
};

static const struct field check_state_fields[] = {
        FIELD(struct check_state, check_id, "CheckID", F_STR, 0),
        FIELD(struct check_state, output, "Output", F_STR, 0),
        FIELD(struct check_state, status, "Status", F_STR, 0),
        FIELD(struct check_state, expires, "Expires", F_INT, 0),
};
static const struct schema check_state_schema =
        SCHEMA(struct check_state, "agent.persistedCheckState", check_state_fields);

void persist_init(struct persist *p, const struct agent_config *c, struct logbuf *log)
{
	*p = (struct persist){.config = c, .log = log};
}

void persist_forget(struct persist *p)
{
	arena_free(&p->mem);
	free(p->files);
	p->files = NULL;
	p->n = p->cap = 0;
}

void persist_free(struct persist *p)
{
	persist_forget(p);
}

/* ---- writing ---- */

static struct slice file_name(const char *kind, struct slice id, struct arena *a)
{
	char hash[MD5_TEXT + 1];
	md5_hex(id, hash);
	return arena_str(a, "%s%s", kind, hash);
}

struct slice persist_path(const struct persist *p, const char *kind, struct slice id, struct arena *a)
{
	return arena_str(a, "%.*s/%.*s", PS(p->config->data_dir), PS(file_name(kind, id, a)));
}

static bool writes(const struct persist *p)
{
	return !p->config->dev_mode && p->config->data_dir.n;
}

static void save(const struct persist *p, const char *kind, struct slice id, const struct schema *s, const void *row,
        struct effects *out)
{
	struct buf b = {0};
	if (!writes(p))
		return;
	schema_json_write(&b, s, row, 0, 0);
	MUST(!b.failed);
	struct effect *e = effect_add(out, EFF_SAVE);
	e->file.name = file_name(kind, id, &out->mem);
	e->file.bytes = arena_copy(&out->mem, buf_view(&b));
	MUST(!out->mem.failed);
	buf_free(&b);
}

static void purge(const struct persist *p, const char *kind, struct slice id, struct effects *out)
{
	if (!p->config->data_dir.n)
		return;
	struct effect *e = effect_add(out, EFF_DELETE);
	e->file.name = file_name(kind, id, &out->mem);
	e->file.bytes = S_NONE;
	MUST(!out->mem.failed);
}

void persist_service(const struct persist *p, const struct local_service *s, struct effects *out)
{
	struct local_service row = *s;
	if (!row.token.n)
		row.token = p->config->acl_token;
	save(p, SERVICES, s->service.id, &local_service_schema, &row, out);
}

void persist_check(const struct persist *p, const struct local_check *c, struct effects *out)
{
	struct local_check row = *c;
	if (!row.token.n)
		row.token = p->config->acl_token;
	save(p, CHECKS, c->check.check_id, &local_check_schema, &row, out);
}

void persist_state(const struct persist *p, struct slice check_id, struct slice status, struct slice output,
        wall_ns expires, struct effects *out)
{
	const struct check_state row = {check_id, output, status, expires / NS_PER_S};
	save(p, STATES, check_id, &check_state_schema, &row, out);
}

void purge_service(const struct persist *p, struct slice id, struct effects *out)
{
	purge(p, SERVICES, id, out);
}

void purge_check(const struct persist *p, struct slice id, struct effects *out)
{
	purge(p, CHECKS, id, out);
}

void purge_state(const struct persist *p, struct slice id, struct effects *out)
{
	purge(p, STATES, id, out);
}

/* ---- reading ---- */

void persist_keep(struct persist *p, struct slice name, struct slice bytes)
{
	if (p->n == p->cap) {
		uint32_t cap = p->cap ? p->cap * 2 : 16;
		struct kept_file *more = realloc(p->files, cap * sizeof *more);
		MUST(more);
		p->files = more;
		p->cap = cap;
	}
	p->files[p->n++] = (struct kept_file){arena_copy(&p->mem, name), arena_copy(&p->mem, bytes)};
	MUST(!p->mem.failed);
}

static bool decode(const struct kept_file *k, const struct schema *s, void *out, struct arena *a, struct fail *f)
{
	struct value v;
	memset(out, 0, s->size);
	return !json_read(k->bytes, a, &v, f) && !schema_json_read(s, &v, out, a, f);
}

/* Is it `kind` and then a plain name? Files of checks/state are none of checks/. */
static bool is_kind(const struct kept_file *k, struct slice kind)
{
	return slice_starts(k->name, kind) && slice_find(slice_from(k->name, kind.n), '/') < 0;
}

static void tell_bad(struct persist *p, const char *what, const struct kept_file *k, const struct fail *f)
{
	log_err(p->log, "agent: Failed decoding %s file \"%.*s/%.*s\": %s", what, PS(p->config->data_dir), PS(k->name),
	        f->text);
}

/* Before 0.5.1 a file held the bare service. */
static bool decode_service(const struct kept_file *k, struct local_service *out, struct arena *a, struct fail *f)
{
	if (decode(k, &local_service_schema, out, a, f) && out->service.service.n)
		return true;
	out->token = S_NONE;
	return decode(k, &node_service_schema, &out->service, a, f);
}

bool persist_next_service(struct persist *p, uint32_t *at, struct arena *a, struct local_service *out)
{
	struct fail f = {0};
	while (*at < p->n) {
		const struct kept_file *k = &p->files[(*at)++];
		if (!is_kind(k, S(SERVICES)))
			continue;
		if (decode_service(k, out, a, &f) && out->service.id.n)
			return true;
		tell_bad(p, "service", k, &f);
	}
	return false;
}

bool persist_next_check(struct persist *p, uint32_t *at, struct arena *a, struct local_check *out)
{
	struct fail f = {0};
	while (*at < p->n) {
		const struct kept_file *k = &p->files[(*at)++];
		if (!is_kind(k, S(CHECKS)))
			continue;
		if (decode(k, &local_check_schema, out, a, &f) && out->check.check_id.n)
			return true;
		tell_bad(p, "check", k, &f);
	}
	return false;
}

bool persist_state_of(struct persist *p, struct slice check_id, wall_ns now, struct arena *a, struct slice *status,
        struct slice *output, struct effects *out)
{
	struct slice name = file_name(STATES, check_id, a);
	struct check_state row;
	struct fail f = {0};
	const struct kept_file *k = NULL;
	for (uint32_t i = 0; i < p->n && !k; i++)
		if (slice_eq(p->files[i].name, name))
			k = &p->files[i];
	if (!k)
		return false;
	if (!decode(k, &check_state_schema, &row, a, &f)) {
		log_err(p->log, "agent: failed decoding check state: %s", f.text);
	} else if (now / NS_PER_S >= row.expires) {
		log_debug(p->log, "agent: check state expired for \"%.*s\", not restoring", PS(check_id));
	} else {
		*status = row.status;
		*output = row.output;
		return true;
	}
	purge_state(p, check_id, out);
	return false;
}
