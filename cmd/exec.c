/* consul exec
 *
 * The order for the nodes lies in the key-value store at <prefix>/<session>/job; an event tells the nodes to fetch it.
 * Each node answers by keys beside it: <node>/ack, <node>/out/<number> (an empty one is a sign of life), <node>/exit.
 * The session holds all these keys, so they go with it. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/filter.h"
#include "cmd/input.h"
#include "cmd/kv_client.h"
#include "cmd/say.h"
#include "cmd/session_client.h"
#include "core/base/json.h"
#include "core/base/map.h"
#include "core/base/num.h"
#include "core/base/slice.h"

#define SESSION_TTL "15s"

enum { RENEW_SECONDS = 5, POLL_SECONDS = 5 };

static struct node_filter filter = {"", "", ""};
static const char *prefix = "_rexec";
static bool shell = true, verbose;
static dur_ns quiet = 2 * NS_PER_S, replication = 200 * NS_PER_MS;

static const struct flag flags[] = {
        {"node", FLAG_STRING, &filter.node, "Only nodes whose name matches this regular expression."},
        {"service", FLAG_STRING, &filter.service, "Only nodes with a service that matches this regular expression."},
        {"tag", FLAG_STRING, &filter.tag, "Only nodes on which a tag of -service matches this regular expression."},
        {"prefix", FLAG_STRING, &prefix, "The key below which order and answers are exchanged."},
        {"shell", FLAG_BOOL, &shell, "Has the nodes run the command by a shell."},
        {"wait", FLAG_DURATION, &quiet, "How long nothing must be heard before all is taken to be over."},
        {"wait-repl", FLAG_DURATION, &replication,
                "How long to wait until all servers have the order, before the nodes are told of it."},
        {"verbose", FLAG_BOOL, &verbose, "Tells what is being done."},
        {NULL},
};

const struct command_page page_exec = {
        .text = "Usage: consul exec [options] [-|command...]\n\n"
                "  Runs a command on all nodes of the datacenter, or those that the filters let\n"
                "  through, and shows what it says there. \"-\" reads a script from standard input.\n"
                "  Nodes only obey if they are configured to (disable_remote_exec).",
        .flags = flags,
        .asks = ASKS_SERVERS,
};

struct job {
	struct client *c;
	struct words words;
	struct buf script;
	struct session session;
	struct slice dir; /* <prefix>/<session>/ */
	struct arena memory;
	unsigned acknowledged, ended, failed;
	struct map seen; /* keys read already */
	mono_ns began, quiet_until;
};

/* ---- what is said ---- */

/* Each line of `text` with the node before it; blanks at the end are dropped. */
static void node_say(const char *arrow, struct slice node, struct slice text)
{
	struct buf b = {0};
	for (bool more = true; more;) {
		more = slice_find(text, '\n') >= 0; /* also behind a last newline there is a line */
		struct slice line = slice_next(&text, '\n');
		buf_fmt(&b, "%s %.*s: %.*s\n", arrow, PS(node), PS(line));
	}
	struct slice all = buf_view(&b);
	while (all.n && strchr(" \t\r\n\v\f", all.p[all.n - 1]))
		all.n--;
	say_bytes(all);
	buf_free(&b);
}

static void tell(const char *what)
{
	if (verbose)
		say("%s", what);
	say_flush();
}

static void renew_failed(const struct fail *f)
{
	complain("Session renew failed: %s", f->text);
}

static mono_ns now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* ---- the session ---- */

/* In another datacenter the session is bound to a server there, since our own node is not in its catalog. */
static enum err foreign_node(struct job *j, struct slice *node, struct fail *f)
{
	struct value list;
	struct client_request r = client_request(j->c, "GET", "/v1/health/service/consul");
	request_param(&r, "passing", S("1"));
	if (client_ask_json(j->c, &r, &list, NULL, f) != OK)
		return fail_wrap(f, "Failed to find Consul server in remote datacenter");
	if (list.type != V_LIST || !list.n)
		return fail_set(f, ERR_ABSENT, "Failed to find Consul server in remote datacenter");
	*node = value_text(value_get_fold(&list.items[0], S("Node")), "Node");
	if (verbose)
		say("Binding session to remote node %.*s@%s", PS(*node), client_settings.datacenter);
	return OK;
}

