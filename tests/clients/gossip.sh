#!/usr/bin/env bash
# Three of our agents and two peers on Go's own hashicorp/serf and memberlist (tests/peers/serf_peer.go) are one pool: they see
# the same of each other, hear each other's events and queries, change keys, die, leave, come back; then a pool goes from plain
# to encrypted.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
go_peer serf_peer
python3 tests/clients/gossip.py "$consul" "$theirs" "$scratch"
