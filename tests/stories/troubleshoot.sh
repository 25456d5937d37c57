#!/usr/bin/env bash
# consul troubleshoot: three agents, one of which tells the others an address where it is not; then a wrong key.
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
for i in 1 2 3 4; do ip addr add 10.66.0.$i/32 dev lo; done
export CONSUL_RPC_ADDR=10.66.0.1:8400
key=$("$consul" keygen)

# member NODE ADDRESS FLAG...: an agent that joins the first
member() {
	local node=$1 at=$2
	shift 2
	"$consul" agent -node="$node" -bind="$at" -client="$at" -data-dir="$scratch/$node" -retry-join=10.66.0.1 \
		-retry-interval=1s "$@" >"$scratch/$node.log" 2>&1 </dev/null &
	eval "pid_$node=$!"
}
knows() { "$consul" members | grep -q "^$1 "; }

member boss 10.66.0.1 -server -bootstrap-expect=1 -encrypt="$key"
await 10 knows boss
member good 10.66.0.2 -encrypt="$key"
await 10 knows good
out=$("$consul" troubleshoot)
code=$?
equal "all well: exit code" 0 $code
matches "gossip of the server over UDP" '^boss +lan +alive +10.66.0.1:8301 +gossip +udp +ok +[0-9.]+ ms' "$out"
matches "its server port" '^boss +lan +alive +10.66.0.1:8300 +server +tcp +ok' "$out"
matches "its place in the WAN" '^boss.dc1 +wan +alive +10.66.0.1:8302 +gossip +udp +ok' "$out"
matches "all well: says so" '^All that was tried can be reached' "$out"

member lost 10.66.0.3 -encrypt="$key" -advertise=10.66.0.99
await 10 knows lost
out=$("$consul" troubleshoot -timeout=500ms)
code=$?
equal "one astray: exit code" 2 $code
lacks "one astray: its gossip is not ok" '^lost .* ok ' "$out"
matches "one astray: the flag that would mend it" '^\* lost: nobody answers at 10.66.0.99:8301.*-advertise=' "$out"
lacks "one astray: nobody else is accused" '^\* (boss|good)' "$out"
json=$("$consul" troubleshoot -timeout=500ms -json)
equal "as JSON: who can't be reached" lost "$(python3 -c 'import json, sys
print(*sorted({p["Node"] for p in json.load(sys.stdin) if not p["Reached"]}))' <<<"$json")"

# Two agents that tell the others the same address: who is asked there is not who answers.
member twin 10.66.0.4 -encrypt="$key" -advertise=10.66.0.2
await 10 knows twin
out=$("$consul" troubleshoot -timeout=500ms)
matches "two with one address" '^\* twin: another node answers at 10.66.0.2:8301' "$out"

out=$("$consul" troubleshoot -timeout=500ms -encrypt="$("$consul" keygen)")
matches "another key" "^\\* good: it does not understand our gossip: its key differs" "$out"
kill -9 "$pid_good"
wait "$pid_good" 2>/dev/null
out=$("$consul" troubleshoot -timeout=500ms)
matches "nobody there any more" '^\* good: the machine at 10.66.0.2:8301 is there but nobody listens' "$out"
closing
