/* consul kv: export, import */
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/input.h"
#include "cmd/kv_client.h"
#include "cmd/say.h"
#include "core/base/enc.h"
#include "core/base/json.h"
#include "core/base/slice.h"

/* ---- export ---- */

const struct command_page page_kv_export = {
        .text = "Usage: consul kv export [KEY_OR_PREFIX]\n\n"
                "  Prints all keys that begin with the prefix as JSON, for \"consul kv import\".\n\n"
                "      $ consul kv export vault",
        .asks = ASKS_SERVERS,
};

static void entry_put(struct buf *b, const struct kv_pair *p)
{
	BUF_LIT(b, "\t{\n\t\t\"key\": ");
	json_string(b, p->key);
	buf_fmt(b, ",\n\t\t\"flags\": %llu,\n\t\t\"value\": ", (unsigned long long)p->flags);
	json_base64(b, p->value.p ? p->value : S(""));
	BUF_LIT(b, "\n\t}");
}

static void export_show(const struct kv_pair *pairs, size_t n)
{
	struct buf text = {0};
	buf_char(&text, '[');
	for (size_t i = 0; i < n; i++) {
		buf_cstr(&text, i ? ",\n" : "\n");
		entry_put(&text, &pairs[i]);
	}
	buf_cstr(&text, n ? "\n]" : "]");
	say_bytes(buf_view(&text));
	buf_free(&text);
}

int cmd_kv_export(struct words words)
{
	if (words.n > 1)
		return too_many(1, words.n);
	struct slice prefix = words.n ? slice_of(words.at[0]) : S("");
	struct client *c = client_for_command();
	if (!c)
		return FAILED;
	struct fail f;
	struct kv_pair *pairs;
	size_t n;
	const struct kv_wait w = {.stale = client_settings.stale};
	enum err e = kv_client_list(c, prefix, &w, &pairs, &n, NULL, &f);
	if (e == OK)
		export_show(pairs, n);
	else
		complain("Error querying Consul agent: %s", f.text);
	client_close(c);
	return e == OK ? DONE : FAILED;
}

/* ---- import ---- */

const struct command_page page_kv_import = {
        .text = "Usage: consul kv import [DATA]\n\n"
                "  Writes keys from JSON as \"consul kv export\" prints it: from a file, from\n"
                "  standard input, or given as it is.\n\n"
                "      $ consul kv import @filename.json\n"
                "      $ cat filename.json | consul kv import -",
        .asks = ASKS_SERVERS,
};

struct import_entry {
	struct slice key, value;
	uint64_t flags;
};

static const char *type_name(const struct value *v)
{
	static const char *const names[] = {"null", "bool", "number", "string", "array", "object"};
	return names[v->type];
}

/* The first thing in the data that is not of its type is told, as encoding/json words it. */
static void wrong_type(const struct value *v, const char *field, const char *wanted, struct fail *f)
{
	if (f->code == OK)
		fail_set(f, ERR_INVALID, "json: cannot unmarshal %s into Go %s%s of type %s", type_name(v),
		        field ? "struct field Entry." : "value", field ? field : "", wanted);
}

static struct slice entry_text(const struct value *entry, const char *field, struct fail *f)
{
	const struct value *v = value_get_fold(entry, slice_of(field));
	if (v && v->type != V_STRING && v->type != V_NULL)
		wrong_type(v, field, "string", f);
	return v && v->type == V_STRING ? v->text : S("");
}

static uint64_t entry_flags(const struct value *entry, struct fail *f)
{
	const struct value *v = value_get_fold(entry, S("flags"));
	uint64_t n = 0;
	if (!v || v->type == V_NULL || value_u64(v, &n))
		return n;
	if (v->type != V_NUMBER)
		wrong_type(v, "flags", "uint64", f);
	else if (f->code == OK)
		fail_set(f, ERR_INVALID,
		        "json: cannot unmarshal number %.*s into Go struct field Entry.flags of type uint64",
		        PS(v->text));
	return 0;
}

static enum err import_read(struct slice text, struct arena *a, struct import_entry **out, size_t *n, struct fail *f)
{
	struct value list;
	*n = 0;
	*out = NULL;
	f->code = OK;
	if (json_read(text, a, &list, f) != OK)
		return f->code;
	if (list.type == V_LIST)
		*n = list.n;
	else if (list.type != V_NULL)
		wrong_type(&list, NULL, "[]*impexp.Entry", f);
	*out = ARENA_ARRAY(a, struct import_entry, *n);
	for (size_t i = 0; *out && i < *n; i++) {
		const struct value *v = &list.items[i];
		if (v->type != V_OBJECT && v->type != V_NULL)
			wrong_type(v, NULL, "impexp.Entry", f);
		(*out)[i].key = entry_text(v, "key", f);
		(*out)[i].flags = entry_flags(v, f);
		(*out)[i].value = entry_text(v, "value", f);
	}
	return f->code;
}

static int entry_write(struct client *c, const struct import_entry *e)
{
	struct fail f;
	bool done;
	struct kv_pair p = {.key = e->key, .flags = e->flags};
	if (base64_get(e->value, client_arena(c), &p.value, &f) != OK) {
		complain("Error base 64 decoding value for key %.*s: %s", PS(e->key), f.text);
		return FAILED;
	}
	if (kv_put(c, KV_SET, &p, &done, &f) != OK) {
		complain("Error! Failed writing data for key %.*s: %s", PS(e->key), f.text);
		return FAILED;
	}
	say("Imported: %.*s", PS(e->key));
	return DONE;
}

static int import_data(struct client *c, struct slice text)
{
	struct fail f;
	struct import_entry *entries;
	size_t n;
	if (import_read(text, client_arena(c), &entries, &n, &f) != OK)
		return give_up("Cannot unmarshal data", &f);
	int code = DONE;
	for (size_t i = 0; i < n && code == DONE; i++)
		code = entry_write(c, &entries[i]);
	return code;
}

static enum err import_source(struct words words, struct buf *data, struct fail *f)
{
	if (!words.n)
		return fail_set(f, ERR_INVALID, "Missing DATA argument");
	if (words.n > 1)
		return fail_set(f, ERR_INVALID, "Too many arguments (expected 1, got %zu)", words.n);
	if (!words.at[0][0])
		return fail_set(f, ERR_INVALID, "Empty DATA argument");
	return input_word(words.at[0], data, f);
}

int cmd_kv_import(struct words words)
{
	struct fail f;
	struct buf data = {0};
	int code = FAILED;
	if (import_source(words, &data, &f) == OK) {
		struct client *c = client_for_command();
		code = c ? import_data(c, buf_view(&data)) : FAILED;
		client_close(c);
	} else {
		complain("Error! %s", f.text);
	}
	buf_free(&data);
	return code;
}
