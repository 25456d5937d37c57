#!/usr/bin/env bash
# durability.sh [ROUNDS]: `agent -server -bootstrap -data-dir D` is killed -9 under load, 20 times; nothing acknowledged is lost.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
python3 tests/stories/durability.py "$consul" "$scratch" "${1:-20}"
