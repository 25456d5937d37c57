#!/usr/bin/env bash
# Calls travel: a client agent joined to a server, everything through it; then two datacenters joined by the WAN, and a
# server and client that find each other again after the server was killed.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder

start() { # start NAME ADDRESS FLAG...
	local name=$1 at=$2
	shift 2
	"$consul" agent -node "$name" -bind "$at" -client "$at" "$@" >"$scratch/$name.log" 2>&1 </dev/null &
	eval "pid_$name=$!"
}
at() { # at ADDRESS PATH [CURL FLAG...]
	local address=$1 path=$2
	shift 2
	curl -s -m 20 "$@" "http://$address:8500/v1/$path"
}
leads() { at "$1" status/leader | grep -q '[0-9]'; }
has() { at "$1" "$2" | grep -q "$3"; }
head_of() { at "$1" "$2" -o /dev/null -D - | tr -d '\r'; }
id_of() { sed -n 's/.*"ID": *"\([^"]*\)".*/\1/p'; }
dns() { dig +short +time=3 +tries=1 @"$1" -p 8600 "${@:2}"; }

S=127.0.1.1 C=127.0.1.2 W=127.0.2.1

start s1 $S -dev
check "a server leads" await 15 leads $S
start c1 $C -data-dir "$scratch/c1" -retry-join $S
check "the client knows the leader" await 15 leads $C

# ---- everything through the client ----
equal "a write" true "$(at $C kv/a -X PUT -d one)"
equal "read on the server" one "$(at $S 'kv/a?raw')"
equal "read through the client" one "$(at $C 'kv/a?raw')"
equal "a consistent read" one "$(at $C 'kv/a?raw&consistent')"
matches "the leader is known" '^X-Consul-Knownleader: true$' "$(head_of $C kv/a)"
matches "and has answered" '^X-Consul-Lastcontact: 0$' "$(head_of $C kv/a)"
matches "a missing key has an index" '^X-Consul-Index: [1-9]' "$(head_of $C kv/none)"
equal "cas that fails" false "$(at $C 'kv/a?cas=1' -X PUT -d two)"
equal "delete" true "$(at $C kv/a -X DELETE)"
matches "a transaction" '"Errors":null' "$(at $C txn -X PUT -d '[{"KV":{"Verb":"set","Key":"t","Value":"eA=="}}]')"
equal "peers" "[\"$S:8300\"]" "$(at $C status/peers)"
equal "datacenters" '["dc1"]' "$(at $C catalog/datacenters)"

# ---- blocking ----
index=$(head_of $C kv/wake | sed -n 's/^X-Consul-Index: //p')
at $C "kv/wake?index=$index&wait=20s&raw" >"$scratch/woken" &
waiter=$!
sleep 0.5
at $S kv/wake -X PUT -d up >/dev/null
wait $waiter
equal "a blocked query hears of the write" up "$(cat "$scratch/woken")"
began=$(date +%s%N)
index=$(head_of $C kv/wake | sed -n 's/^X-Consul-Index: //p')
at $C "kv/wake?index=$index&wait=1s" >/dev/null
check "one without news ends in its time" test $((($(date +%s%N) - began) / 1000000)) -lt 2500

# ---- the catalog, health, sessions, locks, events, DNS ----
at $C agent/service/register -X PUT -d '{"Name":"web","Tags":["v1"],"Port":80,"Check":{"TTL":"60s"}}' >/dev/null
check "the service is in the catalog" await 10 has $S catalog/service/web '"ServicePort": *80'
at $C agent/check/pass/service:web -X PUT >/dev/null
check "its check passes" await 10 has $C 'health/service/web?passing' '"Node":"c1"'
equal "DNS of the client: the service" $C "$(dns $C web.service.consul)"
equal "… by tag" "1 1 80 c1.node.dc1.consul." "$(dns $C v1.web.service.consul SRV)"
equal "… a node" $S "$(dns $C s1.node.consul)"
equal "… backwards" s1.node.dc1.consul. "$(dns $C -x $S)"
matches "… what is not there" 'NXDOMAIN' "$(dig +time=3 +tries=1 @$C -p 8600 nothing.service.consul)"
session=$(at $C session/create -X PUT -d '{"TTL":"10s"}' | id_of)
equal "a lock" true "$(at $C "kv/lock?acquire=$session" -X PUT)"
matches "renewed" "$session" "$(at $C "session/renew/$session" -X PUT)"
equal "released" true "$(at $C "kv/lock?release=$session" -X PUT)"
equal "destroyed" true "$(at $C "session/destroy/$session" -X PUT)"
matches "consul lock through the client" '^held$' "$("$consul" lock -http-addr=$C:8500 job echo held 2>&1)"
event=$(at $C event/fire/deploy -X PUT -d now | id_of)
check "the event reaches the server" await 10 has $S event/list "$event"
check "and comes back" await 10 has $C event/list "$event"
at $C agent/service/deregister/web -X PUT >/dev/null
check "the service is gone" await 10 sh -c "[ \"\$(curl -s http://$S:8500/v1/catalog/service/web)\" = '[]' ]"

# ---- another datacenter ----
start w1 $W -dev -datacenter west -join-wan $S
check "west has a leader" await 15 leads $W
check "both datacenters are known" await 15 has $C catalog/datacenters west
equal "the own one first" '["dc1","west"]' "$(at $C catalog/datacenters)"
equal "a write there" true "$(at $C 'kv/far?dc=west' -X PUT -d away)"
equal "which is there" away "$(at $W 'kv/far?raw')"
equal "and read from here" away "$(at $S 'kv/far?dc=west&raw')"
equal "and is not here" "" "$(at $S 'kv/far?raw')"
matches "its nodes" '"Node":"w1"' "$(at $C 'catalog/nodes?dc=west')"
equal "DNS across" $W "$(dns $S w1.node.west.consul)"
equal "DNS across from the client" $W "$(dns $C consul.service.west.consul)"
equal "nowhere" "No path to datacenter" "$(at $S 'kv/far?dc=north')"
equal "one hop more" "rpc error making call: No path to datacenter" "$(at $C 'kv/far?dc=north')"
event=$(at $S 'event/fire/far?dc=west' -X PUT | id_of)
check "an event there" await 10 has $W event/list "$event"

# ---- nobody ----
start lone 127.0.1.9 -data-dir "$scratch/lone"
check "a client alone listens" await 10 sh -c "curl -s http://127.0.1.9:8500/v1/agent/self >/dev/null"
equal "and says so" "No known Consul servers" "$(at 127.0.1.9 kv/a)"
closing
