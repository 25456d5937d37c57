#include "cmd/agent/boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd/agent/banner.h"
#include "cmd/agent/config_files.h"
#include "cmd/agent/core_thread.h"
#include "cmd/agent/exec_run.h"
#include "cmd/agent/flags_agent.h"
#include "cmd/agent/front_thread.h"
#include "cmd/agent/gossip_host.h"
#include "cmd/agent/lean.h"
#include "cmd/agent/listeners.h"
#include "cmd/agent/log_hub.h"
#include "cmd/agent/log_thread.h"
#include "cmd/agent/node_id.h"
#include "cmd/agent/raft_host.h"
#include "cmd/agent/recovery.h"
#include "cmd/agent/signals.h"
#include "cmd/agent/snapshot_job.h"
#include "cmd/agent/snapshots.h"
#include "cmd/agent/watches.h"
#include "cmd/agent/work_thread.h"
#include "cmd/command.h"
#include "cmd/version.h"
#include "core/base/must.h"
#include "core/base/slice.h"

enum { FRONTS_DEFAULT_MAX = 4, STACK_BYTES = 256 << 10, YIELD = 4 };

/* One agent a process: what has to live as long as it does. */
static struct {
	struct process process;
	struct agent_flags flags;
	struct arena flags_mem;
	struct config_loaded loaded;
	bool again;
} agent;

uint64_t process_seed(void)
{
	uint64_t seed;
	MUST(getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed);
	return seed;
}

void process_thread_yields(void)
{
	setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + YIELD); /* in Linux this is the thread */
}

void process_stop(struct process *p, int exit_code)
{
	atomic_store(&p->exit_code, exit_code);
	atomic_store(&p->stopping, true);
	bell_ring(&p->core_bell);
	for (unsigned i = 0; i < p->front_count; i++)
		if (p->fronts[i])
			bell_ring(&p->fronts[i]->bell);
	if (p->wal)
		bell_ring(&p->log_bell);
	if (p->work)
		work_stop(p->work);
}

/* ---- configuration ---- */

static bool refused(struct slice why)
{
	if (why.n)
		banner_error("%.*s", PS(why));
	return why.n > 0;
}

/* False: said why. */
static bool configure(int argc, char **argv)
{
	struct config_loaded *l = &agent.loaded;
	struct fail f = {0};
	switch (agent_flags_read(argc, argv, &agent.flags_mem, &agent.flags, &f)) {
	case FLAGS_WRONG: banner_error("%s", f.text); return false;
	default: break;
	}
	enum err e = config_load(&agent.flags, l);
	banner_warnings(&l->report);
	if (e) {
		refused(l->report.error);
		return false;
	}
	if (config_check_log(l->config, &l->arena, &l->report)) {
		refused(l->report.error);
		return false;
	}
	return true;
}

static void reload_failed(struct process *p, const char *why, struct fail *f)
{
	fail_set(f, ERR_FAILED, "1 error(s) occurred:\n\n* %s", why);
	log_err(&p->core_log, "agent: Reload config failed:  %s", f->text);
}

/* What a reload takes over; all else stays as it was at the start (agent.go, ReloadConfig). */
static void take_over(struct agent_config *next, const struct agent_config *now)
{
	struct agent_config taken = *now;
	taken.services = next->services;
	taken.checks = next->checks;
	taken.watches = next->watches;
	taken.node_meta = next->node_meta;
	taken.discard_check_output = next->discard_check_output;
	taken.telemetry_allowed = next->telemetry_allowed;
	taken.telemetry_blocked = next->telemetry_blocked;
	*next = taken;
}

