#!/usr/bin/env bash
# A server that is written to for ever does not fill its disk: snapshots take the place of the log.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
agent a -server -bootstrap -data-dir "$scratch/data" -bind 127.0.0.1
python3 tests/stories/disk_bounded.py "$scratch/data" "$@"
kill -9 $agent_pid
wait $agent_pid 2>/dev/null
