/* When checks run, and what becomes of their results. */
#include "core/agent/check.h"

#include "core/base/num.h"
#include "tests/unit/agent/world_fixture.h"

static struct check_definition tcp_check(dur_ns interval)
{
	return (struct check_definition){.name = S("t"), .tcp = S("127.0.0.1:80"), .interval = interval};
}

static void finish(struct bench *b, uint64_t run, const char *status, const char *output)
{
	struct event ev = {.kind = EV_CHECK_DONE, .now = b->now, .wall = b->wall};
	ev.check.id = S("t");
	ev.check.run = run;
	ev.check.status = slice_of(status);
	ev.check.output = slice_of(output);
	agent_check_done(b->agent, &ev, &b->out);
	bench_settle(b);
}

TEST(agent_check, first_runs_within_its_interval_then_one_interval_after_each_result)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	CHECK_STR(bench_check(&b, tcp_check(10 * NS_PER_S)), "");
	CHECK_EQ(bench_effects(&b, EFF_CHECK_RUN), 0);
	bench_pass(&b, 10 * NS_PER_S);
	ASSERT(bench_effects(&b, EFF_CHECK_RUN) == 1);
	const struct check_run run = *bench_effect(&b, EFF_CHECK_RUN, 0)->check;
	CHECK_EQ(run.kind, CHECK_TCP);
	CHECK_STR(run.tcp, "127.0.0.1:80");
	uint64_t number = run.run;
	bench_pass(&b, NS_PER_MIN); /* no second run while the first goes on */
	CHECK_EQ(bench_effects(&b, EFF_CHECK_RUN), 1);
	bench_forget(&b);
	finish(&b, number, "passing", "TCP connect 127.0.0.1:80: Success");
	CHECK_STR(bench_status(&b, "t"), "passing");
	CHECK_STR(bench_output(&b, "t"), "TCP connect 127.0.0.1:80: Success");
	bench_pass(&b, 9999 * NS_PER_MS);
	CHECK_EQ(bench_effects(&b, EFF_CHECK_RUN), 0);
	bench_pass(&b, NS_PER_MS);
	CHECK_EQ(bench_effects(&b, EFF_CHECK_RUN), 1);
	bench_end(&b);
}

TEST(agent_check, a_result_of_another_run_or_of_a_removed_check_says_nothing)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_check(&b, tcp_check(NS_PER_S));
	bench_pass(&b, NS_PER_S);
	uint64_t first = bench_effect(&b, EFF_CHECK_RUN, 0)->check->run;
	bench_check(&b, tcp_check(NS_PER_S)); /* anew: the run is cancelled */
	CHECK_EQ(bench_effects(&b, EFF_CHECK_CANCEL), 1);
	finish(&b, first, "passing", "old");
	CHECK_STR(bench_own(&b, "t")->status, "critical");
	struct slice id = S("t");
	bench_ask(&b, ASK_CHECK_DEREGISTER, &id);
	finish(&b, first, "passing", "old");
	CHECK(!bench_own(&b, "t"));
	bench_pass(&b, NS_PER_MIN);
	bench_end(&b);
}

TEST(agent_check, a_run_whose_result_is_lost_runs_again)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_check(&b, tcp_check(NS_PER_S));
	bench_pass(&b, 6 * NS_PER_MIN);
	CHECK_EQ(bench_effects(&b, EFF_CHECK_RUN), 2);
	bench_end(&b);
}

TEST(agent_check, timeouts_fit_into_the_interval)
{
	static const struct {
		struct check_definition d;
		dur_ns timeout;
	} cases[] = {
	        {{.http = {"http://h/", 9}, .interval = NS_PER_MIN}, 10 * NS_PER_S},
	        {{.http = {"http://h/", 9}, .interval = 5 * NS_PER_S}, 5 * NS_PER_S},
	        {{.http = {"http://h/", 9}, .interval = 5 * NS_PER_S, .timeout = NS_PER_S}, NS_PER_S},
	        {{.http = {"http://h/", 9}, .interval = 5 * NS_PER_S, .timeout = NS_PER_MIN}, 5 * NS_PER_S},
	        {{.tcp = {"h:1", 3}, .interval = NS_PER_MIN}, 0},
	        {{.tcp = {"h:1", 3}, .interval = NS_PER_MIN, .timeout = 2 * NS_PER_S}, 2 * NS_PER_S},
	        {{.script = {"x", 1}, .interval = NS_PER_S}, 30 * NS_PER_S},
	        {{.script = {"x", 1}, .interval = NS_PER_S, .timeout = NS_PER_H}, NS_PER_H},
	        {{.script = {"x", 1}, .docker_container_id = {"c", 1}, .interval = NS_PER_S}, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench b;
		struct check_definition d = cases[i].d;
		bench_begin(&b);
		b.config.enable_script_checks = true;
		bench_lead(&b);
		d.name = S("t");
		CHECK_STR(bench_check(&b, d), "");
		bench_pass(&b, NS_PER_MIN);
		const struct effect *e = bench_effect(&b, EFF_CHECK_RUN, 0);
		ASSERT(e);
		CHECK_EQ(e->check->timeout, cases[i].timeout);
		bench_end(&b);
	}
}

TEST(agent_check, intervals_below_a_second_are_one)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_check(&b, tcp_check(NS_PER_MS));
	CHECK(bench_logged(&b, "agent: check 't' has interval below minimum of 1s"));
	bench_pass(&b, NS_PER_S);
	uint64_t run = bench_effect(&b, EFF_CHECK_RUN, 0)->check->run;
	bench_forget(&b);
	finish(&b, run, "passing", "");
	bench_pass(&b, 999 * NS_PER_MS);
	CHECK_EQ(bench_effects(&b, EFF_CHECK_RUN), 0);
	bench_end(&b);
}

