/* consul kv: get, put, delete */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/columns.h"
#include "cmd/command.h"
#include "cmd/input.h"
#include "cmd/kv_client.h"
#include "cmd/say.h"
#include "core/base/enc.h"
#include "core/base/slice.h"

const struct command_page page_kv = {
        .text = "Usage: consul kv <subcommand> [options] [args]\n\n"
                "  Works with the key-value store of the cluster.\n\n"
                "  Write the value \"5\" to a key, new or not:\n\n"
                "      $ consul kv put redis/config/connections 5\n\n"
                "  Read it, alone or with all that is known about it:\n\n"
                "      $ consul kv get redis/config/connections\n"
                "      $ consul kv get -detailed redis/config/connections\n\n"
                "  Remove it:\n\n"
                "      $ consul kv delete redis/config/connections",
};

/* ---- get ---- */

static bool in_base64, detailed, keys_only, recurse;
static const char *separator = "/";

static const struct flag get_flags[] = {
        {"base64", FLAG_BOOL, &in_base64, "Prints values in base64."},
        {"detailed", FLAG_BOOL, &detailed, "Prints all that is known about a key: indexes, flags, session, value."},
        {"keys", FLAG_BOOL, &keys_only, "Lists the names of the keys that begin with the prefix, without values."},
        {"recurse", FLAG_BOOL, &recurse, "Reads all keys that begin with the prefix."},
        {"separator", FLAG_STRING, &separator,
                "With -keys: names are cut behind the first of these that follows the prefix, so that a level is "
                "listed like a "
                "folder."},
        {NULL},
};

const struct command_page page_kv_get = {
        .text = "Usage: consul kv get [options] [KEY_OR_PREFIX]\n\n"
                "  Prints the value of a key. It is an error if there is no such key; the value of\n"
                "  a key without one is an empty line. Nothing, or \"/\", is the root.\n\n"
                "      $ consul kv get foo\n"
                "      $ consul kv get -detailed foo\n\n"
                "  All keys that begin with a prefix, with values or only by name:\n\n"
                "      $ consul kv get -recurse foo\n"
                "      $ consul kv get -keys foo",
        .flags = get_flags,
        .asks = ASKS_SERVERS,
};

static void value_put(struct buf *b, struct slice value)
{
	if (in_base64)
		base64_put(b, value);
	else
		buf_slice(b, value);
}

static void pair_show(const struct kv_pair *p)
{
	struct buf text = {0}, table = {0};
	buf_fmt(&text,
	        "CreateIndex\t%llu\nFlags\t%llu\nKey\t%.*s\nLockIndex\t%llu\nModifyIndex\t%llu\nSession\t%.*s\nValue\t",
	        (unsigned long long)p->create_index, (unsigned long long)p->flags, PS(p->key),
	        (unsigned long long)p->lock_index, (unsigned long long)p->modify_index,
	        PS(p->session.n ? p->session : S("-")));
	value_put(&text, p->value);
	tabs_format(buf_view(&text), &table);
	say_bytes(buf_view(&table));
	buf_free(&text);
	buf_free(&table);
}

static void value_show(const struct kv_pair *p, bool with_key)
{
	struct buf text = {0};
	if (with_key)
		buf_fmt(&text, "%.*s:", PS(p->key));
	value_put(&text, p->value);
	say_bytes(buf_view(&text));
	buf_free(&text);
}

static int query_failed(const struct fail *f)
{
	complain("Error querying Consul agent: %s", f->text);
	return FAILED;
}

static int get_keys(struct client *c, struct slice key, const struct kv_wait *w)
{
	struct fail f;
	struct slice *names;
	size_t n;
	if (kv_keys(c, key, separator, w, &names, &n, NULL, &f) != OK)
		return query_failed(&f);
	for (size_t i = 0; i < n; i++)
		say_bytes(names[i]);
	return DONE;
}

static int get_tree(struct client *c, struct slice key, const struct kv_wait *w)
{
	struct fail f;
	struct kv_pair *pairs;
	size_t n;
	if (kv_client_list(c, key, w, &pairs, &n, NULL, &f) != OK)
		return query_failed(&f);
	for (size_t i = 0; i < n; i++) {
		if (!detailed) {
			value_show(&pairs[i], true);
			continue;
		}
		pair_show(&pairs[i]);
		if (i + 1 < n)
			say("%s", "");
	}
	return DONE;
}

