#include "core/agent/config_default.h"

#include "core/base/must.h"
#include "core/base/num.h"
#include "core/base/slice.h"

struct preset {
	const char *key;
	const char *value; /* as text, whatever the type of the key */
};

static const struct preset defaults[] = {
        {"acl_default_policy", "allow"},
        {"acl_down_policy", "extend-cache"},
        {"acl_enforce_version_8", "true"},
        {"acl_ttl", "30s"},
        {"autopilot.cleanup_dead_servers", "true"},
        {"autopilot.last_contact_threshold", "200ms"},
        {"autopilot.max_trailing_logs", "250"},
        {"autopilot.server_stabilization_time", "10s"},
        {"bind_addr", "0.0.0.0"},
        {"check_update_interval", "5m"},
        {"client_addr", "127.0.0.1"},
        {"datacenter", "dc1"},
        {"disable_host_node_id", "true"},
        {"disable_remote_exec", "true"},
        {"dns_config.allow_stale", "true"},
        {"dns_config.max_stale", "87600h"},
        {"dns_config.recursor_timeout", "2s"},
        {"dns_config.udp_answer_limit", "3"},
        {"domain", "consul."},
        {"encrypt_verify_incoming", "true"},
        {"encrypt_verify_outgoing", "true"},
        {"limits.rpc_max_burst", "1000"},
        {"limits.rpc_rate", "-1"},
        {"log_level", "INFO"},
        {"performance.leave_drain_time", "5s"},
        {"performance.raft_multiplier", "5"},
        {"performance.rpc_hold_timeout", "7s"},
        {"ports.dns", "8600"},
        {"ports.http", "8500"},
        {"ports.https", "-1"},
        {"ports.rpc", "8400"},
        {"ports.serf_lan", "8301"},
        {"ports.serf_wan", "8302"},
        {"ports.server", "8300"},
        {"protocol", "2"},
        {"retry_interval", "30s"},
        {"retry_interval_wan", "30s"},
        {"syslog_facility", "LOCAL0"},
        {"telemetry.filter_default", "true"},
        {"telemetry.metrics_prefix", "consul"},
        {"tls_min_version", "tls10"},
};

static const struct preset dev_defaults[] = {
        {"bind_addr", "127.0.0.1"},
        {"disable_anonymous_signature", "true"},
        {"disable_keyring_file", "true"},
        {"enable_debug", "true"},
        {"log_level", "DEBUG"},
        {"performance.raft_multiplier", "1"},
        {"server", "true"},
        {"ui", "true"},
};

static const struct preset fixed[] = {
        {"acl_disabled_ttl", "120s"},
        {"ae_interval", "1m"},
        {"check_deregister_interval_min", "1m"},
        {"check_reap_interval", "30s"},
        {"consul.coordinate.update_batch_size", "128"},
        {"consul.coordinate.update_max_batches", "5"},
        {"consul.coordinate.update_period", "5s"},
        {"consul.raft.election_timeout", "1s"},
        {"consul.raft.heartbeat_timeout", "1s"},
        {"consul.raft.leader_lease_timeout", "500ms"},
        {"consul.serf_lan.memberlist.gossip_interval", "200ms"},
        {"consul.serf_lan.memberlist.probe_interval", "1s"},
        {"consul.serf_lan.memberlist.probe_timeout", "500ms"},
        {"consul.serf_lan.memberlist.suspicion_mult", "4"},
        {"consul.serf_wan.memberlist.gossip_interval", "500ms"},
        {"consul.serf_wan.memberlist.probe_interval", "5s"},
        {"consul.serf_wan.memberlist.probe_timeout", "3s"},
        {"consul.serf_wan.memberlist.suspicion_mult", "6"},
        {"consul.server.health_interval", "2s"},
        {"segment_limit", "64"},
        {"segment_name_limit", "64"},
        {"sync_coordinate_interval_min", "15s"},
        {"sync_coordinate_rate_target", "64"},
};

static const struct preset dev_fixed[] = {
        {"consul.coordinate.update_period", "100ms"},
        {"consul.raft.election_timeout", "52ms"},
        {"consul.raft.heartbeat_timeout", "35ms"},
        {"consul.raft.leader_lease_timeout", "20ms"},
        {"consul.serf_lan.memberlist.gossip_interval", "100ms"},
        {"consul.serf_lan.memberlist.probe_interval", "100ms"},
        {"consul.serf_lan.memberlist.probe_timeout", "100ms"},
        {"consul.serf_lan.memberlist.suspicion_mult", "3"},
        {"consul.serf_wan.memberlist.gossip_interval", "100ms"},
        {"consul.serf_wan.memberlist.probe_interval", "100ms"},
        {"consul.serf_wan.memberlist.probe_timeout", "100ms"},
        {"consul.serf_wan.memberlist.suspicion_mult", "3"},
        {"consul.server.health_interval", "10ms"},
};

static void preset_apply(const struct preset *p, struct config_slot *slots)
{
	struct config_slot *slot = config_slot_of(&config_keys, slots, p->key);
	enum config_type type = config_keys.rows[slot - slots].type;
	struct slice text = slice_of(p->value);
	enum err e = OK;
	if (type == CT_BOOL)
		e = num_bool(text, &slot->b, NULL);
	else if (type == CT_INT)
		e = num_i64(text, &slot->i, NULL);
	else if (type == CT_FLOAT)
		e = num_float(text, &slot->f, NULL);
	else
		slot->s = text;
	MUST(e == OK);
	slot->set = true;
}

static void presets_apply(const struct preset *p, size_t n, struct config_slot *slots)
{
	for (size_t i = 0; i < n; i++)
		preset_apply(&p[i], slots);
}

void config_default_head(struct config_slot *slots, bool dev)
{
	presets_apply(defaults, ARRAY_LEN(defaults), slots);
	if (dev)
		presets_apply(dev_defaults, ARRAY_LEN(dev_defaults), slots);
}

void config_default_tail(struct config_slot *slots, bool dev)
{
	presets_apply(fixed, ARRAY_LEN(fixed), slots);
	if (dev)
		presets_apply(dev_fixed, ARRAY_LEN(dev_fixed), slots);
}
