#!/usr/bin/env bash
# Story 2, discovering containers, as far as one server goes: banner, log lines, an external service, its CNAME.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder

# A recursor that knows www.google.com, for the A records behind the CNAME.
python3 tests/stories/recursor.py 127.0.0.53 &
await 5 dig +tries=1 +time=1 @127.0.0.53 up
await 15 sh -c 'dig +short +time=1 +tries=1 @127.0.0.53 www.google.com A | grep -q 127.0.0.99'
agent n1 -server -bootstrap -data-dir "$scratch/data" -bind 127.0.0.1 -node n1 -recursor 127.0.0.53
await 15 grep -q "Synced node info" "$scratch/n1.log"
log=$(cat "$scratch/n1.log")

equal "the warning of bootstrap mode comes first" "bootstrap = true: do not enable unless necessary" "$(head -1 "$scratch/n1.log")"
for line in "==> Starting Consul agent\.\.\." "==> Consul agent running!" "           Version: '?v?1\.0\.8.*" \
	"           Node ID: '[0-9a-f-]{36}'" "         Node name: 'n1'" "        Datacenter: 'dc1' \(Segment: '<all>'\)" \
	"            Server: true \(Bootstrap: true\)" "       Client Addr: \[127\.0\.0\.1\] \(HTTP: 8500, HTTPS: -1, DNS: 8600\)" \
	"      Cluster Addr: 127\.0\.0\.1 \(LAN: 8301, WAN: 8302\)" "           Encrypt: Gossip: false, TLS-Outgoing: false, TLS-Incoming: false" \
	"==> Log data will now stream in as it occurs:"; do
	matches "banner" "^$line\$" "$log"
done
stamp='^    [0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}'
for line in 'raft: Node at 127\.0\.0\.1:8300 \[Follower\] entering Follower state \(Leader: ""\)' \
	'raft: Node at 127\.0\.0\.1:8300 \[Candidate\] entering Candidate state in term [0-9]+' \
	'raft: Election won\. Tally: 1' 'raft: Node at 127\.0\.0\.1:8300 \[Leader\] entering Leader state' \
	'serf: EventMemberJoin: n1\.dc1 127\.0\.0\.1' 'serf: EventMemberJoin: n1 127\.0\.0\.1' \
	'consul: cluster leadership acquired' 'consul: New leader elected: n1' "consul: member 'n1' joined, marking health alive" \
	'agent: Synced node info' 'agent: Started HTTP server on 127\.0\.0\.1:8500 \(tcp\)' \
	'agent: Started DNS server 127\.0\.0\.1:8600 \(udp\)'; do
	matches "log" "$stamp \[INFO\] $line\$" "$log"
done

registered=$(curl -s -X PUT http://127.0.0.1:8500/v1/catalog/register -d \
	'{"Datacenter":"dc1","Node":"google","Address":"www.google.com","Service":{"Service":"search","Port":80}}')
equal "register" true "$registered"
equal "the services" '{"consul":[],"search":[]}' "$(curl -s http://127.0.0.1:8500/v1/catalog/services)"
answer=$(dig @127.0.0.1 -p 8600 search.service.consul)
matches "a CNAME" '^search\.service\.consul\.\s+0\s+IN\s+CNAME\s+www\.google\.com\.$' "$answer"
matches "and, by the recursor, its address" '^www\.google\.com\.\s+[0-9]+\s+IN\s+A\s+127\.0\.0\.99$' "$answer"

headers=$(curl -s -D - http://127.0.0.1:8500/v1/kv/web/key1)
matches "404 with the index" '^HTTP/1.1 404' "$headers"
matches "X-Consul-Index" '^X-Consul-Index: [0-9]+' "$headers"
equal "a put" true "$(curl -s -X PUT -d test http://127.0.0.1:8500/v1/kv/web/key1)"
matches "200 with the value in base64" '^\[\{"LockIndex":0,"Key":"web/key1","Flags":0,"Value":"dGVzdA==","CreateIndex":[0-9]+,"ModifyIndex":[0-9]+\}\]$' \
	"$(curl -s http://127.0.0.1:8500/v1/kv/web/key1)"
closing