static enum err session_body(struct job *j, const struct value *config, struct buf *body, struct fail *f)
{
	struct slice dc = value_text(config, "Datacenter"), node;
	struct slice wanted = slice_of(client_settings.datacenter);
	if (!wanted.n || slice_eq(wanted, dc)) {
		BUF_LIT(body, "{\"Behavior\":\"delete\",\"Name\":\"Remote Exec\",\"TTL\":\"" SESSION_TTL "\"}\n");
		return OK;
	}
	tell("Remote exec in foreign datacenter, using Session TTL");
	if (foreign_node(j, &node, f) != OK)
		return f->code;
	struct slice name =
	        arena_str(&j->memory, "Remote Exec via %.*s@%.*s", PS(value_text(config, "NodeName")), PS(dc));
	BUF_LIT(body, "{\"Behavior\":\"delete\",\"Checks\":[],\"Name\":");
	json_string(body, name);
	BUF_LIT(body, ",\"Node\":");
	json_string(body, node);
	BUF_LIT(body, ",\"TTL\":\"" SESSION_TTL "\"}\n");
	return OK;
}

static enum err session_begin(struct job *j, const struct value *config, struct fail *f)
{
	struct buf body = {0};
	enum err e = session_body(j, config, &body, f);
	if (e == OK)
		e = session_client_create(j->c, buf_view(&body), &j->session, f);
	buf_free(&body);
	if (e != OK)
		return e;
	j->session.renew_every = RENEW_SECONDS * NS_PER_S;
	j->session.renew_failed = renew_failed;
	session_keep(&j->session);
	j->dir = arena_str(&j->memory, "%s/%s/", prefix, j->session.id);
	return OK;
}

/* ---- the order ---- */

static void order_put(const struct job *j, struct buf *b)
{
	buf_char(b, '{');
	if (j->script.n) {
		BUF_LIT(b, "\"Script\":");
		json_base64(b, buf_view(&j->script));
	} else if (shell) {
		struct buf line = {0};
		for (size_t i = 0; i < j->words.n; i++)
			buf_fmt(&line, "%s%s", i ? " " : "", j->words.at[i]);
		BUF_LIT(b, "\"Command\":");
		json_string(b, buf_view(&line));
		buf_free(&line);
	} else {
		BUF_LIT(b, "\"Args\":[");
		for (size_t i = 0; i < j->words.n; i++) {
			buf_cstr(b, i ? "," : "");
			json_string(b, slice_of(j->words.at[i]));
		}
		buf_char(b, ']');
	}
	buf_fmt(b, ",\"Wait\":%lld}", (long long)quiet);
}

static enum err order_upload(struct job *j, struct fail *f)
{
	bool done;
	struct buf order = {0};
	order_put(j, &order);
	struct kv_pair p = {
	        .key = arena_str(&j->memory, "%.*sjob", PS(j->dir)),
	        .value = buf_view(&order),
	        .session = slice_of(j->session.id),
	};
	enum err e = kv_put(j->c, KV_ACQUIRE, &p, &done, f);
	buf_free(&order);
	if (e == OK && !done)
		return fail_set(f, ERR_FAILED, "failed to acquire key %.*s", PS(p.key));
	return e;
}

