#!/usr/bin/env bash
# kills.sh [SECONDS [SERVERS]]: servers are killed -9 and stalled at random under load; nothing acknowledged is lost, histories are linearizable.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
python3 tests/soak/kills.py "$consul" "$scratch" "${1:-10}" "${2:-3}"