static int get_one(struct client *c, struct slice key, const struct kv_wait *w)
{
	struct fail f;
	struct kv_pair pair;
	bool found;
	if (kv_client_get(c, key, w, &pair, &found, NULL, &f) != OK)
		return query_failed(&f);
	if (!found) {
		complain("Error! No key exists at: %.*s", PS(key));
		return FAILED;
	}
	if (detailed)
		pair_show(&pair);
	else
		value_show(&pair, false);
	return DONE;
}

/* The key among the words, without the slash that people like to put before it. */
static struct slice key_of(struct words words)
{
	struct slice key = words.n ? slice_of(words.at[0]) : S("");
	return key.n && key.p[0] == '/' ? slice_from(key, 1) : key;
}

static int key_missing(void)
{
	complain("Error! Missing KEY argument");
	return FAILED;
}

int cmd_kv_get(struct words words)
{
	if (words.n > 1)
		return too_many(1, words.n);
	struct slice key = key_of(words);
	if (!key.n && !recurse && !keys_only)
		return key_missing();
	struct client *c = client_for_command();
	if (!c)
		return FAILED;
	const struct kv_wait w = {.stale = client_settings.stale};
	int code = keys_only ? get_keys(c, key, &w) : recurse ? get_tree(c, key, &w) : get_one(c, key, &w);
	client_close(c);
	return code;
}

/* ---- put ---- */

static bool cas, acquire, release;
static uint64_t flags, modify_index;
static const char *session = "";

static const struct flag put_flags[] = {
        {"acquire", FLAG_BOOL, &acquire, "Locks the key for the session given by -session; makes the key if need be."},
        {"base64", FLAG_BOOL, &in_base64, "The data given is base64: what it stands for is written."},
        {"cas", FLAG_BOOL, &cas, "Writes only if the key was not changed since -modify-index."},
        {"flags", FLAG_UINT, &flags, "A number to keep with the key. Consul itself does not look at it."},
        {"modify-index", FLAG_UINT, &modify_index, "The ModifyIndex that the key must still have, for -cas."},
        {"release", FLAG_BOOL, &release, "Unlocks the key, which the session given by -session must hold."},
        {"session", FLAG_STRING, &session, "The session for -acquire and -release."},
        {NULL},
};

const struct command_page page_kv_put = {
        .text = "Usage: consul kv put [options] KEY [DATA]\n\n"
                "  Writes data of any kind to a key. Without data the value is empty.\n\n"
                "      $ consul kv put config/redis/maxconns 5\n\n"
                "  From a file, or from standard input:\n\n"
                "      $ consul kv put config/program/license @license.lic\n"
                "      $ echo \"abcd1234\" | consul kv put config/program/license -\n\n"
                "  Only if nobody changed it meanwhile:\n\n"
                "      $ consul kv put -cas -modify-index=844 config/redis/maxconns 5",
        .flags = put_flags,
        .asks = ASKS_SERVERS,
};

static int put_value(struct client *c, const struct kv_pair *p)
{
	struct fail f;
	bool done;
	enum kv_write how = cas ? KV_CAS : acquire ? KV_ACQUIRE : release ? KV_RELEASE : KV_SET;
	enum err e = kv_put(c, how, p, &done, &f);
	if (e != OK && cas)
		complain("Error! Did not write to %.*s: %s", PS(p->key), f.text);
	else if (e != OK && how == KV_RELEASE)
		complain("Error! Failed writing data: %.*s", PS(p->key)); /* sic: the reference names the key here */
	else if (e != OK)
		complain("Error! Failed writing data: %s", f.text);
	else if (!done && how == KV_CAS)
		complain("Error! Did not write to %.*s: CAS failed", PS(p->key));
	else if (!done && how != KV_SET)
		complain("Error! Did not %s lock", how == KV_ACQUIRE ? "acquire" : "release");
	if (e != OK || (!done && how != KV_SET))
		return FAILED;
	static const char *const success[] = {
	        "Data written to", "Data written to", "Lock acquired on", "Lock released on"};
	say("Success! %s: %.*s", success[how], PS(p->key));
	return DONE;
}

