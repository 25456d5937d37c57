#include "core/agent/config_build.h"

#include "core/agent/config_building.h"
#include "core/agent/config_decode.h"
#include "core/agent/config_default.h"
#include "core/agent/config_merge.h"
#include "core/agent/config_old.h"
#include "core/agent/config_shape.h"
#include "core/base/hcl_read.h"
#include "core/base/json.h"
#include "core/base/slice.h"

struct builder {
	struct config_building b;
	const struct config_input *in;
};

static bool fatal(struct builder *x, struct slice text)
{
	x->b.fatal = text.n ? text : S("out of memory");
	return false;
}

/* ---- one source ---- */

/* Why a value that is no object can't be a configuration, in the words of encoding/json. */
static const char *json_word(const struct value *v)
{
	switch (v->type) {
	case V_LIST: return "array";
	case V_STRING: return "string";
	case V_NUMBER: return "number";
	default: return "bool";
	}
}

static enum err source_parse(struct arena *a, struct slice data, bool hcl, struct value *out, struct fail *f)
{
	struct value raw;
	enum err e = hcl ? hcl_read(data, a, &raw, f) : json_read(data, a, &raw, f);
	if (e)
		return e;
	if (raw.type != V_OBJECT && raw.type != V_NULL)
		return fail_set(f, ERR_INVALID,
		        "json: cannot unmarshal %s into Go value of type map[string]interface {}", json_word(&raw));
	return config_shape(&raw, a, out, f);
}

/* Lays a parsed value over the slots so far. False: x->b.fatal. */
static bool source_apply(struct builder *x, struct slice name, const struct value *v, bool hcl)
{
	struct config_decode d = {.arena = x->b.arena, .hcl = hcl};
	struct config_slot *slots = ARENA_ARRAY(x->b.arena, struct config_slot, config_keys.n);
	if (!slots)
		return fatal(x, S_NONE);
	config_decode(&d, &config_keys, v, slots);
	struct slice text = S_NONE;
	if (d.errors.n) {
		config_texts_sort(&d.errors);
		text = config_texts_print(&d.errors, x->b.arena, "error(s) decoding:");
	} else if (d.unknown.n) {
		for (size_t i = 0; i < d.unknown.n; i++)
			d.unknown.items[i] = arena_str(x->b.arena, "invalid config key %.*s", PS(d.unknown.items[i]));
		text = config_texts_print(&d.unknown, x->b.arena, "error(s) occurred:");
	}
	if (text.n)
		return fatal(x, arena_str(x->b.arena, "Error parsing %.*s: %.*s", PS(name), PS(text)));
	config_old_keys(slots, name, x->b.arena, &x->b.notes);
	config_merge(x->b.slots, slots, x->b.arena);
	return true;
}

static bool source_read(struct builder *x, struct slice name, struct slice data, bool hcl)
{
	struct fail f = {0};
	struct value v;
	if (!name.n || !data.n)
		return true;
	if (source_parse(x->b.arena, data, hcl, &v, &f))
		return fatal(x, arena_str(x->b.arena, "Error parsing %.*s: %s", PS(name), f.text));
	return source_apply(x, name, &v, hcl);
}

/* ---- all of them, in their order ---- */

static bool files_read(struct builder *x)
{
	struct slice format = x->in->format;
	for (size_t i = 0; i < x->in->file_count; i++) {
		const struct config_source *file = &x->in->files[i];
		bool hcl = slice_is(format, "hcl") || (!format.n && slice_ends(file->name, S(".hcl")));
		if (!format.n && !hcl && !slice_ends(file->name, S(".json")))
			continue; /* what is no configuration may lie beside it */
		if (!source_read(x, file->name, file->data, hcl))
			return false;
	}
	return true;
}

/* Flags overrule files, but their lists come first: so they are laid down in two parts. */
static bool flags_decode(struct builder *x, struct config_slot *lists, struct config_slot *values)
{
	struct config_decode d = {.arena = x->b.arena};
	if (!x->in->flags)
		return true;
	config_decode(&d, &config_keys, x->in->flags, values);
	if (d.errors.n)
		return fatal(x, d.errors.items[0]);
	config_old_keys(values, S("flags"), x->b.arena, &x->b.notes);
	for (size_t i = 0; i < config_keys.n; i++) {
		if (config_keys.rows[i].type != CT_STRS)
			continue;
		lists[i] = values[i];
		values[i].set = false;
	}
	return true;
}

static bool fragments_read(struct builder *x)
{
	for (size_t i = 0; i < x->in->hcl_count; i++)
		if (!source_read(x, arena_str(x->b.arena, "flags-%zu.hcl", i), x->in->hcl[i], true))
			return false;
	return true;
}

static bool sources_merge(struct builder *x)
{
	struct arena *a = x->b.arena;
	struct config_slot *lists = ARENA_ARRAY(a, struct config_slot, config_keys.n);
	struct config_slot *values = ARENA_ARRAY(a, struct config_slot, config_keys.n);
	if (!lists || !values)
		return fatal(x, S_NONE);
	config_default_head(x->b.slots, x->in->dev);
	if (!flags_decode(x, lists, values))
		return false;
	config_merge(x->b.slots, lists, a);
	if (!files_read(x))
		return false;
	config_merge(x->b.slots, values, a);
	if (!fragments_read(x))
		return false;
	config_default_tail(x->b.slots, x->in->dev);
	return true;
}

enum err config_build(
        const struct config_input *in, struct arena *a, struct agent_config **out, struct config_report *report)
{
	struct builder x = {.b = {.arena = a, .facts = in->facts}, .in = in};
	x.b.config = ARENA_NEW(a, struct agent_config);
	x.b.slots = ARENA_ARRAY(a, struct config_slot, config_keys.n);
	*report = (struct config_report){0};
	bool ok = x.b.config && x.b.slots;
	if (!ok)
		fatal(&x, S_NONE);
	else if (in->format.n && !slice_is(in->format, "json") && !slice_is(in->format, "hcl"))
		ok = fatal(&x, S("config: -config-format must be either 'hcl' or 'json'"));
	ok = ok && sources_merge(&x) && config_fill(&x.b, in->dev);
	if (ok && a->failed)
		ok = fatal(&x, S_NONE);
	report->warnings = config_texts_list(&x.b.warnings);
	report->notes = config_texts_list(&x.b.notes);
	report->error = x.b.fatal;
	if (x.b.errors.n)
		report->deferred = config_texts_print(&x.b.errors, a, "error(s) occurred:");
	*out = ok ? x.b.config : NULL;
	return ok ? OK : ERR_INVALID;
}
