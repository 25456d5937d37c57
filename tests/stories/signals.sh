#!/usr/bin/env bash
# TERM and INT end an agent cleanly, with the exit code of its kind, whoever is still connected; HUP reloads and says so.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
mkdir "$scratch/conf"

for signal in TERM INT; do
	agent "$signal" -dev -bind 127.0.0.1
	curl -s -o /dev/null "http://127.0.0.1:8500/v1/kv/a?index=9999&wait=60s" &
	blocked=$!
	sleep 0.2
	kill -$signal $agent_pid
	check "$signal ends a server within three seconds" within 30 ended $agent_pid
	wait $agent_pid
	equal "$signal: a server ends with 1" 1 $?
	check "$signal: who waited is let go" within 20 ended $blocked
	matches "$signal: it says why" '\[INFO\] agent: Caught signal:  (interrupt|terminated)$' "$(cat "$scratch/$signal.log")"
	lacks "$signal: nothing is left listening" ':(8300|8301|8400|8500|8600)\b' "$(ss -Hlntu)"
done

echo '{"service": {"name": "before", "port": 1}}' >"$scratch/conf/a.json"
agent hup -dev -bind 127.0.0.1 -config-dir "$scratch/conf"
services() { curl -s http://127.0.0.1:8500/v1/agent/services; }
matches "the service of the file" before "$(services)"
echo '{"service": {"name": "after", "port": 2}}' >"$scratch/conf/a.json"
kill -HUP $agent_pid
check "HUP brings the new one" await 5 sh -c 'curl -s http://127.0.0.1:8500/v1/agent/services | grep -q after'
lacks "and drops the old one" before "$(services)"
matches "it says so" '\[INFO\] agent: Reloading configuration\.\.\.|\[INFO\] agent: Caught signal:  hangup' "$(cat "$scratch/hup.log")"
echo '{broken' >"$scratch/conf/a.json"
kill -HUP $agent_pid
check "a broken file is an error in the log" await 5 grep -q '\[ERR\] agent: Reload config failed: ' "$scratch/hup.log"
matches "and changes nothing" after "$(services)"
echo '{"service": {"name": "third", "port": 3}}' >"$scratch/conf/a.json"
matches "consul reload says so" 'Configuration reload triggered' "$("$consul" reload)"
check "and does it" await 5 sh -c 'curl -s http://127.0.0.1:8500/v1/agent/services | grep -q third'
kill -INT $agent_pid
check "the end" within 30 ended $agent_pid
closing
