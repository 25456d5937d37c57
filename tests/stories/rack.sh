#!/usr/bin/env bash
# Story 3, Consul's part: the three config.json of a rack as people write them (only addresses differ). The first machine
# begins in bootstrap mode, the others join, then it starts again from the servers' configuration on the same data.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
key=PVcExGWGZeYR79CiRUT4vA==

# config NAME N JOIN: as in the guide; JOIN is a list of JSON strings, empty for the bootstrap one.
config() {
	local mode=$1 n=$2 join=$3 server=true bootstrap=false
	[ "$mode" != client ] || server=false
	[ "$mode" != bootstrap ] || bootstrap=true
	mkdir -p "$scratch/$mode$n.d" "$scratch/data$n"
	cat >"$scratch/$mode$n.d/config.json" <<-JSON
		{
		    "bootstrap": $bootstrap,
		    "server": $server,
		    "datacenter": "aha",
		    "data_dir": "$scratch/data$n",
		    "encrypt": "$key",
		    "log_level": "INFO",
		    "enable_syslog": ${syslog:-false},
		    "node_name": "rack$n",
		    "start_join": [$join],
		    "client_addr": "10.0.1.$n",
		    "bind_addr": "10.0.1.$n",
		    "ui": true
		}
	JSON
}
start() { # start MODE N: pid in $pid
	"$consul" agent -config-dir "$scratch/$1$2.d" >>"$scratch/rack$2.log" 2>&1 </dev/null &
	pid=$!
}
leader_at() { curl -s -m 2 "http://10.0.1.$1:8500/v1/status/leader" | grep -q '[0-9]'; }
put_at() { [ "$(curl -s -m 5 -X PUT -d "$3" "http://10.0.1.$1:8500/v1/kv/$2")" = true ]; }
get_at() { curl -s -m 5 "http://10.0.1.$1:8500/v1/kv/$2?raw"; }
alive_at() { curl -s -m 2 "http://10.0.1.$1:8500/v1/agent/members" | grep -o '"Status":1,' | wc -l | grep -qx "$2"; }

for n in 104 106 111 17 9; do
	ip addr add 10.0.1.$n/32 dev lo
done
config bootstrap 104 ''
config server 104 '"10.0.1.106", "10.0.1.111"'
config server 106 '"10.0.1.104", "10.0.1.111"'
config server 111 '"10.0.1.104", "10.0.1.106"'
config client 17 '"10.0.1.104", "10.0.1.106", "10.0.1.111"'

start bootstrap 104
first=$pid
check "the first machine leads" await 20 leader_at 104
check "a key before the others" put_at 104 before 1
start server 106
sleep 0.3
start server 111
start client 17
for n in 104 106 111 17; do
	check "10.0.1.$n sees four alive" await 20 alive_at $n 4
done
check "a key through a follower" await 20 put_at 106 during 2
voters() { [ "$("$consul" operator raft list-peers -http-addr=10.0.1.104:8500 | grep -c ' true ')" = 3 ]; }
check "autopilot gives all three a vote" await 60 voters
kill -INT $first
check "the first stops" within 100 ended $first
wait $first
check "the two others lead" await 40 put_at 111 meanwhile 3
start server 104
check "the first is back, a server as the others" await 30 alive_at 106 4
check "and answers" await 30 leader_at 104
for key in before:1 during:2 meanwhile:3; do
	for n in 104 106 111 17; do
		equal "${key%:*} at 10.0.1.$n" "${key#*:}" "$(get_at $n "${key%:*}")"
	done
done

# Without the key, or with another: refused, and both say why.
mkdir -p "$scratch/data5"
"$consul" agent -node keyless -bind 10.0.1.9 -client 10.0.1.9 -datacenter aha -data-dir "$scratch/data5" \
	-retry-join 10.0.1.104 >"$scratch/keyless.log" 2>&1 </dev/null &
stranger=$!
refused() { grep -Eiq 'encrypt|decrypt|failed to (sync|join)' "$scratch/keyless.log"; }
check "an agent without the key hears why" await 15 refused
check "and the pool says it, too" await 15 grep -Eiq '\[(ERR|WARN|ERROR)\] memberlist: .*(encrypt|decrypt)' "$scratch/rack104.log"
check "nobody has let it in" alive_at 106 4
kill $stranger
closing