const struct agent_config *boot_reload(struct process *p, struct fail *f)
{
	struct config_loaded *l = calloc(1, sizeof *l);
	enum log_level level;
	char why[FAIL_TEXT_MAX / 2];
	MUST(l);
	if (config_load(&agent.flags, l)) {
		banner_error("%.*s", PS(l->report.error));
		reload_failed(p, "Failed to reload configs", f);
		arena_free(&l->arena);
		free(l);
		return NULL;
	}
	/* A level that is none leaves the old one, and the rest is taken over. */
	if (config_check_log(l->config, &l->arena, &l->report))
		reload_failed(p, slice_cstr(l->report.error, why, sizeof why), f);
	else if (log_level_parse(l->config->log_level, &level))
		log_hub_level(level);
	take_over(l->config, p->config);
	p->config = l->config;
	watches_configure(p, p->config);
	return l->config; /* kept for good: worlds point to it */
}

/* ---- birth ---- */

static bool set_level(struct process *p)
{
	enum log_level level;
	if (!log_level_parse(p->config->log_level, &level))
		return false;
	log_hub_level(level);
	p->core_log.level = level;
	return true;
}

static enum err make_core(struct process *p, struct fail *f)
{
	p->epoch = epoch_new();
	baton_init(&p->core_baton);
	if (!p->epoch || !loop_init(&p->core_loop) || !bell_init(&p->core_bell) ||
	        !bell_watch(&p->core_bell, &p->core_loop))
		return fail_set(f, ERR_NO_MEMORY, "no memory or no descriptors for the core's loop");
	loop_read_clocks(&p->core_loop);
	p->core_log.now = p->core_loop.wall;
	bool durable = p->config->server_mode && !p->config->dev_mode;
	const struct core_options o = {
	        .config = p->config,
	        .epoch = p->epoch,
	        .log = &p->core_log,
	        .seed = process_seed(),
	        .durable = durable,
	};
	p->core = core_new(&o);
	if (!p->core)
		return fail_set(f, ERR_NO_MEMORY, "no memory for the store");
	return recovery_run(p, durable, f);
}

static enum err make_raft(struct process *p, struct fail *f)
{
	if (!p->config->server_mode)
		return OK;
	p->raft = raft_host_new(p, core_thread_raft, f);
	return p->raft ? OK : f->code;
}

static enum err make_gossip(struct process *p, struct fail *f)
{
	const struct gossip_host_options o = {
	        .config = p->config,
	        .loop = &p->core_loop,
	        .log = &p->core_log,
	        .seed = process_seed(),
	        .owner = p,
	        .news = core_thread_news,
	};
	p->gossip = gossip_host_new(&o, f);
	if (!p->gossip)
		return f->code;
	p->execs = exec_runs_new(&p->core_loop, p, core_thread_exec);
	if (!p->execs)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	core_pools(p->core, gossip_host_pool(p->gossip, GOSSIP_LAN), gossip_host_pool(p->gossip, GOSSIP_WAN));
	return OK;
}

static enum err make_fronts(struct process *p, struct fail *f)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	p->front_count = processors < 1                    ? 1
	                 : processors > FRONTS_DEFAULT_MAX ? FRONTS_DEFAULT_MAX
	                                                   : (unsigned)processors;
	enum err e = listeners_open(p, f);
	if (e)
		return e;
	for (unsigned i = 0; i < p->front_count; i++) {
		p->fronts[i] = front_new(p, (int)i);
		if (!p->fronts[i])
			return fail_set(f, ERR_NO_MEMORY, "no memory or no descriptors for a front");
		if (!front_listen(p->fronts[i], f))
			return f->code;
	}
	return OK;
}

static const char *http_name(const struct front_socket *l)
{
	return l->tls ? "HTTPS" : "HTTP";
}

static void log_listeners(struct process *p)
{
	for (unsigned i = 0; i < p->dns_tcp_count; i++)
		log_info(&p->core_log, "agent: Started DNS server %.*s:%u (tcp)", PS(p->dns_tcp[i].addr.host),
		        p->dns_tcp[i].addr.port);
	for (unsigned i = 0; i < p->dns_udp_count; i++)
		log_info(&p->core_log, "agent: Started DNS server %.*s:%u (udp)", PS(p->dns_udp[i].addr.host),
		        p->dns_udp[i].addr.port);
	for (unsigned i = 0; i < p->http_count; i++) {
		const struct config_addr *a = &p->http[i].addr;
		if (a->kind == CONFIG_ADDR_UNIX)
			log_info(&p->core_log, "agent: Started HTTP server on %.*s (unix)", PS(a->host));
		else
			log_info(&p->core_log, "agent: Started %s server on %.*s:%u (tcp)", http_name(&p->http[i]),
			        PS(a->host), a->port);
	}
}