static int put_refused(const char *why)
{
	complain("%s", why);
	return FAILED;
}

/* What has to hold before anybody is asked. */
static int put_check(void)
{
	if ((acquire || release) && !*session)
		return put_refused("Error! Missing -session (required with -acquire and -release)");
	if (cas && !modify_index)
		return put_refused("Must specify -modify-index with -cas!");
	return DONE;
}

static int put_data(struct words words, struct slice data, struct arena *a)
{
	struct fail f;
	if (in_base64 && base64_get(data, a, &data, &f) != OK) {
		complain("Error! Cannot base 64 decode data: %s", f.text);
		data = S(""); /* and yet it is written: so does the reference */
	}
	if (put_check() != DONE)
		return FAILED;
	struct client *c = client_for_command();
	if (!c)
		return FAILED;
	struct kv_pair p = {
	        slice_of(words.at[0]), data, slice_of(session), .flags = flags, .modify_index = modify_index};
	int code = put_value(c, &p);
	client_close(c);
	return code;
}

int cmd_kv_put(struct words words)
{
	if (!words.n)
		return key_missing();
	if (words.n > 2) {
		complain("Error! Too many arguments (expected 1 or 2, got %zu)", words.n);
		return FAILED;
	}
	struct fail f;
	struct buf data = {0};
	if (words.n == 2 && input_word(words.at[1], &data, &f) != OK) {
		complain("Error! %s", f.text);
		buf_free(&data);
		return FAILED;
	}
	struct arena a = {0};
	int code = put_data(words, buf_view(&data), &a);
	arena_free(&a);
	buf_free(&data);
	return code;
}

/* ---- delete ---- */

static const struct flag delete_flags[] = {
        {"cas", FLAG_BOOL, &cas, "Removes the key only if it was not changed since -modify-index."},
        {"modify-index", FLAG_UINT, &modify_index, "The ModifyIndex that the key must still have, for -cas."},
        {"recurse", FLAG_BOOL, &recurse, "Removes all keys that begin with the prefix."},
        {NULL},
};

const struct command_page page_kv_delete = {
        .text = "Usage: consul kv delete [options] KEY_OR_PREFIX\n\n"
                "  Removes a key. If there is none, nothing happens.\n\n"
                "      $ consul kv delete foo\n\n"
                "  All keys whose names begin with \"foo\", so also \"food\" and \"foo/bar/zip\":\n\n"
                "      $ consul kv delete -recurse foo",
        .flags = delete_flags,
        .asks = ASKS_SERVERS,
};

static int delete_key(struct client *c, struct slice key)
{
	struct fail f;
	bool done;
	enum kv_removal how = recurse ? KV_DELETE_TREE : cas ? KV_DELETE_CAS : KV_DELETE;
	enum err e = kv_remove(c, how, key, modify_index, &done, &f);
	if (e != OK && how == KV_DELETE)
		complain("Error deleting key %.*s: %s", PS(key), f.text);
	else if (e != OK)
		complain("Error! Did not delete %s %.*s: %s", recurse ? "prefix" : "key", PS(key), f.text);
	else if (!done && how == KV_DELETE_CAS)
		complain("Error! Did not delete key %.*s: CAS failed", PS(key));
	if (e != OK || (!done && how == KV_DELETE_CAS))
		return FAILED;
	say(recurse ? "Success! Deleted keys with prefix: %.*s" : "Success! Deleted key: %.*s", PS(key));
	return DONE;
}

/* What has to hold before anybody is asked. */
static int delete_check(struct slice key)
{
	if (!key.n && !recurse)
		return key_missing();
	if (cas && !modify_index)
		return put_refused("Must specify -modify-index with -cas!");
	if (modify_index && !cas)
		complain("Cannot specify -modify-index without -cas!"); /* goes on all the same, as the reference */
	if (recurse && cas)
		return put_refused("Cannot specify both -cas and -recurse!");
	return DONE;
}

int cmd_kv_delete(struct words words)
{
	if (words.n > 1)
		return too_many(1, words.n);
	struct slice key = key_of(words);
	if (delete_check(key) != DONE)
		return FAILED;
	struct client *c = client_for_command();
	int code = c ? delete_key(c, key) : FAILED;
	client_close(c);
	return code;
}
