/* A command in a container: create exec, start it and read its output, ask for its exit code; three requests to the
 * engine. Consul 1.0.8: agent/checks/docker.go. */
#include <stdlib.h>

#include "cmd/agent/check_job.h"
#include "core/base/enc.h"
#include "core/base/json.h"
#include "core/base/slice.h"

enum { CREATE, START, INSPECT };

#define DOCKER_SOCKET "unix:///var/run/docker.sock"

static void ask_engine(struct check_job *j, const char *method, struct slice target, struct slice body);

static bool data(struct http_call *c, struct slice piece)
{
	struct check_job *j = c->owner;
	tail_put(&j->tail, piece);
	return true;
}

/* The body so far, in the job's memory. */
static struct slice body_of(struct check_job *j)
{
	struct buf b = {0};
	tail_read(&j->tail, &b);
	struct slice s = arena_copy(&j->mem, buf_view(&b));
	buf_free(&b);
	return s;
}

static const struct value *member(
        struct check_job *j, struct slice body, const char *name, struct value *v, struct fail *f)
{
	struct slice rest;
	return json_read_first(body, &j->mem, v, &rest, f) ? NULL : value_get_fold(v, slice_of(name));
}

/* ---- the three steps ---- */

static void created(struct check_job *j, int status)
{
	struct slice container = j->ask.docker_container_id, body = body_of(j);
	struct value v;
	struct fail f = {0};
	if (status == 404) {
		check_job_fail(j, "create exec failed for unknown container %.*s", PS(container));
	} else if (status == 409) {
		check_job_fail(j, "create exec failed since container %.*s is paused or stopped", PS(container));
	} else if (status != 201) {
		check_job_fail(j, "create exec failed for container %.*s with status %d: %.*s", PS(container), status,
		        PS(body));
	} else {
		const struct value *id = member(j, body, "Id", &v, &f);
		if (f.code) {
			check_job_fail(j, "create exec response for container %.*s cannot be parsed: %s", PS(container),
			        f.text);
			return;
		}
		j->exec_id = id && id->type == V_STRING ? id->text : S_NONE;
		j->step = START;
		ask_engine(j, "POST", arena_str(&j->mem, "/exec/%.*s/start", PS(j->exec_id)),
		        S("{\"Detach\":false,\"Tty\":true}\n"));
	}
}

static void started(struct check_job *j, int status)
{
	struct slice container = j->ask.docker_container_id;
	if (status == 404) {
		check_job_fail(
		        j, "start exec failed for container %.*s: invalid exec id %.*s", PS(container), PS(j->exec_id));
	} else if (status == 409) {
		check_job_fail(j, "start exec failed since container %.*s is paused or stopped", PS(container));
	} else if (status != 200) {
		check_job_fail(j, "start exec failed for container %.*s with status %d: body: %.*s err: <nil>",
		        PS(container), status, PS(body_of(j)));
	} else {
		struct buf b = {0};
		if (j->tail.total > TAIL_MAX)
			buf_fmt(&b, "Captured %d of %llu bytes\n...\n", TAIL_MAX, (unsigned long long)j->tail.total);
		tail_read(&j->tail, &b);
		j->pending = arena_copy(&j->mem, buf_view(&b)); /* the output; the exit code comes next */
		buf_free(&b);
		j->step = INSPECT;
		ask_engine(j, "GET", arena_str(&j->mem, "/exec/%.*s/json", PS(j->exec_id)), S_NONE);
	}
}

static void inspected(struct check_job *j, int status)
{
	struct slice container = j->ask.docker_container_id, body = body_of(j);
	struct value v;
	struct fail f = {0};
	int64_t code = 0;
	if (status == 404) {
		check_job_fail(j, "inspect exec failed for container %.*s: invalid exec id %.*s", PS(container),
		        PS(j->exec_id));
		return;
	}
	if (status != 200) {
		check_job_fail(j, "inspect exec failed for container %.*s with status %d: %.*s", PS(container), status,
		        PS(body));
		return;
	}
	const struct value *exit_code = member(j, body, "ExitCode", &v, &f);
	if (f.code) {
		check_job_fail(
		        j, "inspect exec response for container %.*s cannot be parsed: %s", PS(container), f.text);
		return;
	}
	if (exit_code)
		value_i64(exit_code, &code);
	check_job_end(j, code == 0 ? "passing" : code == 1 ? "warning" : "critical", j->pending);
}

