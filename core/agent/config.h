/* The configuration of an agent, as it runs with it.
 *
 * Built once from defaults, files and flags (config_build.h), checked (config_check.h), then never changed: a reload
 * builds another one, of which cmd/agent/boot.c takes over what may change. Everything lies in the arena that it was
 * built with and lives as long as that. Plain data: any thread may read.
 *
 * Field names follow the keys of the config files; config_keys.c holds the table that ties key, field and the name in
 * /v1/agent/self together. Strings are empty where nothing was said. Durations are nanoseconds.
 * Source: Consul 1.0.8 agent/config/runtime.go; what 0.7.5 had besides (8400) stands under "ours". */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "core/agent/definition.h"
#include "core/base/arena.h"
#include "core/base/types.h"
#include "core/base/value.h"

enum config_addr_kind { CONFIG_ADDR_NONE, CONFIG_ADDR_TCP, CONFIG_ADDR_UDP, CONFIG_ADDR_UNIX };

/* Where to listen or what to advertise. NONE: switched off. */
struct config_addr {
	enum config_addr_kind kind;
	struct slice host; /* IP address as Go prints it, without brackets; path of a unix socket */
	int port;          /* 0 for unix; -1 in an advertised address whose port is off */
};

struct config_ttl {
	struct slice service; /* "*" and "web*" are patterns */
	dur_ns ttl;
};

struct agent_config {
	/* who we are */
	struct slice node_name;
	struct slice
	        node_id; /* as configured; empty: the host reads or makes one (cmd/agent/node_id.h) and sets it here */
	bool node_id_made; /* by node_id_setup, at random, just now: the agent logs it */
	struct slice datacenter;
	struct slice domain;          /* as written, "consul." by default; may lack the final dot */
	struct list node_meta;        /* of struct pair */
	struct list tagged_addresses; /* of struct pair: lan, wan and what the file adds */
	bool dev_mode;
	bool server_mode;
	bool bootstrap;
	int64_t bootstrap_expect;
	bool non_voting_server;
	struct slice segment;  /* always empty here: segments are refused */
	int64_t protocol;      /* 2 or 3 */
	int64_t raft_protocol; /* 0: the default, 3 */
	struct slice data_dir; /* empty in dev mode unless said */
	struct slice pid_file;

	/* addresses */
	struct slice bind_addr;          /* IP */
	struct slice advertise_addr;     /* IP, never 0.0.0.0 or :: */
	struct slice advertise_addr_wan; /* IP */
	struct list client_addrs;        /* of struct slice, IPs */
	struct list http_addrs;          /* of struct config_addr; empty: off */
	struct list https_addrs;
	struct list dns_addrs;               /* TCP entries first, then UDP ones */
	struct list ipc_addrs;               /* 8400, ours */
	struct config_addr server_addr;      /* RPCBindAddr */
	struct config_addr server_advertise; /* RPCAdvertiseAddr */
	struct config_addr serf_lan_addr;    /* SerfBindAddrLAN; TCP and UDP */
	struct config_addr serf_lan_advertise;
	struct config_addr serf_wan_addr; /* NONE when ports.serf_wan is off */
	struct config_addr serf_wan_advertise;
	int64_t dns_port, http_port, https_port, server_port, serf_lan_port, serf_wan_port; /* -1: off */
	int64_t ipc_port;
	struct slice unix_socket_user, unix_socket_group, unix_socket_mode;

	/* log */
	struct slice log_level; /* as written; config_check_start refuses what is not a level */
	bool enable_syslog;
	struct slice syslog_facility;

	/* joining */
	struct list start_join, start_join_wan; /* of struct slice */
	struct list retry_join, retry_join_wan;
	dur_ns retry_interval, retry_interval_wan;
	int64_t retry_max, retry_max_wan; /* 0: for ever */
	bool rejoin_after_leave;
	bool leave_on_terminate;
	bool skip_leave_on_interrupt;
	dur_ns reconnect_timeout, reconnect_timeout_wan; /* 0: the default of 72 h */
	dur_ns advertise_reconnect_timeout; /* of us alone, as we ask the others (tag rc_tm); 0: the pool's */
	bool translate_wan_addrs;

