#!/usr/bin/env bash
# Two of our servers and one on Go's own hashicorp/raft (tests/peers/raft_peer.go) share a log: leadership goes to and
# fro, snapshots are installed both ways, nothing acknowledged is lost.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
theirs=$PWD/build/clients/raft_peer_go
if [ ! "$theirs" -nt tests/peers/raft_peer.go ]; then
	HOME=$scratch GOPATH=/usr/share/gocode GO111MODULE=off GOPROXY=off GOFLAGS= GOCACHE=$scratch/go \
		go build -o "$theirs" tests/peers/raft_peer.go >"$scratch/build.log" 2>&1 || {
		fail "their half compiles" "$(tail -5 "$scratch/build.log")"
		closing
	}
fi
python3 tests/clients/raft.py "$consul" "$theirs" "$scratch"
