#include "core/agent/remote_exec.h"

#include <stdlib.h>

#include "core/agent/agent_parts.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/state/command.h"

enum { EXIT_FAILED = 255 };

enum job_stage { JOB_READING, JOB_ACKING, JOB_RUNNING, JOB_ENDED, JOB_LEAVING };

struct remote_spec {
	struct slice command, script;
	struct list args; /* of struct slice */
	dur_ns wait;      /* so often at least something is to be heard of us */
};
static const struct field spec_fields[] = {
        FIELD(struct remote_spec, command, "Command", F_STR, 0),
        FIELD(struct remote_spec, args, "Args", F_STRS, 0),
        FIELD(struct remote_spec, script, "Script", F_BYTES, 0),
        FIELD(struct remote_spec, wait, "Wait", F_DUR, 0),
};
static const struct schema spec_schema = SCHEMA(struct remote_spec, "agent.remoteExecSpec", spec_fields);

struct remote_request {
	struct slice prefix, session;
};
static const struct field request_fields[] = {
        FIELD(struct remote_request, prefix, "Prefix", F_STR, 0),
        FIELD(struct remote_request, session, "Session", F_STR, 0),
};
static const struct schema request_schema = SCHEMA(struct remote_request, "agent.remoteExecEvent", request_fields);

struct remote_job {
	struct remote_job *next;
	uint64_t id;
	enum job_stage stage;
	struct arena mem;
	struct remote_request of;
	struct remote_spec spec;
	bool newest;      /* the job is read from the leader */
	uint32_t outputs; /* written so far */
	unsigned flying;  /* keys that are being written */
	int exit_code;
	mono_ns heartbeat; /* INT64_MAX: not running */
};

/* ---- jobs ---- */

static struct remote_job *find(struct agent *a, uint64_t id)
{
	struct remote_job *j = a->remote.jobs;
	while (j && j->id != id)
		j = j->next;
	return j;
}

static void job_free(struct agent *a, struct remote_job *j)
{
	struct remote_job **at = &a->remote.jobs;
	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	a->remote.n--;
	arena_free(&j->mem);
	free(j);
}

void remote_exec_free(struct remote_exec *r)
{
	for (struct remote_job *j = r->jobs, *next; j; j = next) {
		next = j->next;
		arena_free(&j->mem);
		free(j);
	}
}

/* ---- calls ---- */

static void read_done(void *host, struct message *m);
static void write_done(void *host, struct message *m);

static struct slice token(const struct agent *a)
{
	return a->agent_token.n ? a->agent_token : a->user_token;
}

static struct message *message_new(struct remote_job *j, enum ask ask, void (*done)(void *, struct message *))
{
	struct message *m = calloc(1, sizeof *m);
	MUST(m);
	m->front = -1;
	m->ask = ask;
	m->done = done;
	m->owner_ticket = j->id;
	return m;
}

static void send(struct agent *a, struct message *m)
{
	struct message **last = &a->outbox;
	while (*last)
		last = &(*last)->next;
	m->next = NULL;
	*last = m;
}

static void message_end(struct message *m)
{
	arena_free(&m->mem);
	free(m);
}

static void read_job(struct agent *a, struct remote_job *j)
{
	struct message *m = message_new(j, ASK_JOB, read_done);
	struct ask_job *q = ARENA_NEW(&m->mem, struct ask_job);
	MUST(q);
	*q = (struct ask_job){arena_str(&m->mem, "%.*s/%.*s/job", PS(j->of.prefix), PS(j->of.session)), j->newest};
	m->token = arena_copy(&m->mem, token(a));
	m->request = q;
	send(a, m);
}

static void write_key(struct agent *a, struct remote_job *j, const char *name, struct slice value)
{
	struct message *m = message_new(j, ASK_COMMAND, write_done);
	struct buf b = {0};
	struct kvs_request q = {
	        .datacenter = a->config->datacenter,
	        .op = S("lock"),
	        .dir_entry =
	                {
	                        .key = arena_str(&m->mem, "%.*s/%.*s/%.*s/%s", PS(j->of.prefix), PS(j->of.session),
	                                PS(a->config->node_name), name),
	                        .value = value,
	                        .session = j->of.session,
	                },
	        .token = token(a),
	};
	command_write(&b, COMMAND_KVS, &kvs_request_schema, &q);
	m->command = arena_copy(&m->mem, buf_view(&b));
	buf_free(&b);
	MUST(m->command.p);
	j->flying++;
	send(a, m);
}

static void write_output(struct agent *a, struct remote_job *j, struct slice piece)
{
	char name[16];
	slice_cstr(arena_str(&j->mem, "out/%05x", j->outputs++), name, sizeof name);
	write_key(a, j, name, piece);
	j->heartbeat = j->spec.wait > 0 ? a->now + j->spec.wait : INT64_MAX;
}

/* Behind all output. */
static void exit_maybe(struct agent *a, struct remote_job *j)
{
	if (j->stage != JOB_ENDED || j->flying)
		return;
	j->stage = JOB_LEAVING;
	write_key(a, j, "exit", arena_str(&j->mem, "%d", j->exit_code));
}

static void end(struct agent *a, struct remote_job *j, int exit_code)
{
	j->stage = JOB_ENDED;
	j->heartbeat = INT64_MAX;
	j->exit_code = exit_code;
	exit_maybe(a, j);
}