static bool start_thread(pthread_t *t, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	bool ok = !pthread_create(t, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return ok;
}

static enum err start_threads(struct process *p, struct fail *f)
{
	bool ok = start_thread(&p->work_thread, work_run, p->work);
	if (p->wal)
		ok = ok && start_thread(&p->log_thread, log_thread_run, p);
	for (unsigned i = 0; ok && i < p->front_count; i++)
		ok = start_thread(&p->fronts[i]->thread, front_run, p->fronts[i]);
	return ok ? OK : fail_set(f, ERR_NO_MEMORY, "can't start a thread: %s", strerror(errno));
}

static enum err pid_file(struct process *p, struct fail *f)
{
	char path[4096];
	if (!p->config->pid_file.n)
		return OK;
	FILE *out = fopen(slice_cstr(p->config->pid_file, path, sizeof path), "w");
	if (!out)
		return fail_set(f, ERR_IO, "Could not open pid file: open %s: %s", path, strerror(errno));
	fprintf(out, "%d", (int)getpid());
	fclose(out);
	return OK;
}

/* The joins of -join, which the banner waits for. False: one failed, and that ends the agent. */
static bool start_joins(struct process *p)
{
	static const char *const words[] = {"", "-wan "};
	const struct list asked[] = {p->config->start_join, p->config->start_join_wan};
	for (int pool = 0; pool < (int)ARRAY_LEN(asked); pool++) {
		if (!asked[pool].n || !gossip_host_pool(p->gossip, (enum gossip_pool)pool))
			continue;
		banner_say("Joining %scluster...", words[pool]);
		const struct start_join *done = core_thread_joined(p, pool);
		if (done->why[0]) {
			banner_error("%s", done->why);
			return false;
		}
		banner_info("Join %scompleted. Synced with %u initial agents", words[pool], done->n);
	}
	return true;
}

static enum err birth(struct process *p, struct fail *f)
{
	struct config_loaded *l = &agent.loaded;
	enum err e = node_id_setup(l->config, &l->arena, f);
	if (e)
		return fail_wrap(f, "Failed to setup node ID");
	if (config_check_start(l->config, &l->disk, &l->arena, &l->report)) {
		refused(l->report.error);
		return ERR_INVALID; /* said already */
	}
	loop_read_clocks(&p->core_loop);
	p->core_log.now = p->core_loop.wall;
	if (l->config->node_id_made)
		log_debug(&p->core_log, "agent: Using random ID \"%.*s\" as node ID", PS(l->config->node_id));
	e = make_core(p, f);
	e = e ? e : make_gossip(p, f);
	e = e ? e : make_raft(p, f);
	e = e ? e : make_fronts(p, f);
	e = e ? e : pid_file(p, f);
	if (e)
		return e;
	p->work = work_new(&p->core_bell, p->disk.fd > 0 ? &p->disk.disk : NULL);
	if (!p->work || !snapshot_jobs_init(p) || !signals_init(p))
		return fail_set(f, ERR_NO_MEMORY, "no memory or no descriptors");
	if (work_tls(p->work, p->config, f))
		return f->code;
	core_thread_prepare(p);
	log_listeners(p);
	return start_threads(p, f);
}

/* ---- death ---- */

static void unlisten(struct process *p)
{
	struct logbuf *l = &p->core_log;
	if (signals_left())
		log_info(l, "agent: Graceful exit completed");
	log_info(l, "agent: Requesting shutdown");
	log_info(l, p->config->server_mode ? "consul: shutting down server" : "consul: shutting down client");
	log_info(l, p->config->server_mode ? "agent: consul server down" : "agent: consul client down");
	log_info(l, "agent: shutdown complete");
	for (unsigned i = 0; i < p->dns_tcp_count; i++)
		log_info(l, "agent: Stopping DNS server %.*s:%u (tcp)", PS(p->dns_tcp[i].addr.host),
		        p->dns_tcp[i].addr.port);
	for (unsigned i = 0; i < p->dns_udp_count; i++)
		log_info(l, "agent: Stopping DNS server %.*s:%u (udp)", PS(p->dns_udp[i].addr.host),
		        p->dns_udp[i].addr.port);
	for (unsigned i = 0; i < p->http_count; i++)
		log_info(l, "agent: Stopping %s server %.*s:%u (tcp)", http_name(&p->http[i]), PS(p->http[i].addr.host),
		        p->http[i].addr.port);
	log_info(l, "agent: Waiting for endpoints to shut down");
	log_info(l, "agent: Endpoints down");
	log_info(l, "agent: Exit code: %d", atomic_load(&p->exit_code));
	log_hub_take(l);
}

static void death(struct process *p)
{
	for (unsigned i = 0; i < p->front_count; i++)
		pthread_join(p->fronts[i]->thread, NULL);
	pthread_join(p->work_thread, NULL);
	snapshot_jobs_wait();
	if (p->wal) {
		pthread_join(p->log_thread, NULL);
		snapshots_wait(p);
		wal_close(p->wal);
	}
	listeners_close(p);
	if (p->config->pid_file.n) {
		char path[4096];
		unlink(slice_cstr(p->config->pid_file, path, sizeof path));
	}
	unlisten(p);
	for (unsigned i = 0; i < p->front_count; i++)
		front_free(p->fronts[i]);
	https_free(&p->https);
	rpc_tls_free(&p->rpc_tls);
	work_free(p->work);
	exec_runs_free(p->execs);
	gossip_host_free(p->gossip);
	raft_host_free(p->raft);
	core_thread_free(p);
	core_free(p->core);
	baton_free(&p->core_baton);
	epoch_free(p->epoch);
}

void boot_again(void)
{
	agent.again = true;
}

/* The words we were started with, from the system: what became of argv does not matter. Returns when it fails. */
static void begin_anew(void)
{
	enum { WORDS_MAX = 4096, BYTES_MAX = 1 << 18 };
	static char bytes[BYTES_MAX], *words[WORDS_MAX + 1];
	size_t n = 0;
	FILE *in = fopen("/proc/self/cmdline", "re");
	size_t got = in ? fread(bytes, 1, sizeof bytes - 1, in) : 0;
	if (in)
		fclose(in);
	for (char *at = bytes; at < bytes + got && n < WORDS_MAX; at += strlen(at) + 1)
		words[n++] = at;
	if (n && got < sizeof bytes - 1)
		execv("/proc/self/exe", words);
	banner_error("Error starting again: %s", strerror(errno));
}

int cmd_agent(int argc, char **argv)
{
	struct process *p = &agent.process;
	struct fail f = {0};
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_hub_init();
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "-help") || !strcmp(argv[i], "--help")) {
			agent_flags_help(stderr);
			return 0;
		}
	if (!configure(argc, argv))
		return 1;
	p->config = agent.loaded.config;
	MUST(set_level(p));
	if (p->config->enable_syslog && !log_hub_syslog(p->config->syslog_facility, "consul")) {
		banner_error("Syslog setup failed: invalid syslog facility: %.*s", PS(p->config->syslog_facility));
		return 1;
	}
	banner_say("Starting Consul agent...");
	if (birth(p, &f)) {
		if (f.text[0])
			banner_error("Error starting agent: %s", f.text);
		return 1;
	}
	if (!start_joins(p))
		return 1;
	banner_running(p->config, consul_version_human, p->config->encrypt.n > 0);
	fflush(stdout);
	lean_after_start();
	log_hub_open();
	watches_configure(p, p->config);
	core_thread_run(p);
	death(p);
	if (agent.again)
		begin_anew();
	return atomic_load(&p->exit_code);
}
