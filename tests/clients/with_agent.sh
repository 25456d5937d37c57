#!/usr/bin/env bash
# with_agent.sh COMMAND...: runs the command, the agent's address behind it, beside a fresh `consul agent -dev`.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
agent a -dev
"$@" 127.0.0.1 ${CONSUL_IS:-}
