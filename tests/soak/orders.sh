#!/usr/bin/env bash
# orders.sh [ROUNDS [INTERVAL]]: four agents that name each other become one cluster, in whatever order they and their names come.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
echo "nameserver 127.0.0.53" >"$scratch/resolv.conf"
mount --bind "$scratch/resolv.conf" /etc/resolv.conf
: >"$scratch/names"
python3 tests/stories/recursor.py 127.0.0.53 "$scratch/names" &
python3 tests/soak/orders.py "$consul" "$scratch" "$scratch/names" "${1:-3}" "${2:-1s}"
