#!/usr/bin/env bash
# An agent that runs out of file descriptors answers, serves those inside, and recovers.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
ulimit -Sn 160
agent a -dev -bind 127.0.0.1
ulimit -n "$(ulimit -Hn)" 2>/dev/null
python3 tests/stories/descriptors.py $agent_pid
status=$?
kill -INT $agent_pid
within 30 ended $agent_pid || exit 1
exit $status
