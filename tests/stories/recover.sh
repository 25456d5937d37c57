#!/usr/bin/env bash
# Two of three servers are destroyed: the third says who is missing and what to type; one command, while it runs, or a
# peers.json at its start, and it goes on alone with all it has. New servers take the places of the lost ones.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
at() { echo "127.2.0.$1"; }
start() { # start NUMBER: one of three servers
	"$consul" agent -server -bootstrap-expect 3 -data-dir "$scratch/d$1" -bind "$(at "$1")" -client "$(at "$1")" -node "s$1" \
		-retry-join "$(at 1)" -retry-join "$(at 2)" -retry-join "$(at 3)" -retry-interval 1s >>"$scratch/s$1.log" 2>&1 </dev/null &
	pids[$1]=$!
}
destroy() { # destroy NUMBER...: with their data
	for i in "$@"; do
		kill -9 "${pids[$i]}"
		wait "${pids[$i]}" 2>/dev/null
		rm -rf "$scratch/d$i"
	done
}
api() { curl -s -m 5 "http://$(at "$1"):8500/v1$2" "${@:3}"; }
leads() { api "$1" /status/leader | grep -q 8300; }
writes() { api "$1" "/kv/$2" -X PUT -d "$2" | grep -q true; }
keys() { api "$1" "/kv/?keys" | tr -cd ',' | wc -c; }
recover() { "$consul" operator recover "-http-addr=$(at 3):8500" 2>&1; }
voters() { "$consul" operator raft list-peers "-http-addr=$(at 3):8500" | grep -c 'true'; }
three_vote() { [ "$(voters)" = 3 ]; }

pids=()
for i in 1 2 3; do start $i; done
check "three servers, one group" await 20 leads 2
for i in $(seq 20); do writes 2 k$i; done
matches "nothing to recover" 'there is a leader, 127.2.0.[123]:8300: nothing has to be recovered' "$(recover)"
matches "it is all healthy" '"Healthy":true,"FailureTolerance":1' "$(api 1 /operator/autopilot/health)"

destroy 1 2
named='no leader for 10s: 1 of 3 voting servers are here, 2 are needed. Missing: s1 \(127.2.0.1:8300\), s2 \(127.2.0.2:8300\)\. .*consul operator recover'
check "it says who is missing, and what to type" await 40 grep -Eq "$named" "$scratch/s3.log"
said=$(recover)
matches "recover" '^The server goes on alone, and leads\.$' "$said"
matches "it forgets the others" '^Forgotten: s1 \(127.2.0.1:8300\)$' "$said"
check "it writes" within 50 writes 3 after
equal "it has everything" 20 "$(keys 3)"
check "it is the same process" kill -0 "${pids[3]}"
check "the file is gone" test ! -e "$scratch/d3/raft/peers.json"
start 1
start 2
check "new ones get their votes" await 60 three_vote
equal "and everything" 20 "$(keys 1)"

# The same by hand.
destroy 1 2
kill -9 "${pids[3]}"
wait "${pids[3]}" 2>/dev/null
cat >"$scratch/d3/raft/peers.json" <<END
[{"id": "$(cat "$scratch/d3/node-id")", "address": "127.2.0.3:8300", "non_voter": false}]
END
start 3
check "peers.json is taken" within 100 writes 3 again
matches "which is said" 'consul: deleted peers.json file after successful recovery' "$(cat "$scratch/s3.log")"
equal "nothing is lost" 21 "$(keys 3)"
kill -9 "${pids[3]}"
wait "${pids[3]}" 2>/dev/null
echo '[{"id": "", "address": "127.2.0.3:8300"}]' >"$scratch/d3/raft/peers.json"
matches "one that can't be meant stops the start" 'recovery failed to parse peers.json: a server without id or address' \
	"$("$consul" agent -server -data-dir "$scratch/d3" -bind "$(at 3)" -client "$(at 3)" 2>&1)"
closing
