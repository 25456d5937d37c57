#include "core/agent/config_keys.h"

#include "core/base/must.h"
#include "core/base/slice.h"

/* K: a key that goes straight into a field. R: a key that config_build.c turns into something else. D: a derived field.
 */
#define K(k, n, t, field)                                                                                              \
	{                                                                                                              \
		.key = k, .name = n, .type = t, .offset = offsetof(struct agent_config, field)                         \
	}
#define R(k, t)                                                                                                        \
	{                                                                                                              \
		.key = k, .type = t, .flags = CF_ABSENT                                                                \
	}
#define RT(k, t, table)                                                                                                \
	{                                                                                                              \
		.key = k, .type = t, .flags = CF_RAW, .sub = &(table)                                                  \
	}
#define D(n, t, field)                                                                                                 \
	{                                                                                                              \
		.name = n, .type = t, .flags = CF_RAW, .offset = offsetof(struct agent_config, field)                  \
	}

/* The order is that in which the reference turns texts into durations: of several bad ones it reports the last. */
static const struct config_key rows[] = {
        /* services and checks */
        RT("checks", CT_TABLES, config_check_keys),
        RT("check", CT_TABLE, config_check_keys),
        RT("services", CT_TABLES, config_service_keys),
        RT("service", CT_TABLE, config_service_keys),
        D("Checks", CT_CHECKS, checks),
        D("Services", CT_SERVICES, services),

        /* ports and addresses */
        R("ports.dns", CT_INT),
        R("ports.http", CT_INT),
        R("ports.https", CT_INT),
        R("ports.server", CT_INT),
        R("ports.serf_lan", CT_INT),
        R("ports.serf_wan", CT_INT),
        R("ports.rpc", CT_INT),
        R("bind_addr", CT_STR),
        R("advertise_addr", CT_STR),
        R("advertise_addr_wan", CT_STR),
        R("serf_lan", CT_STR),
        R("serf_wan", CT_STR),
        R("client_addr", CT_STR),
        R("addresses.dns", CT_STR),
        R("addresses.http", CT_STR),
        R("addresses.https", CT_STR),
        R("addresses.rpc", CT_STR),
        R("recursors", CT_STRS),

        /* what releases before 1.0 took: config_old.c moves it to its new place */
        R("advertise_addrs.serf_lan", CT_STR),
        R("advertise_addrs.serf_wan", CT_STR),
        R("advertise_addrs.rpc", CT_STR),
        R("recursor", CT_STR),
        R("serf_lan_bind", CT_STR),
        R("serf_wan_bind", CT_STR),
        R("http_api_response_headers", CT_MAP),
        R("statsd_addr", CT_STR),
        R("statsite_addr", CT_STR),
        R("statsite_prefix", CT_STR),
        R("dogstatsd_addr", CT_STR),
        R("dogstatsd_tags", CT_STRS),
        R("retry_join_ec2", CT_ANY),
        R("retry_join_gce", CT_ANY),
        R("atlas_infrastructure", CT_STR),
        R("atlas_token", CT_STR),
        R("atlas_acl_token", CT_STR),
        R("atlas_join", CT_BOOL),
        R("atlas_endpoint", CT_STR),
        RT("segments", CT_TABLES, config_segment_keys),
        R("snapshot_agent", CT_ANY),

        /* the protocols' tempo: nothing that a file says here counts, the last source overrides it */
        K("consul.raft.election_timeout", "ConsulRaftElectionTimeout", CT_DUR, raft_election_timeout),
        K("consul.raft.heartbeat_timeout", "ConsulRaftHeartbeatTimeout", CT_DUR, raft_heartbeat_timeout),
        K("consul.raft.leader_lease_timeout", "ConsulRaftLeaderLeaseTimeout", CT_DUR, raft_leader_lease_timeout),
        K("consul.coordinate.update_batch_size", "ConsulCoordinateUpdateBatchSize", CT_INT,
                coordinate_update_batch_size),
        K("consul.coordinate.update_max_batches", "ConsulCoordinateUpdateMaxBatches", CT_INT,
                coordinate_update_max_batches),
        K("consul.coordinate.update_period", "ConsulCoordinateUpdatePeriod", CT_DUR, coordinate_update_period),
        K("consul.serf_lan.memberlist.gossip_interval", "ConsulSerfLANGossipInterval", CT_DUR, lan_gossip_interval),
        K("consul.serf_lan.memberlist.probe_interval", "ConsulSerfLANProbeInterval", CT_DUR, lan_probe_interval),
        K("consul.serf_lan.memberlist.probe_timeout", "ConsulSerfLANProbeTimeout", CT_DUR, lan_probe_timeout),
        K("consul.serf_lan.memberlist.suspicion_mult", "ConsulSerfLANSuspicionMult", CT_INT, lan_suspicion_mult),
        K("consul.serf_wan.memberlist.gossip_interval", "ConsulSerfWANGossipInterval", CT_DUR, wan_gossip_interval),
        K("consul.serf_wan.memberlist.probe_interval", "ConsulSerfWANProbeInterval", CT_DUR, wan_probe_interval),
        K("consul.serf_wan.memberlist.probe_timeout", "ConsulSerfWANProbeTimeout", CT_DUR, wan_probe_timeout),
        K("consul.serf_wan.memberlist.suspicion_mult", "ConsulSerfWANSuspicionMult", CT_INT, wan_suspicion_mult),
        K("consul.server.health_interval", "ConsulServerHealthInterval", CT_DUR, server_health_interval),
        K("acl_disabled_ttl", "ACLDisabledTTL", CT_DUR, acl_disabled_ttl),
        K("ae_interval", "AEInterval", CT_DUR, ae_interval),
        K("check_deregister_interval_min", "CheckDeregisterIntervalMin", CT_DUR, check_deregister_interval_min),
        K("check_reap_interval", "CheckReapInterval", CT_DUR, check_reap_interval),
        K("segment_limit", "SegmentLimit", CT_INT, segment_limit),
        K("segment_name_limit", "SegmentNameLimit", CT_INT, segment_name_limit),
        K("sync_coordinate_interval_min", "SyncCoordinateIntervalMin", CT_DUR, sync_coordinate_interval_min),
        K("sync_coordinate_rate_target", "SyncCoordinateRateTarget", CT_FLOAT, sync_coordinate_rate_target),
        K("revision", "Revision", CT_STR, revision),
        K("version", "Version", CT_STR, version),
        K("version_prerelease", "VersionPrerelease", CT_STR, version_prerelease),

        /* ACL */
        K("acl_agent_master_token", "ACLAgentMasterToken", CT_STR, acl_agent_master_token),
        K("acl_agent_token", "ACLAgentToken", CT_STR, acl_agent_token),
        K("acl_datacenter", "ACLDatacenter", CT_STR, acl_datacenter),
        K("acl_default_policy", "ACLDefaultPolicy", CT_STR, acl_default_policy),
        K("acl_down_policy", "ACLDownPolicy", CT_STR, acl_down_policy),
        K("acl_enforce_version_8", "ACLEnforceVersion8", CT_BOOL, acl_enforce_version_8),
        K("acl_enable_key_list_policy", "ACLEnableKeyListPolicy", CT_BOOL, acl_enable_key_list_policy),
        K("acl_master_token", "ACLMasterToken", CT_STR, acl_master_token),
        K("acl_replication_token", "ACLReplicationToken", CT_STR, acl_replication_token),
        K("acl_ttl", "ACLTTL", CT_DUR, acl_ttl),
        K("acl_token", "ACLToken", CT_STR, acl_token),
        K("enable_acl_replication", "EnableACLReplication", CT_BOOL, enable_acl_replication),

        /* autopilot */
        K("autopilot.cleanup_dead_servers", "AutopilotCleanupDeadServers", CT_BOOL, autopilot_cleanup_dead_servers),
        K("autopilot.disable_upgrade_migration", "AutopilotDisableUpgradeMigration", CT_BOOL,
                autopilot_disable_upgrade_migration),
        K("autopilot.last_contact_threshold", "AutopilotLastContactThreshold", CT_DUR,
                autopilot_last_contact_threshold),
        K("autopilot.max_trailing_logs", "AutopilotMaxTrailingLogs", CT_INT, autopilot_max_trailing_logs),
        K("autopilot.redundancy_zone_tag", "AutopilotRedundancyZoneTag", CT_STR, autopilot_redundancy_zone_tag),
        K("autopilot.server_stabilization_time", "AutopilotServerStabilizationTime", CT_DUR,
                autopilot_server_stabilization_time),
        K("autopilot.upgrade_version_tag", "AutopilotUpgradeVersionTag", CT_STR, autopilot_upgrade_version_tag),

        /* DNS */
        R("dns_config.service_ttl", CT_MAP),
        K("dns_config.allow_stale", "DNSAllowStale", CT_BOOL, dns_allow_stale),
        K("dns_config.a_record_limit", "DNSARecordLimit", CT_INT, dns_a_record_limit),
        K("dns_config.disable_compression", "DNSDisableCompression", CT_BOOL, dns_disable_compression),
        K("dns_config.enable_truncate", "DNSEnableTruncate", CT_BOOL, dns_enable_truncate),
        K("dns_config.max_stale", "DNSMaxStale", CT_DUR, dns_max_stale),
        K("dns_config.node_ttl", "DNSNodeTTL", CT_DUR, dns_node_ttl),
        K("dns_config.only_passing", "DNSOnlyPassing", CT_BOOL, dns_only_passing),
        K("dns_config.recursor_timeout", "DNSRecursorTimeout", CT_DUR, dns_recursor_timeout),
        K("dns_config.udp_answer_limit", "DNSUDPAnswerLimit", CT_INT, dns_udp_answer_limit),
        K("domain", "DNSDomain", CT_STR, domain),
        D("DNSServiceTTL", CT_TTLS, dns_service_ttl),
        D("DNSRecursors", CT_STRS, recursors),
        D("DNSAddrs", CT_ADDRS, dns_addrs),
        D("DNSPort", CT_INT, dns_port),

        /* HTTP */
        D("HTTPPort", CT_INT, http_port),
        D("HTTPSPort", CT_INT, https_port),
        D("HTTPAddrs", CT_ADDRS, http_addrs),
        D("HTTPSAddrs", CT_ADDRS, https_addrs),
        K("http_config.block_endpoints", "HTTPBlockEndpoints", CT_STRS, http_block_endpoints),
        K("http_config.response_headers", "HTTPResponseHeaders", CT_MAP, http_response_headers),

        /* telemetry */
        K("telemetry.circonus_api_app", "TelemetryCirconusAPIApp", CT_STR, circonus_api_app),
        K("telemetry.circonus_api_token", "TelemetryCirconusAPIToken", CT_STR, circonus_api_token),
        K("telemetry.circonus_api_url", "TelemetryCirconusAPIURL", CT_STR, circonus_api_url),
        K("telemetry.circonus_broker_id", "TelemetryCirconusBrokerID", CT_STR, circonus_broker_id),
        K("telemetry.circonus_broker_select_tag", "TelemetryCirconusBrokerSelectTag", CT_STR,
                circonus_broker_select_tag),
        K("telemetry.circonus_check_display_name", "TelemetryCirconusCheckDisplayName", CT_STR,
                circonus_check_display_name),
        K("telemetry.circonus_check_force_metric_activation", "TelemetryCirconusCheckForceMetricActivation", CT_STR,
                circonus_check_force_metric_activation),
        K("telemetry.circonus_check_id", "TelemetryCirconusCheckID", CT_STR, circonus_check_id),
        K("telemetry.circonus_check_instance_id", "TelemetryCirconusCheckInstanceID", CT_STR,
                circonus_check_instance_id),
        K("telemetry.circonus_check_search_tag", "TelemetryCirconusCheckSearchTag", CT_STR, circonus_check_search_tag),
        K("telemetry.circonus_check_tags", "TelemetryCirconusCheckTags", CT_STR, circonus_check_tags),
        K("telemetry.circonus_submission_interval", "TelemetryCirconusSubmissionInterval", CT_STR,
                circonus_submission_interval),
        K("telemetry.circonus_submission_url", "TelemetryCirconusSubmissionURL", CT_STR, circonus_submission_url),
        K("telemetry.disable_hostname", "TelemetryDisableHostname", CT_BOOL, telemetry_disable_hostname),
        K("telemetry.dogstatsd_addr", "TelemetryDogstatsdAddr", CT_STR, dogstatsd_addr),
        K("telemetry.dogstatsd_tags", "TelemetryDogstatsdTags", CT_STRS, dogstatsd_tags),
        K("telemetry.filter_default", "TelemetryFilterDefault", CT_BOOL, telemetry_filter_default),
        K("telemetry.metrics_prefix", "TelemetryMetricsPrefix", CT_STR, metrics_prefix),
        K("telemetry.statsd_address", "TelemetryStatsdAddr", CT_STR, statsd_addr),
        K("telemetry.statsite_address", "TelemetryStatsiteAddr", CT_STR, statsite_addr),
        R("telemetry.statsite_prefix", CT_STR),
        R("telemetry.prefix_filter", CT_STRS),
        R("telemetry.enable_deprecated_names", CT_BOOL),
        D("TelemetryAllowedPrefixes", CT_STRS, telemetry_allowed),
        D("TelemetryBlockedPrefixes", CT_STRS, telemetry_blocked),

        /* the agent */
        D("AdvertiseAddrLAN", CT_STR, advertise_addr),
        D("AdvertiseAddrWAN", CT_STR, advertise_addr_wan),
        D("BindAddr", CT_STR, bind_addr),
        K("bootstrap", "Bootstrap", CT_BOOL, bootstrap),
        K("bootstrap_expect", "BootstrapExpect", CT_INT, bootstrap_expect),
        K("ca_file", "CAFile", CT_STR, ca_file),
        K("ca_path", "CAPath", CT_STR, ca_path),
        K("cert_file", "CertFile", CT_STR, cert_file),
        K("check_update_interval", "CheckUpdateInterval", CT_DUR, check_update_interval),
        D("ClientAddrs", CT_STRS, client_addrs),
        K("data_dir", "DataDir", CT_STR, data_dir),
        K("datacenter", "Datacenter", CT_STR, datacenter),
        D("DevMode", CT_BOOL, dev_mode),
        K("disable_anonymous_signature", "DisableAnonymousSignature", CT_BOOL, disable_anonymous_signature),
        K("disable_coordinates", "DisableCoordinates", CT_BOOL, disable_coordinates),
        K("disable_host_node_id", "DisableHostNodeID", CT_BOOL, disable_host_node_id),
        K("disable_keyring_file", "DisableKeyringFile", CT_BOOL, disable_keyring_file),
        K("disable_remote_exec", "DisableRemoteExec", CT_BOOL, disable_remote_exec),
        K("disable_update_check", "DisableUpdateCheck", CT_BOOL, disable_update_check),
        K("discard_check_output", "DiscardCheckOutput", CT_BOOL, discard_check_output),
        K("discovery_max_stale", "DiscoveryMaxStale", CT_DUR, discovery_max_stale),
        K("enable_agent_tls_for_checks", "EnableAgentTLSForChecks", CT_BOOL, enable_agent_tls_for_checks),
        K("enable_debug", "EnableDebug", CT_BOOL, enable_debug),
        K("enable_script_checks", "EnableRemoteScriptChecks", CT_BOOL, enable_script_checks),
        R("enable_local_script_checks", CT_BOOL),
        D("EnableLocalScriptChecks", CT_BOOL, enable_local_script_checks),
        K("enable_syslog", "EnableSyslog", CT_BOOL, enable_syslog),
        K("ui", "EnableUI", CT_BOOL, ui),
        K("encrypt", "EncryptKey", CT_STR, encrypt),
        K("encrypt_verify_incoming", "EncryptVerifyIncoming", CT_BOOL, encrypt_verify_incoming),
        K("encrypt_verify_outgoing", "EncryptVerifyOutgoing", CT_BOOL, encrypt_verify_outgoing),
        K("key_file", "KeyFile", CT_STR, key_file),
        R("leave_on_terminate", CT_BOOL),
        D("LeaveOnTerm", CT_BOOL, leave_on_terminate),
        K("log_level", "LogLevel", CT_STR, log_level),
        K("node_id", "NodeID", CT_STR, node_id),
        K("node_meta", "NodeMeta", CT_MAP, node_meta),
        K("node_name", "NodeName", CT_STR, node_name),
        K("non_voting_server", "NonVotingServer", CT_BOOL, non_voting_server),
        K("pid_file", "PidFile", CT_STR, pid_file),
        D("RPCAdvertiseAddr", CT_ADDR, server_advertise),
        D("RPCBindAddr", CT_ADDR, server_addr),
        K("performance.leave_drain_time", "LeaveDrainTime", CT_DUR, leave_drain_time),
        K("performance.raft_multiplier", NULL, CT_INT, raft_multiplier),
        K("performance.rpc_hold_timeout", "RPCHoldTimeout", CT_DUR, rpc_hold_timeout),
        K("limits.rpc_max_burst", "RPCMaxBurst", CT_INT, rpc_max_burst),
        K("limits.rpc_rate", "RPCRateLimit", CT_FLOAT, rpc_rate),
        K("protocol", "RPCProtocol", CT_INT, protocol),
        K("raft_protocol", "RaftProtocol", CT_INT, raft_protocol),
        K("advertise_reconnect_timeout", NULL, CT_DUR, advertise_reconnect_timeout),
        K("reconnect_timeout", "ReconnectTimeoutLAN", CT_DUR, reconnect_timeout),
        K("reconnect_timeout_wan", "ReconnectTimeoutWAN", CT_DUR, reconnect_timeout_wan),
        K("rejoin_after_leave", "RejoinAfterLeave", CT_BOOL, rejoin_after_leave),
        K("retry_interval", "RetryJoinIntervalLAN", CT_DUR, retry_interval),
        K("retry_interval_wan", "RetryJoinIntervalWAN", CT_DUR, retry_interval_wan),
        K("retry_join", "RetryJoinLAN", CT_STRS, retry_join),
        K("retry_max", "RetryJoinMaxAttemptsLAN", CT_INT, retry_max),
        K("retry_max_wan", "RetryJoinMaxAttemptsWAN", CT_INT, retry_max_wan),
        K("retry_join_wan", "RetryJoinWAN", CT_STRS, retry_join_wan),
        K("segment", "SegmentName", CT_STR, segment),
        D("Segments", CT_STRS, segments),
        D("SerfAdvertiseAddrLAN", CT_ADDR, serf_lan_advertise),
        D("SerfAdvertiseAddrWAN", CT_ADDR, serf_wan_advertise),
        D("SerfBindAddrLAN", CT_ADDR, serf_lan_addr),
        D("SerfBindAddrWAN", CT_ADDR, serf_wan_addr),
        D("SerfPortLAN", CT_INT, serf_lan_port),
        D("SerfPortWAN", CT_INT, serf_wan_port),
        K("server", "ServerMode", CT_BOOL, server_mode),
        K("server_name", "ServerName", CT_STR, server_name),
        D("ServerPort", CT_INT, server_port),
        K("session_ttl_min", "SessionTTLMin", CT_DUR, session_ttl_min),
        R("skip_leave_on_interrupt", CT_BOOL),
        D("SkipLeaveOnInt", CT_BOOL, skip_leave_on_interrupt),
        K("start_join", "StartJoinAddrsLAN", CT_STRS, start_join),
        K("start_join_wan", "StartJoinAddrsWAN", CT_STRS, start_join_wan),
        K("syslog_facility", "SyslogFacility", CT_STR, syslog_facility),
        R("tls_cipher_suites", CT_STR),
        D("TLSCipherSuites", CT_INTS, tls_cipher_suites),
        K("tls_min_version", "TLSMinVersion", CT_STR, tls_min_version),
        K("tls_prefer_server_cipher_suites", "TLSPreferServerCipherSuites", CT_BOOL, tls_prefer_server_cipher_suites),
        K("tagged_addresses", "TaggedAddresses", CT_MAP, tagged_addresses),
        K("translate_wan_addrs", "TranslateWANAddrs", CT_BOOL, translate_wan_addrs),
        K("ui_dir", "UIDir", CT_STR, ui_dir),
        K("unix_sockets.group", "UnixSocketGroup", CT_STR, unix_socket_group),
        K("unix_sockets.mode", "UnixSocketMode", CT_STR, unix_socket_mode),
        K("unix_sockets.user", "UnixSocketUser", CT_STR, unix_socket_user),
        K("verify_incoming", "VerifyIncoming", CT_BOOL, verify_incoming),
        K("verify_incoming_https", "VerifyIncomingHTTPS", CT_BOOL, verify_incoming_https),
        K("verify_incoming_rpc", "VerifyIncomingRPC", CT_BOOL, verify_incoming_rpc),
        K("verify_outgoing", "VerifyOutgoing", CT_BOOL, verify_outgoing),
        K("verify_server_hostname", "VerifyServerHostname", CT_BOOL, verify_server_hostname),
        K("watches", "Watches", CT_OBJECTS, watches),
};