/* ---- the steps ---- */

void remote_exec_begin(struct agent *a, const struct user_event *e)
{
	struct remote_job *j = a->remote.n < REMOTE_JOBS_MAX ? calloc(1, sizeof *j) : NULL;
	struct value v;
	struct fail f = {0};
	log_debug(a->log, "agent: received remote exec event (ID: %.*s)", PS(e->id));
	if (!j) {
		log_err(a->log, "agent: too many remote executions at once");
		return;
	}
	*j = (struct remote_job){.next = a->remote.jobs, .id = ++a->remote.number, .heartbeat = INT64_MAX};
	a->remote.jobs = j;
	a->remote.n++;
	enum err err = json_read(arena_copy(&j->mem, e->payload), &j->mem, &v, &f);
	if (err || schema_json_read(&request_schema, &v, &j->of, &j->mem, &f)) {
		log_err(a->log, "agent: failed to decode remote exec event: %s", f.text);
		job_free(a, j);
		return;
	}
	read_job(a, j);
}

static bool read_spec(struct agent *a, struct remote_job *j, struct slice text)
{
	struct value v;
	struct fail f = {0};
	enum err e = json_read(arena_copy(&j->mem, text), &j->mem, &v, &f);
	e = e ? e : schema_json_read(&spec_schema, &v, &j->spec, &j->mem, &f);
	if (e)
		log_err(a->log, "agent: failed to decode remote exec spec: %s", f.text);
	return !e;
}

static void read_done(void *host, struct message *m)
{
	struct agent *a = host;
	struct remote_job *j = find(a, m->owner_ticket);
	const struct dir_entry *job = m->reply;
	MUST(j);
	if (m->err) {
		log_err(a->log, "agent: failed to get remote exec job: %.*s", PS(m->why));
		job_free(a, j);
	} else if (!job && !j->newest) {
		log_debug(a->log, "agent: trying consistent fetch of remote exec job spec");
		j->newest = true;
		read_job(a, j);
	} else if (!job) {
		log_debug(a->log, "agent: remote exec aborted, job spec missing");
		job_free(a, j);
	} else if (!read_spec(a, j, job->value)) {
		job_free(a, j);
	} else {
		j->stage = JOB_ACKING;
		write_key(a, j, "ack", S_NONE);
	}
	message_end(m);
}

static void run(struct agent *a, struct remote_job *j)
{
	struct effect *e = effect_add(a->out, EFF_EXEC_RUN);
	log_info(a->log, "agent: remote exec '%.*s'", PS(j->spec.script.n ? S("a script") : j->spec.command));
	e->exec.id = j->id;
	e->exec.command = j->spec.command;
	e->exec.script = j->spec.script;
	e->exec.args = j->spec.args;
	j->stage = JOB_RUNNING;
	j->heartbeat = j->spec.wait > 0 ? a->now + j->spec.wait : INT64_MAX;
}

static void refused(struct agent *a, struct remote_job *j, const struct message *m)
{
	static const char *const what[] = {
	        [JOB_ACKING] = "ack remote exec job",
	        [JOB_RUNNING] = "write output for remote exec job",
	        [JOB_ENDED] = "write output for remote exec job",
	        [JOB_LEAVING] = "write exit code for remote exec job",
	};
	log_err(a->log, "agent: failed to %s: %.*s", what[j->stage], PS(m->err ? m->why : S("write failed")));
	if (j->stage == JOB_RUNNING) {
		effect_add(a->out, EFF_EXEC_KILL)->exec.id = j->id;
		end(a, j, EXIT_FAILED);
	}
}

static void write_done(void *host, struct message *m)
{
	struct agent *a = host;
	struct remote_job *j = find(a, m->owner_ticket);
	MUST(j && j->flying);
	j->flying--;
	bool wrote = !m->err && m->result.kind == APPLY_BOOL && m->result.yes;
	if (!wrote)
		refused(a, j, m);
	if (j->stage == JOB_ACKING && wrote)
		run(a, j);
	else if (j->stage == JOB_ACKING || (j->stage == JOB_LEAVING && !j->flying))
		job_free(a, j);
	else
		exit_maybe(a, j);
	message_end(m);
}

void remote_exec_event(struct agent *a, const struct event *ev)
{
	struct remote_job *j = find(a, ev->exec.id);
	if (!j || j->stage != JOB_RUNNING)
		return;
	if (ev->exec.why.n)
		log_debug(a->log, "agent: failed to start remote exec: %.*s", PS(ev->exec.why));
	if (ev->exec.output.n)
		write_output(a, j, ev->exec.output);
	if (ev->exec.ended)
		end(a, j, ev->exec.exit_code);
}

/* A heartbeat is an empty piece of output. */
void remote_exec_tick(struct agent *a)
{
	for (struct remote_job *j = a->remote.jobs; j; j = j->next)
		if (j->heartbeat <= a->now)
			write_output(a, j, S_NONE);
}

mono_ns remote_exec_next(const struct remote_exec *r)
{
	mono_ns at = INT64_MAX;
	for (const struct remote_job *j = r->jobs; j; j = j->next)
		at = j->heartbeat < at ? j->heartbeat : at;
	return at;
}
