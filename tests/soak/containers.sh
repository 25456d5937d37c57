#!/usr/bin/env bash
# containers.sh [ROUNDS]: docker's stop, restart, kill, and rm -f with a new run, over three servers and three clients, in every
# order (24 rounds): everything is whole again by itself each time.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
wired 10.77.0.{1..12}
: >"$scratch/names"
mount --bind "$scratch/names" /etc/hosts
python3 tests/soak/containers.py "$consul" "$scratch" "${1:-1}" 10.77.0.{1..12}