#undef K
#define K(k, n, t, field)                                                                                              \
	{                                                                                                              \
		.key = k, .name = n, .type = t, .offset = offsetof(struct check_definition, field)                     \
	}

/* What the check of a service has, too. */
#define CHECK_TYPE_ROWS                                                                                                \
	K("name", "Name", CT_STR, name), K("notes", "Notes", CT_STR, notes), K("status", "Status", CT_STR, status),    \
	        K("script", "Script", CT_STR, script), K("args", "ScriptArgs", CT_STRS, script_args),                  \
	        K("http", "HTTP", CT_STR, http), K("header", "Header", CT_MAP_STRS, header),                           \
	        K("method", "Method", CT_STR, method), K("tcp", "TCP", CT_STR, tcp),                                   \
	        K("interval", "Interval", CT_DUR, interval),                                                           \
	        K("docker_container_id", "DockerContainerID", CT_STR, docker_container_id),                            \
	        K("shell", "Shell", CT_STR, shell), K("grpc", "GRPC", CT_STR, grpc),                                   \
	        K("grpc_use_tls", "GRPCUseTLS", CT_BOOL, grpc_use_tls),                                                \
	        K("tls_skip_verify", "TLSSkipVerify", CT_BOOL, tls_skip_verify),                                       \
	        K("timeout", "Timeout", CT_DUR, timeout), K("ttl", "TTL", CT_DUR, ttl),                                \
	        K("deregister_critical_service_after", "DeregisterCriticalServiceAfter", CT_DUR, deregister_after)

