#!/usr/bin/env bash
# The in-place switch: our binary started on the data directory of a real Consul 1.0.8 server knows what that server knew,
# keeps the old file, writes on, and survives kill -9.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
vectors=tests/vectors/datadir
tar xzf $vectors/datadir-1.0.8.tgz -C "$scratch"
data=$scratch/datadir api=http://127.0.0.1:8500/v1
start() { agent "$1" -server -bootstrap -node alpha -node-meta zone:z1 -data-dir "$data" -bind 127.8.1.1 -client 127.0.0.1; }
same() { python3 tests/stories/switch.py $vectors/api-after-restart.json http://127.0.0.1:8500; }
log() { cat "$scratch/$1.log"; }

# The states of TTL checks are kept until they expire: as if it had been stopped just now.
sed -i "s/\"Expires\":[0-9]*/\"Expires\":$(($(date +%s) + 600))/" "$data"/checks/state/*

exec 9<>"$data/raft/raft.db"
flock -x 9
matches "the real one still runs" 'raft/raft.db is in use by another process' \
	"$("$consul" agent -server -bootstrap -node alpha -data-dir "$data" -bind 127.8.1.1 2>&1)"
exec 9>&-

start a
matches "it says so" 'raft: Took over the log of another Consul server, up to entry 229' "$(log a)"
check "it keeps the old file" cmp "$data/raft/raft.db.imported" <(tar xzOf $vectors/datadir-1.0.8.tgz datadir/raft/raft.db)
check "it knows what the real one knew" await 10 same
same >"$scratch/differs" || head -20 "$scratch/differs"
equal "writes go on" true "$(curl -s -X PUT "$api/kv/after-switch" -d 1)"
kill -9 $agent_pid
wait $agent_pid 2>/dev/null
start b
lacks "taken over once" 'Took over' "$(log b)"
equal "and are kept" 1 "$(curl -s "$api/kv/after-switch?raw")"
curl -s -X DELETE "$api/kv/after-switch" >/dev/null
check "with all the rest" await 10 same
kill -9 $agent_pid
wait $agent_pid 2>/dev/null

# Somebody went back to the real one for a while, and then came again.
tar xzf $vectors/datadir-1.0.8.tgz -C "$scratch" datadir/raft/raft.db
rm -rf "$data/raft/wal"
start c
equal "a log without ours is taken over again" 2 "$(ls "$data/raft" | grep -cE '^(raft.db.imported|wal)$')"
kill -9 $agent_pid
wait $agent_pid 2>/dev/null
closing
