#!/usr/bin/env bash
# Story 1, the first five minutes: exactly the commands of a newcomer, on the default addresses.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
consul() { command "$consul" "$@"; }

"$consul" agent -dev >"$scratch/a.log" 2>&1 </dev/null &
agent_pid=$!
check "leader and answering, at once" within 10 has_leader
await 5 sh -c 'curl -s 127.0.0.1:8500/v1/catalog/services | grep -q consul'
node=$(hostname)

members=$(consul members)
matches "members has a heading" '^Node +Address +Status +Type +Build +Protocol +DC +Segment$' "$members"
matches "members lists this server" "^$node +127\.0\.0\.1:8301 +alive +server +1\.0\.8 +2 +dc1 +<all>\$" "$members"
matches "members -wan lists it with its datacenter" "^$node\.dc1 +127\.0\.0\.1:8302 +alive +server" "$(consul members -wan)"
equal "kv put" "Success! Data written to: a" "$(consul kv put a 1)"
equal "kv get" 1 "$(consul kv get a)"
matches "catalog nodes" "^$node +[0-9a-f]{8} +127\.0\.0\.1 +dc1\$" "$(consul catalog nodes)"
equal "catalog services" consul "$(consul catalog services)"
equal "catalog datacenters" dc1 "$(consul catalog datacenters)"
matches "monitor" '\[INFO\] raft: Node at 127\.0\.0\.1:8300 \[Leader\] entering Leader state' "$(timeout 1 "$consul" monitor)"
matches "info" '^	leader = true$' "$(consul info)"
equal "keygen gives 16 bytes" 16 "$(consul keygen | base64 -d | wc -c)"

matches "curl of the key" '"Value": ?"MQ=="' "$(curl -s localhost:8500/v1/kv/a)"
headers=$(curl -s -o /dev/null -D - localhost:8500/v1/kv/absent)
matches "an absent key is 404" '^HTTP/1.1 404 Not Found' "$headers"
for header in X-Consul-Index X-Consul-Knownleader X-Consul-Lastcontact; do
	matches "$header" "^$header: " "$headers"
done
equal "dig" "1 1 8300 $node.node.dc1.consul." "$(dig +short @127.0.0.1 -p 8600 consul.service.consul SRV)"

kill -INT $agent_pid
check "Ctrl-C ends it within two seconds" within 20 ended $agent_pid
wait $agent_pid
equal "a server ends with 1" 1 $?
matches "and says how" '\[INFO\] agent: Exit code: 1$' "$(cat "$scratch/a.log")"
gone=$(consul members 2>&1)
equal "with the agent gone, members fails" 1 $?
equal "in one line" 1 "$(wc -l <<<"$gone")"
closing
