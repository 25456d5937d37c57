#!/usr/bin/env bash
# busy_snapshot.sh [KEYS [SECONDS]]: do writes wait for snapshots?
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
python3 tests/soak/busy_snapshot.py "$consul" "$scratch" "$@"
