#!/usr/bin/env bash
# Story 4: two base servers in dc1, two more servers that are datacenters of their own, joined over the WAN; and the
# document's unsolved problem: agents of different datacenters that meet in the LAN pool.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder

server() { # server NAME ADDRESS DATACENTER FLAG...
	local name=$1 address=$2 dc=$3
	shift 3
	"$consul" agent -server -node "$name" -datacenter "$dc" -data-dir "$scratch/$name" -bind "$address" -client "$address" -advertise "$address" "$@" \
		>"$scratch/$name.log" 2>&1 </dev/null &
}
one=127.0.4.1 two=127.0.4.2 client=127.0.4.3 vm1=127.0.4.11 vm2=127.0.4.12
ask() { curl -s -m 10 "http://$1:8500/v1/$2"; }
leads() { ask "$1" status/leader | grep -q '[0-9]'; }

server consul1 $one dc1 -bootstrap
await 20 leads $one
server consul2 $two dc1 -join $one
await 20 leads $two
server vmConsul1 $vm1 vm1 -bootstrap -join-wan $one
server vmConsul2 $vm2 vm2 -bootstrap -join-wan $two
for address in $two $vm1 $vm2; do
	check "$address has a leader" await 30 leads $address
done
members=$("$consul" members -http-addr=$one:8500)
matches "the heading" '^Node +Address +Status +Type +Build +Protocol +DC' "$members"
for n in 1 2; do
	matches "consul$n in the table" "^consul$n +127\.0\.4\.$n:8301 +alive +server +1\.0\.8 +2 +dc1" "$members"
done
wan_of() { "$consul" members -wan -http-addr="$1:8500" | awk '$3 == "alive" { print $1 }' | sort | tr '\n' ' '; }
whole="consul1.dc1 consul2.dc1 vmConsul1.vm1 vmConsul2.vm2 "
for address in $one $two $vm1 $vm2; do
	sees_all() { [ "$(wan_of $address)" = "$whole" ]; }
	check "$address sees the whole WAN, though each joined but one" await 30 sees_all
done
datacenters() { [ "$(ask $one catalog/datacenters | tr -d '[]" \n' | tr , '\n' | sort | tr '\n' ' ')" = "dc1 vm1 vm2 " ]; }
check "all datacenters are listed" await 20 datacenters
equal "the own one comes first" dc1 "$(ask $one catalog/datacenters | grep -o '[a-z0-9]*' | head -1)"

equal "a service in vm1" "" "$(curl -s -X PUT -d '{"Name":"elasticsearch","Port":9200}' http://$vm1:8500/v1/agent/service/register)"
across() { ask $one 'catalog/service/elasticsearch?dc=vm1' | grep -q '"Node":"vmConsul1"'; }
check "dc1 lists it by ?dc=vm1" await 20 across
equal "and answers for it in DNS" "1 1 9200 vmConsul1.node.vm1.consul." "$(dig +short @$one -p 8600 elasticsearch.service.vm1.consul SRV)"
equal "its address, too" $vm1 "$(dig +short @$one -p 8600 elasticsearch.service.vm1.consul)"
equal "but not as its own" "" "$(dig +short @$one -p 8600 elasticsearch.service.consul)"
# A prepared query that finds nobody in dc1 asks vm2, which has nobody either, then vm1: whoever in dc1 is asked.
"$consul" agent -node client -datacenter dc1 -data-dir "$scratch/client" -bind $client -client $client -advertise $client -join $one \
	>"$scratch/client.log" 2>&1 </dev/null &
equal "a query with failover" 200 "$(curl -s -o /dev/null -w '%{http_code}' -d '{"Name":"es","Service":{"Service":"elasticsearch",
	"Failover":{"Datacenters":["vm2","nowhere","vm1"]}},"DNS":{"TTL":"9s"}}' http://$two:8500/v1/query)"
for address in $one $two $client; do
	fails_over() { [ "$(ask $address query/es/execute | grep -o '"Datacenter":"vm1","Failovers":2')" ]; }
	check "$address finds it in vm1" await 20 fails_over
	equal "$address names vm1 in DNS" "9 IN SRV 1 1 9200 vmConsul1.node.vm1.consul." \
		"$(dig +noall +answer @$address -p 8600 es.query.consul SRV | awk '{ $1 = ""; print substr($0, 2) }')"
	equal "$address gives its address" $vm1 "$(dig +short @$address -p 8600 es.query.dc1.consul)"
done
equal "there the query is not known" 404 "$(curl -s -o /dev/null -w '%{http_code}' http://$vm1:8500/v1/query/es/execute)"
curl -s -d '{"Name":"near-","Template":{"Type":"name_prefix_match"},"Service":{"Service":"${name.suffix}","Failover":{"NearestN":9}}}' \
	http://$one:8500/v1/query >/dev/null
nearest_asked() { [ "$(dig +short @$client -p 8600 near-elasticsearch.query.consul)" = $vm1 ]; }
check "the nearest ones are asked, too" await 20 nearest_asked # DNS may ask a follower that has not heard of the query yet
equal "a failover to nobody" NXDOMAIN "$(dig @$client -p 8600 near-nobody.query.consul | grep -o NXDOMAIN)"

equal "a key written across" true "$(curl -s -X PUT -d far "http://$two:8500/v1/kv/where?dc=vm2")"
equal "is there" far "$(ask $vm2 'kv/where?raw')"
equal "and nowhere else" 404 "$(curl -s -o /dev/null -w '%{http_code}' http://$one:8500/v1/kv/where)"
matches "an unknown datacenter" 'No path to datacenter' "$(ask $one 'kv/where?dc=vm3')"

for n in 1 2; do
	curl -s -X PUT -d '{"Name":"elasticsearch","Port":9200}' "http://127.0.4.$n:8500/v1/agent/service/register"
done
both() { [ "$(dig +short SRV @$one -p 8600 elasticsearch.service.dc1.consul | sort | tr '\n' ' ')" = "1 1 9200 consul1.node.dc1.consul. 1 1 9200 consul2.node.dc1.consul. " ]; }
check "SRV of both in dc1" await 20 both
nobody_asked() { [ "$(ask $one query/es/execute | grep -o '"Datacenter":"dc1","Failovers":0')" ]; }
check "now the query has no need of others" await 20 nobody_asked
equal "A of both in dc1" "127.0.4.1 127.0.4.2 " "$(dig +short @$one -p 8600 elasticsearch.service.dc1.consul | sort | tr '\n' ' ')"

# A LAN join across datacenters: refused on both sides in one line, and neither pool is disturbed.
refused=$("$consul" join -http-addr=$vm1:8500 $one 2>&1)
equal "a LAN join across datacenters fails" 1 $?
for log in vmConsul1 consul1; do
	line() { grep -E "'(consul[12]|client|vmConsul1)' at 127\.0\.4\.[0-9]+:8301" "$scratch/$log.log" | grep -E 'vm1.*dc1|dc1.*vm1' | grep -q datacenter; }
	check "$log says who, where and both datacenters" await 10 line
done
sleep 2
equal "the LAN pool of dc1 is as before" "client consul1 consul2 " "$("$consul" members -http-addr=$one:8500 | awk 'NR > 1 { print $1 }' | sort | tr '\n' ' ')"
equal "and that of vm1" "vmConsul1 " "$("$consul" members -http-addr=$vm1:8500 | awk 'NR > 1 { print $1 }' | tr '\n' ' ')"
closing
