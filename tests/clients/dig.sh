#!/usr/bin/env bash
# dig, over UDP and TCP, as a person asks.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
agent a -dev -node web1 -bind 127.0.0.1

ask() { dig +tries=1 +time=3 @127.0.0.1 -p 8600 "$@"; }
put() { curl -s -m 5 -X PUT "http://127.0.0.1:8500$1" -d "$2" >/dev/null; }
await 10 sh -c 'dig +short @127.0.0.1 -p 8600 consul.service.consul | grep -q 127'

equal "a node" 127.0.0.1 "$(ask +short web1.node.consul)"
equal "a node in its datacenter" 127.0.0.1 "$(ask +short web1.node.dc1.consul)"
equal "case does not matter" 127.0.0.1 "$(ask +short WEB1.Node.Consul)"
equal "the service of the servers" "1 1 8300 web1.node.dc1.consul." "$(ask +short consul.service.consul SRV)"
matches "its target's address comes along" '^web1\.node\.dc1\.consul\.\s+0\s+IN\s+A\s+127\.0\.0\.1$' "$(ask consul.service.consul SRV)"
matches "answers are authoritative" '^;; flags: qr aa rd' "$(ask web1.node.consul)"

put /v1/agent/service/register '{"ID":"w1","Name":"web","Port":80,"Tags":["blue"],"Check":{"TTL":"60s","Status":"passing"}}'
put /v1/agent/service/register '{"ID":"w2","Name":"web","Port":81,"Tags":["red"],"Address":"127.1.2.3"}'
await 5 sh -c '[ "$(dig +short @127.0.0.1 -p 8600 web.service.consul | wc -l)" = 2 ]'
equal "both instances" $'127.0.0.1\n127.1.2.3' "$(ask +short web.service.consul | sort)"
equal "by tag" 127.1.2.3 "$(ask +short red.web.service.consul)"
equal "as RFC 2782 has it" "1 1 80 web1.node.dc1.consul." "$(ask +short _web._blue.service.consul SRV)"
equal "an address of its own as target" "1 1 81 7f010203.addr.dc1.consul." "$(ask +short _web._red.service.consul SRV)"
equal "that target" 127.1.2.3 "$(ask +short 7f010203.addr.dc1.consul)"
equal "over TCP" 127.1.2.3 "$(ask +tcp +short red.web.service.consul)"

put /v1/agent/check/fail/service:w1 ''
await 5 sh -c '[ "$(dig +short @127.0.0.1 -p 8600 web.service.consul)" = 127.1.2.3 ]'
equal "a critical instance disappears" 127.1.2.3 "$(ask +short web.service.consul)"

put /v1/catalog/register '{"Node":"ext","Address":"www.example.com","Service":{"Service":"ext","Port":443}}'
equal "a node with a name for an address" www.example.com. "$(ask +short ext.service.consul)"
matches "a name that is not there" 'status: NXDOMAIN' "$(ask nothing.service.consul)"
matches "its SOA" '^consul\.\s+0\s+IN\s+SOA\s+ns\.consul\. hostmaster\.consul\.' "$(ask nothing.service.consul)"
matches "another datacenter" 'status: SERVFAIL' "$(ask web.service.nowhere.consul)"
matches "outside the domain" 'status: SERVFAIL' "$(ask www.example.org)"
equal "reverse" web1.node.dc1.consul. "$(ask +short -x 127.0.0.1)"
matches "SOA of the domain" '^ns\.consul\. hostmaster\.consul\. [0-9]+ 3600 600 86400 0$' "$(ask +short consul SOA)"
equal "NS of the domain" web1.node.dc1.consul. "$(ask +short consul NS)"

for i in $(seq 1 40); do
	put /v1/catalog/register "{\"Node\":\"n$i\",\"Address\":\"127.9.9.$i\",\"Service\":{\"Service\":\"many\",\"Port\":80}}"
done
equal "40 instances, 3 answers by UDP" 3 "$(ask +noedns +ignore +short many.service.consul | wc -l)"
equal "with EDNS as many as fit" 40 "$(ask +bufsize=4096 +ignore +short many.service.consul | wc -l)"
matches "EDNS is echoed" '; EDNS: version: 0, flags:; udp: 4096' "$(ask +bufsize=4096 many.service.consul)"
equal "all by TCP" 40 "$(ask +tcp +short many.service.consul | wc -l)"
closing