static enum err event_fire(struct job *j, struct slice *id, struct fail *f)
{
	struct value answer;
	struct buf payload = {0};
	BUF_LIT(&payload, "{\"Prefix\":");
	json_string(&payload, slice_of(prefix));
	buf_fmt(&payload, ",\"Session\":\"%s\"}", j->session.id);
	struct client_request r = client_request(j->c, "PUT", "/v1/event/fire/_rexec");
	node_filter_params(&filter, &r);
	request_body(&r, buf_view(&payload));
	enum err e = client_ask_json(j->c, &r, &answer, NULL, f);
	buf_free(&payload);
	if (e == OK)
		*id = value_text(&answer, "ID");
	return e;
}

/* ---- the answers ---- */

/* The value of one key of a node. False, with a complaint, when it is not there. */
static bool answer_value(struct job *j, struct slice key, struct slice *out)
{
	struct fail f;
	struct kv_pair p;
	bool found;
	static const struct kv_wait at_once;
	enum err e = kv_client_get(j->c, key, &at_once, &p, &found, NULL, &f);
	if (e != OK || !found) {
		complain("Failed to read key '%.*s': %s", PS(key), e != OK ? f.text : "<nil>");
		return false;
	}
	*out = p.value;
	return true;
}

static void exit_read(struct job *j, struct slice key, struct slice node)
{
	struct slice text;
	struct fail f;
	int64_t code = 0;
	if (!answer_value(j, key, &text))
		return;
	if (num_i64(text, &code, &f) != OK) {
		complain("Failed to parse exit code '%.*s': %s", PS(text), f.text);
		return;
	}
	j->ended++;
	j->failed += code != 0;
	node_say("==>", node, arena_str(&j->memory, "finished with exit code %lld", (long long)code));
}

static void output_read(struct job *j, struct slice key, struct slice node)
{
	struct slice text;
	if (!answer_value(j, key, &text))
		return;
	if (text.n)
		node_say("   ", node, text);
	else if (verbose)
		node_say("==>", node, S("heartbeat received"));
}

static ptrdiff_t divider_find(struct slice key)
{
	ptrdiff_t last = -1;
	for (size_t at = 0; at < key.n; at++)
		if (slice_starts(slice_from(key, at), S("/out/")))
			last = (ptrdiff_t)at;
	return last;
}

static void key_read(struct job *j, struct slice key)
{
	struct slice name = slice_from(key, j->dir.n);
	ptrdiff_t divider = divider_find(name);
	if (slice_is(name, "job"))
		return;
	if (slice_ends(name, S("/ack"))) {
		j->acknowledged++;
		if (verbose)
			node_say("==>", slice_cut(name, 0, name.n - strlen("/ack")), S("acknowledged"));
	} else if (slice_ends(name, S("/exit"))) {
		exit_read(j, key, slice_cut(name, 0, name.n - strlen("/exit")));
	} else if (divider >= 0) {
		output_read(j, key, slice_cut(name, 0, (size_t)divider));
	} else {
		complain("Unknown key '%.*s', ignoring.", PS(name));
		return;
	}
	say_flush();
}

/* While a node is known to work on it, twice the time is given. */
static void quiet_restart(struct job *j)
{
	j->quiet_until = now() + (j->acknowledged > j->ended ? 2 * quiet : quiet);
}

static void keys_read(struct job *j, const struct slice *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (map_get(&j->seen, keys[i]))
			continue;
		struct slice *kept = ARENA_NEW(&j->memory, struct slice);
		if (!kept)
			return;
		*kept = arena_copy(&j->memory, keys[i]);
		map_put(&j->seen, *kept, kept, NULL);
		key_read(j, keys[i]);
		quiet_restart(j);
	}
}

