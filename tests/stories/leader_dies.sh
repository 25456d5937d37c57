#!/usr/bin/env bash
# leader_dies.sh [ROUNDS]: the leader is killed -9 under load; DNS and stale reads go on, nothing is lost, writes are back at once.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
python3 tests/stories/leader_dies.py "$consul" "$scratch" "${1:-3}"
