#!/usr/bin/env bash
# Two of our servers and one on Go's own hashicorp/raft (tests/peers/raft_peer.go) share a log: leadership goes to and
# fro, snapshots are installed both ways, nothing acknowledged is lost.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
go_peer raft_peer
python3 tests/clients/raft.py "$consul" "$theirs" "$scratch"