/* Requests over the socket go to the host "docker"; errors name the socket. */
static struct slice named_engine(struct check_job *j, struct slice text)
{
	ptrdiff_t at = slice_search(text, S("//docker/"));
	if (at < 0 || j->to[0].kind != ADDRESS_UNIX)
		return text;
	struct buf path = {0};
	percent_put_query(&path, slice_of(j->to[0].path));
	struct slice named = arena_str(&j->mem, "%.*s//%.*s%.*s", PS(slice_cut(text, 0, (size_t)at)),
	        PS(buf_view(&path)), PS(slice_from(text, (size_t)at + strlen("//docker"))));
	buf_free(&path);
	return named;
}

static void done(struct http_call *c, const struct fail *f)
{
	static const char *const names[] = {"create", "start", "inspect"};
	struct check_job *j = c->owner;
	int status = c->response.status;
	/* The engine may reset the connection behind a whole answer to `start`. */
	bool lost = f && !(j->step == START && status && slice_search(slice_of(f->text), S("reset by peer")) >= 0);
	struct slice why = f ? named_engine(j, arena_str(&j->mem, "%s", f->text)) : S_NONE;
	http_call_free(c);
	if (lost)
		check_job_fail(j, "%s exec failed for container %.*s: %.*s", names[j->step],
		        PS(j->ask.docker_container_id), PS(why));
	else if (j->step == CREATE)
		created(j, status);
	else if (j->step == START)
		started(j, status);
	else
		inspected(j, status);
}

/* ---- the engine ---- */

static void ask_engine(struct check_job *j, const char *method, struct slice target, struct slice body)
{
	const struct http_ask ask = {
	        .to = j->to[0],
	        .method = slice_of(method),
	        .host = S("docker"),
	        .target = target,
	        .headers = body.n ? S("Content-Type: application/json\r\n") : S_NONE,
	        .body = body,
	        .has_body = body.n > 0,
	};
	j->tail.total = 0;
	j->call = (struct http_call){.owner = j, .data = data, .done = done};
	http_call_start(&j->call, j->loop, &ask);
}

static struct slice exec_body(struct check_job *j)
{
	const char *env = getenv("SHELL");
	struct slice shell = j->ask.shell.n ? j->ask.shell : env && *env ? slice_of(env) : S("/bin/sh");
	const struct slice line[] = {shell, S("-c"), j->ask.script};
	const struct slice *args = j->ask.script_args.n ? j->ask.script_args.items : line;
	uint32_t n = j->ask.script_args.n ? j->ask.script_args.n : ARRAY_LEN(line);
	struct buf b = {0};
	BUF_LIT(&b, "{\"AttachStdin\":false,\"AttachStdout\":true,\"AttachStderr\":true,\"Tty\":false,\"Cmd\":[");
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			buf_char(&b, ',');
		json_string(&b, args[i]);
	}
	BUF_LIT(&b, "]}\n");
	struct slice body = arena_copy(&j->mem, buf_view(&b));
	buf_free(&b);
	return body;
}

static void resolved(struct check_job *j, const struct fail *f)
{
	struct buf id = {0};
	if (f) {
		check_job_fail(j, "create exec failed for container %.*s: dial tcp: %s", PS(j->ask.docker_container_id),
		        f->text);
		return;
	}
	percent_put_query(&id, j->ask.docker_container_id);
	struct slice target = arena_str(&j->mem, "/containers/%.*s/exec", PS(buf_view(&id)));
	buf_free(&id);
	j->step = CREATE;
	ask_engine(j, "POST", target, exec_body(j));
}

/* DOCKER_HOST: unix://path or tcp://host:port. */
static void start(struct check_job *j)
{
	const char *env = getenv("DOCKER_HOST");
	struct slice at = slice_of(env && *env ? env : DOCKER_SOCKET), host, port;
	struct address ip;
	struct fail f;
	if (slice_starts(at, S("tcp://"))) {
		at = slice_from(at, 6);
		at = slice_next(&at, '/');
		if (address_parse(at, &ip))
			check_job_resolve(j, slice_cut(at, 0, (size_t)slice_find_last(at, ':')), ip.port, resolved);
		else if (address_split(at, &host, &port, &f))
			check_job_fail(j, "%s", f.text);
		else
			check_job_resolve(j, host, (uint16_t)strtoul(port.p, NULL, 10), resolved);
	} else if (address_parse(at, &j->to[0])) {
		j->to_n = 1;
		resolved(j, NULL);
	} else {
		check_job_fail(j, "unable to parse docker host `%.*s`", PS(at));
	}
}

static void drop(struct check_job *j)
{
	http_call_free(&j->call);
}

const struct check_kind_of check_docker = {start, drop};