static const struct config_key check_rows[] = {
        K("id", "ID", CT_STR, id),
        K("service_id", "ServiceID", CT_STR, service_id),
        K("token", "Token", CT_STR, token),
        CHECK_TYPE_ROWS,
};

static const struct config_key check_type_rows[] = {
        K("id", "CheckID", CT_STR, id),
        CHECK_TYPE_ROWS,
};

#undef K
#define K(k, n, t, field)                                                                                              \
	{                                                                                                              \
		.key = k, .name = n, .type = t, .offset = offsetof(struct service_definition, field)                   \
	}

#undef D
#define D(n, t, field)                                                                                                 \
	{                                                                                                              \
		.name = n, .type = t, .flags = CF_RAW, .offset = offsetof(struct service_definition, field)            \
	}

static const struct config_key service_rows[] = {
        K("id", "ID", CT_STR, id),
        K("name", "Name", CT_STR, name),
        K("tags", "Tags", CT_STRS, tags),
        R("tag", CT_STR),
        K("address", "Address", CT_STR, address),
        K("port", "Port", CT_INT, port),
        RT("check", CT_TABLE, config_check_keys),
        RT("checks", CT_TABLES, config_check_keys),
        K("token", "Token", CT_STR, token),
        K("enable_tag_override", "EnableTagOverride", CT_BOOL, enable_tag_override),
        D("Check", CT_CHECK_TYPE, check),
        D("Checks", CT_CHECK_TYPES, checks),
        D("Meta", CT_MAP, meta),
};

static const struct config_key segment_rows[] = {
        R("advertise", CT_STR),
        R("bind", CT_STR),
        R("name", CT_STR),
        R("port", CT_INT),
        R("rpc_listener", CT_BOOL),
};

const struct config_table config_keys = {rows, ARRAY_LEN(rows)};
const struct config_table config_check_keys = {check_rows, ARRAY_LEN(check_rows)};
const struct config_table config_service_keys = {service_rows, ARRAY_LEN(service_rows)};
const struct config_table config_check_type_keys = {check_type_rows, ARRAY_LEN(check_type_rows)};
const struct config_table config_segment_keys = {segment_rows, ARRAY_LEN(segment_rows)};

struct config_slot *config_slot_of(const struct config_table *t, struct config_slot *slots, const char *key)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->rows[i].key && !strcmp(t->rows[i].key, key))
			return &slots[i];
	MUST(!"a key of the table");
	return NULL;
}
