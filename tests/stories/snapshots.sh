#!/usr/bin/env bash
# A backup and its restoration on one durable server: what came after is gone, also after kill -9; an archive that is broken
# changes nothing; one goes on from the index of the archive.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
api=http://127.0.0.1:8500/v1
put() { curl -s -m 5 -X PUT "$api$1" -d "${2:-}"; }
keys() { curl -s -m 5 "$api/kv/?keys" | tr -d ' \n'; }
start() { agent "$1" -server -bootstrap -data-dir "$scratch/data" -bind 127.0.0.1; }
restart() {
	kill -9 $agent_pid
	wait $agent_pid 2>/dev/null
	start "$1"
}

start a
for i in 1 2 3; do put /kv/k$i v$i >/dev/null; done
put /catalog/register '{"Node": "n1", "Address": "10.0.0.1", "Service": {"Service": "web"}}' >/dev/null
session=$(put /session/create '{"Name": "s", "TTL": "600s"}' | grep -o '[0-9a-f-]\{36\}')
put "/kv/locked?acquire=$session" mine >/dev/null
matches "save" 'Saved and verified snapshot to index [0-9]+' "$("$consul" snapshot save "$scratch/backup" 2>&1)"
matches "inspect" '^Version +1$' "$("$consul" snapshot inspect "$scratch/backup" 2>&1)"
equal "tar reads it" "meta.json state.bin SHA256SUMS" "$(tar tzf "$scratch/backup" | paste -sd' ')"
mkdir "$scratch/x"
tar xzf "$scratch/backup" -C "$scratch/x"
check "so does sha256sum" sh -c "cd $scratch/x && sha256sum -c SHA256SUMS"

put /kv/after x >/dev/null
curl -s -X DELETE $api/kv/k1 >/dev/null
put /catalog/deregister '{"Node": "n1"}' >/dev/null
put "/session/destroy/$session" >/dev/null
equal "restore" "Restored snapshot" "$("$consul" snapshot restore "$scratch/backup" 2>&1)"
equal "keys are back" '["k1","k2","k3","locked"]' "$(keys)"
matches "nodes are" '"web"' "$(curl -s $api/catalog/services)"
matches "sessions are" "$session" "$(curl -s $api/session/list)"
matches "and their locks" "$session" "$(curl -s $api/kv/locked)"
equal "and writes go on" true "$(put /kv/next y)"
restart b
equal "kill -9 takes nothing of it" '["k1","k2","k3","locked","next"]' "$(keys)"
matches "not the session either" "$session" "$(curl -s $api/session/list)"
for i in $(seq 50); do put /kv/many/$i z >/dev/null; done
restart c
equal "nor what came behind it" 55 "$(keys | tr ',' '\n' | grep -c .)"

before=$(keys)
head -c 200 "$scratch/backup" >"$scratch/cut"
matches "a cut archive" 'Error restoring snapshot: .*unexpected EOF' "$("$consul" snapshot restore "$scratch/cut" 2>&1)"
printf x >>"$scratch/x/state.bin"
tar czf "$scratch/changed" -C "$scratch/x" meta.json state.bin SHA256SUMS
matches "a changed one" 'hash check failed for "state.bin"' "$("$consul" snapshot restore "$scratch/changed" 2>&1)"
(cd "$scratch/x" && sha256sum meta.json state.bin >SHA256SUMS)
tar czf "$scratch/changed" -C "$scratch/x" meta.json state.bin SHA256SUMS
matches "one that can't be read" 'Raft error when restoring' "$("$consul" snapshot restore "$scratch/changed" 2>&1)"
equal "nothing is lost over them" "$before" "$(keys)"
equal "and writes go on" true "$(put /kv/next z)"

# Writes during a restore wait and are kept.
for i in $(seq 20); do put /kv/during/$i x >/dev/null & done
"$consul" snapshot restore "$scratch/backup" >/dev/null 2>&1
wait $(jobs -p | grep -vx $agent_pid)
equal "writes beside a restore" true "$(put /kv/during/last x)"
restart d
matches "the log fits behind it" '"during/last"' "$(keys)"

# One larger than any other body may be, over 8400 and over HTTP.
head -c 500000 /dev/urandom >"$scratch/value"
for i in $(seq 160); do echo "url=$api/kv/large/$i" && echo "upload-file=$scratch/value"; done >"$scratch/puts"
equal "much is written" 160 "$(curl -s -m 60 -K "$scratch/puts" | grep -o true | grep -c .)"
matches "much is saved" 'Saved and verified' "$("$consul" snapshot save "$scratch/large" 2>&1)"
check "it is large" test "$(stat -c %s "$scratch/large")" -gt $((64 << 20))
for way in -rpc-addr=127.0.0.1:8400 -http-addr=127.0.0.1:8500; do
	curl -s -X DELETE "$api/kv/large/?recurse" >/dev/null
	equal "restored by $way" "Restored snapshot" "$("$consul" snapshot restore $way "$scratch/large" 2>&1)"
	check "all of it is back" cmp "$scratch/value" <(curl -s "$api/kv/large/160?raw")
done
kill -INT $agent_pid
check "the end" within 30 ended $agent_pid
closing
