#!/usr/bin/env bash
# Story 2, a cluster: three servers with -bootstrap-expect 3, a client, and a fifth agent that joins through the client.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder

# node N FLAG...: agent nodeN on 127.0.2.N.
node() {
	local n=$1 a=127.0.2.$1
	shift
	"$consul" agent -node "node$n" -bind $a -client $a -data-dir "$scratch/data$n" "$@" >"$scratch/node$n.log" 2>&1 </dev/null &
}
nodes_seen_by() { curl -s -m 5 "http://127.0.2.$1:8500/v1/catalog/nodes" | grep -o '"Node":"[^"]*"' | sort | tr -d '\n'; }
five='"Node":"node1""Node":"node2""Node":"node3""Node":"node4""Node":"node5"'
sees_five() { [ "$(nodes_seen_by "$1")" = "$five" ]; }

node 1 -server -bootstrap-expect 3
await 10 curl -s http://127.0.2.1:8500/v1/status/leader
node 2 -server -join 127.0.2.1
sleep 1
equal "two of three elect nobody" '""' "$(curl -s http://127.0.2.1:8500/v1/status/leader)"
node 3 -server -join 127.0.2.1
export CONSUL_HTTP_ADDR=127.0.2.1:8500
await 30 has_leader
node 4 -join 127.0.2.1
await 10 grep -q 'agent: (LAN) joined: 1' "$scratch/node4.log"
node 5 -join 127.0.2.4

for n in 1 2 3 4 5; do
	check "node$n lists all five" await 30 sees_five $n
done
log=$(cat "$scratch"/node[123].log)
matches "expect mode is said" '^bootstrap_expect > 0: expecting 3 servers$' "$log"
matches "the first leader is made of all three" 'consul: Found expected number of peers, attempting bootstrap: 127\.0\.2\.[123]:8300,127' "$log"
matches "somebody wins the election" 'raft: Election won\. Tally: 2' "$log"
for n in 1 2 3; do
	await 10 grep -q "consul: New leader elected" "$scratch/node$n.log"
	matches "node$n knows the leader" 'consul: New leader elected: node[123]' "$(cat "$scratch/node$n.log")"
done
leaders=$(for n in 1 2 3 4 5; do curl -s "http://127.0.2.$n:8500/v1/status/leader"; done | grep -o '127[0-9.:]*' | sort -u | wc -l)
equal "all know one leader" 1 "$leaders"

headers=$(curl -s -o /dev/null -D - http://127.0.2.4:8500/v1/kv/web/key1)
matches "an absent key through the client: 404" '^HTTP/1.1 404' "$headers"
matches "with an index" '^X-Consul-Index: [1-9]' "$headers"
matches "and a leader" '^X-Consul-Knownleader: true' "$headers"
matches "and its last contact" '^X-Consul-Lastcontact: [0-9]+' "$headers"
equal "a put through the fifth" true "$(curl -s -X PUT -d test http://127.0.2.5:8500/v1/kv/web/key1)"
for n in 1 2 3 4 5; do
	matches "node$n has it" '"Key":"web/key1","Flags":0,"Value":"dGVzdA=="' "$(curl -s http://127.0.2.$n:8500/v1/kv/web/key1)"
done
registered=$(curl -s -o /dev/null -w '%{http_code}' -X PUT -d '{"Name":"boats","Port":8770}' http://127.0.2.5:8500/v1/agent/service/register)
equal "a service registers at the fifth" 200 "$registered"
boats() { [ "$(dig +short @127.0.2.$1 -p 8600 boats.service.consul SRV)" = "1 1 8770 node5.node.dc1.consul." ]; }
for n in 1 4; do
	check "node$n answers for it in DNS" await 10 boats $n
done
members=$("$consul" members -http-addr=127.0.2.4:8500)
matches "members knows servers" '^node1 +127\.0\.2\.1:8301 +alive +server' "$members"
matches "and clients" '^node5 +127\.0\.2\.5:8301 +alive +client' "$members"
closing