TEST(agent_check, a_ttl_fails_once_when_it_is_not_set_in_time)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_check(&b, (struct check_definition){.name = S("t"), .ttl = 10 * NS_PER_S});
	CHECK_STR(bench_set(&b, "t", "passing", "fine"), "");
	bench_pass(&b, 9 * NS_PER_S);
	CHECK_STR(bench_set(&b, "t", "warning", "so so"), "");
	bench_pass(&b, 9 * NS_PER_S); /* setting it began the time anew */
	CHECK_STR(bench_status(&b, "t"), "warning");
	bench_pass(&b, NS_PER_S);
	CHECK_STR(bench_status(&b, "t"), "critical");
	CHECK_STR(bench_output(&b, "t"), "TTL expired (last output before timeout follows): so so");
	CHECK(bench_logged(&b, "[WARN] agent: Check \"t\" missed TTL, is now critical"));
	bench_set(&b, "t", "passing", "");
	bench_pass(&b, 10 * NS_PER_S);
	CHECK_STR(bench_own(&b, "t")->output, "TTL expired");
	bench_end(&b);
}

TEST(agent_check, only_ttls_can_be_set)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_check(&b, tcp_check(NS_PER_H));
	CHECK_STR(bench_set(&b, "t", "passing", ""), "CheckID \"t\" does not have associated TTL");
	CHECK_STR(bench_set(&b, "no\"ne", "passing", ""), "CheckID \"no\\\"ne\" does not have associated TTL");
	bench_end(&b);
}

TEST(agent_check, a_service_that_is_critical_for_too_long_goes_after_a_minute_at_least)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	struct service_definition d = {.name = S("web"), .check = {.ttl = NS_PER_S, .deregister_after = NS_PER_S}};
	struct service_definition patient = {.name = S("db"), .check = {.ttl = NS_PER_S, .deregister_after = NS_PER_H}};
	CHECK_STR(bench_ask(&b, ASK_SERVICE_REGISTER, &d), "");
	CHECK_STR(bench_ask(&b, ASK_SERVICE_REGISTER, &patient), "");
	CHECK(bench_logged(&b, "agent: check 'service:web' has deregister interval below minimum of 1m0s"));
	bench_pass(&b, NS_PER_MIN);
	CHECK_EQ(bench_services(&b), 2);
	bench_pass(&b, 31 * NS_PER_S);
	CHECK_EQ(bench_services(&b), 1);
	CHECK(bench_logged(&b, "agent: Check \"service:web\" for service \"web\" has been critical for too long; "
	                       "deregistered service"));
	bench_end(&b);
}

TEST(agent_check, a_check_that_recovers_begins_to_be_critical_anew)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	struct service_definition d = {
	        .name = S("web"), .check = {.ttl = NS_PER_H, .deregister_after = 2 * NS_PER_MIN}};
	bench_ask(&b, ASK_SERVICE_REGISTER, &d);
	bench_set(&b, "service:web", "critical", "");
	bench_pass(&b, 100 * NS_PER_S);
	bench_set(&b, "service:web", "passing", "");
	bench_set(&b, "service:web", "critical", "");
	bench_pass(&b, 100 * NS_PER_S);
	CHECK_EQ(bench_services(&b), 1);
	bench_pass(&b, NS_PER_MIN);
	CHECK_EQ(bench_services(&b), 0);
	bench_end(&b);
}

TEST(agent_check, another_kind_under_the_same_id_takes_its_place)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_check(&b, (struct check_definition){.name = S("t"), .ttl = 5 * NS_PER_S});
	bench_set(&b, "t", "passing", "set");
	bench_check(&b, tcp_check(NS_PER_H));
	CHECK_STR(bench_own(&b, "t")->status, "critical");
	CHECK_STR(bench_own(&b, "t")->output, "");
	CHECK_STR(bench_set(&b, "t", "passing", ""), "CheckID \"t\" does not have associated TTL");
	bench_pass(&b, NS_PER_MIN);
	CHECK(!bench_logged(&b, "missed TTL"));
	bench_end(&b);
}
