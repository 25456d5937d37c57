#!/usr/bin/env bash
# disk_bounded.sh [KEYS [ROUNDS [BYTES [SERVERS]]]]: a server that is written to for ever does not fill its disk: snapshots take the place
# of the log.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
python3 tests/stories/disk_bounded.py "$consul" "$scratch" "$@"