static int answers_read(struct job *j)
{
	struct kv_wait w = {0};
	for (quiet_restart(j); now() < j->quiet_until; arena_reset(client_arena(j->c), 1 << 16)) {
		struct fail f;
		struct slice *keys;
		size_t n;
		dur_ns left = j->quiet_until - now();
		w.wait = left < POLL_SECONDS * NS_PER_S ? left : POLL_SECONDS * NS_PER_S;
		w.wait = w.wait < NS_PER_MS ? NS_PER_MS : w.wait;
		if (kv_keys(j->c, j->dir, "", &w, &keys, &n, &w.index, &f) != OK)
			return give_up("Failed to read results", &f);
		keys_read(j, keys, n);
	}
	say("%u / %u node(s) completed / acknowledged", j->ended, j->acknowledged);
	if (verbose)
		say("Completed in %0.2f seconds", (double)(now() - j->began) / 1e9);
	return j->failed || j->ended < j->acknowledged ? CHILD_FAILED : DONE;
}

/* ---- the whole ---- */

/* Leaves nothing behind: the session first, so that no node can write any more. */
static void clean(struct client *c, struct job *j)
{
	struct fail f;
	bool done;
	session_client_destroy(c, &j->session, &f);
	kv_remove(c, KV_DELETE_TREE, slice_cut(j->dir, 0, j->dir.n - 1), 0, &done, &f);
}

static void *signal_thread(void *arg)
{
	struct job *j = arg;
	struct fail f;
	sigset_t set;
	int sig;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigwait(&set, &sig);
	struct client *c = j->dir.n ? client_open(&f) : NULL;
	if (c)
		clean(c, j);
	_exit(FAILED);
}

/* From now on an interrupt cleans up before it ends us. */
static void signals_take(struct job *j)
{
	sigset_t set;
	pthread_t thread;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&thread, NULL, signal_thread, j) == 0)
		pthread_detach(thread);
	else
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static int failed(const char *what, const struct fail *f)
{
	complain("%s: %s", what, f->text);
	return FAILED;
}

static int order_give(struct job *j)
{
	struct fail f;
	struct slice event;
	if (order_upload(j, &f) != OK)
		return failed("Failed to create job file", &f);
	tell("Uploaded remote execution spec");
	struct timespec pause = {replication / NS_PER_S, replication % NS_PER_S};
	nanosleep(&pause, NULL);
	if (event_fire(j, &event, &f) != OK)
		return failed("Failed to fire event", &f);
	if (verbose)
		say("Fired remote execution event: %.*s", PS(event));
	say_flush();
	j->began = now();
	return answers_read(j);
}

static int job_do(struct job *j)
{
	struct fail f;
	struct value self;
	struct client_request r = client_request(j->c, "GET", "/v1/agent/self");
	if (client_ask_json(j->c, &r, &self, NULL, &f) != OK)
		return failed("Error querying Consul agent", &f);
	signals_take(j);
	if (session_begin(j, value_get_fold(&self, S("Config")), &f) != OK)
		return failed("Failed to create session", &f);
	if (verbose)
		say("Created remote execution session: %s", j->session.id);
	map_init(&j->seen, (uint64_t)now());
	int code = order_give(j);
	clean(j->c, j);
	map_free(&j->seen);
	return code;
}

static int words_check(struct job *j)
{
	struct fail f;
	bool from_stdin = j->words.n == 1 && !strcmp(j->words.at[0], "-");
	if (from_stdin && !shell) {
		complain("Cannot configure -shell=false when reading from stdin");
		return FAILED;
	}
	if (from_stdin && input_stdin(&j->script, &f) != OK)
		return misused(&page_exec, "Failed to read stdin: %s", f.text);
	if (from_stdin ? !j->script.n : !j->words.n)
		return misused(&page_exec, "Must specify a command to execute");
	if (node_filter_check(&filter, &f) != OK) {
		complain("%s", f.text);
		return FAILED;
	}
	return DONE;
}

int cmd_exec(struct words words)
{
	struct job j = {.words = words};
	int code = words_check(&j);
	if (code == DONE) {
		j.c = client_for_command();
		code = j.c ? job_do(&j) : FAILED;
		client_close(j.c);
	}
	buf_free(&j.script);
	arena_free(&j.memory);
	return code;
}
