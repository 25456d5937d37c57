#!/usr/bin/env bash
# cluster.sh [ROUNDS]: three servers with one log; killed, stopped, started again. Nothing acknowledged is lost, all stay equal.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
python3 tests/stories/cluster.py "$consul" "$scratch" "${1:-6}"
