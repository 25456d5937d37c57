#!/usr/bin/env bash
# comes_back.sh [ROUNDS]: a cluster whose servers were all stopped, left, killed or moved serves again, by itself.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
python3 tests/stories/comes_back.py "$consul" "$scratch" "${1:-1}"
