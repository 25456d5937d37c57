#!/usr/bin/env bash
# recreated.sh [TIMES]: a container that is made anew again and again is alive everywhere at once.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
python3 tests/stories/recreated.py "$consul" "$scratch" "${1:-50}"
