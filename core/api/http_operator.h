/* /v1/operator/: Raft's configuration and peers, autopilot, keys of gossip. */
#ifndef CORE_API_HTTP_OPERATOR_H
#define CORE_API_HTTP_OPERATOR_H

#include "core/api/http.h"

http_handler http_operator_raft_configuration, http_operator_raft_peer, http_operator_raft_recover,
        http_operator_autopilot_configuration, http_operator_autopilot_health, http_operator_keyring;

#endif