	/* DNS */
	bool dns_allow_stale;
	bool dns_disable_compression;
	bool dns_enable_truncate;
	bool dns_only_passing;
	int64_t dns_a_record_limit;
	int64_t dns_udp_answer_limit;
	dur_ns dns_max_stale;
	dur_ns dns_node_ttl;
	dur_ns dns_recursor_timeout;
	struct list dns_service_ttl; /* of struct config_ttl, sorted by service */
	struct list recursors;       /* of struct slice: IP or IP:port, no duplicates */

	/* HTTP */
	struct list http_block_endpoints;  /* of struct slice */
	struct list http_response_headers; /* of struct pair, sorted */
	bool ui;
	struct slice ui_dir;
	bool enable_debug;

	/* what is defined here */
	struct list checks;              /* of struct check_definition, in order */
	struct list services;            /* of struct service_definition */
	struct list watches;             /* of struct value: each an object */
	bool enable_script_checks;       /* those that come over HTTP */
	bool enable_local_script_checks; /* those from files */
	bool discard_check_output;
	bool enable_agent_tls_for_checks;
	dur_ns check_update_interval;

	/* ACL */
	struct slice acl_datacenter; /* empty: ACLs are off */
	struct slice acl_default_policy, acl_down_policy;
	struct slice acl_token, acl_agent_token, acl_agent_master_token, acl_master_token, acl_replication_token;
	dur_ns acl_ttl;
	bool acl_enforce_version_8;
	bool acl_enable_key_list_policy;
	bool enable_acl_replication;

	/* encryption */
	struct slice encrypt; /* base64 */
	bool encrypt_verify_incoming, encrypt_verify_outgoing;
	bool disable_keyring_file;
	struct slice ca_file, ca_path, cert_file, key_file, server_name;
	struct slice tls_min_version;
	struct list tls_cipher_suites; /* of int64_t */
	bool tls_prefer_server_cipher_suites;
	bool verify_incoming, verify_incoming_https, verify_incoming_rpc, verify_outgoing, verify_server_hostname;

	/* switches, limits, tempo */
	bool disable_anonymous_signature;
	bool disable_coordinates;
	bool disable_host_node_id;
	bool disable_remote_exec;
	bool disable_update_check;
	dur_ns discovery_max_stale;
	dur_ns session_ttl_min; /* 0: the default of 10 s */
	dur_ns leave_drain_time;
	dur_ns rpc_hold_timeout;
	int64_t raft_multiplier;
	double rpc_rate; /* requests a second to the servers; < 0: no limit */
	int64_t rpc_max_burst;
	bool autopilot_cleanup_dead_servers;
	bool autopilot_disable_upgrade_migration;
	dur_ns autopilot_last_contact_threshold;
	int64_t autopilot_max_trailing_logs;
	struct slice autopilot_redundancy_zone_tag;
	dur_ns autopilot_server_stabilization_time;
	struct slice autopilot_upgrade_version_tag;

	/* telemetry */
	struct slice circonus_api_app, circonus_api_token, circonus_api_url, circonus_broker_id,
	        circonus_broker_select_tag, circonus_check_display_name, circonus_check_force_metric_activation,
	        circonus_check_id, circonus_check_instance_id, circonus_check_search_tag, circonus_check_tags,
	        circonus_submission_interval, circonus_submission_url;
	bool telemetry_disable_hostname;
	bool telemetry_filter_default;
	struct slice dogstatsd_addr, metrics_prefix, statsd_addr, statsite_addr;
	struct list dogstatsd_tags;                       /* of struct slice */
	struct list telemetry_allowed, telemetry_blocked; /* of struct slice: prefixes */

	/* not for users: the tempo of the protocols, already scaled by raft_multiplier */
	dur_ns acl_disabled_ttl;
	dur_ns ae_interval;
	dur_ns check_deregister_interval_min;
	dur_ns check_reap_interval;
	double sync_coordinate_rate_target;
	dur_ns sync_coordinate_interval_min;
	int64_t segment_limit, segment_name_limit;
	int64_t coordinate_update_batch_size, coordinate_update_max_batches;
	dur_ns coordinate_update_period;
	dur_ns raft_election_timeout, raft_heartbeat_timeout, raft_leader_lease_timeout;
	dur_ns lan_gossip_interval, lan_probe_interval, lan_probe_timeout;
	int64_t lan_suspicion_mult;
	dur_ns wan_gossip_interval, wan_probe_interval, wan_probe_timeout;
	int64_t wan_suspicion_mult;
	dur_ns server_health_interval;
	struct slice version, version_prerelease, revision;

	struct list segments; /* of struct slice: their names; config_check refuses any */
};

#endif
