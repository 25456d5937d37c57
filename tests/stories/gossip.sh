#!/usr/bin/env bash
# Pools: three agents of ours and one of Serf's own find each other, hear each other's events, see who dies, who leaves and who
# comes back; a pool with a key keeps others out; a join that would mix datacenters says so.
set -uo pipefail
cd "$(dirname "$0")/../.."
. scripts/need.sh
need_command serf serf/- || {
	echo "0 passed, 0 failed"
	exit 0
}
. tests/lib.sh
own_network "$@"
scratch_folder

declare -A pid
# ours NAME NUMBER FLAG...: an agent at 127.0.1.NUMBER
ours() {
	local name=$1 at=127.0.1.$2
	shift 2
	"$consul" agent -node "$name" -bind "$at" -client "$at" -data-dir "$scratch/$name" -log-level debug "$@" \
		>>"$scratch/$name.log" 2>&1 </dev/null &
	pid[$name]=$!
	await 15 curl -s -m 1 -o "$scratch/self" "http://$at:8500/v1/agent/self"
}
cli() { # cli NUMBER COMMAND...
	local at=http://127.0.1.$1:8500 command=$2
	shift 2
	timeout 20 "$consul" "$command" -http-addr "$at" "$@" 2>&1
}
# is NUMBER NAME STATUS [-wan]
is() { cli "$1" members "${@:4}" | grep -Eq "^$2 .* $3 "; }
health() { curl -s "http://127.0.1.1:8500/v1/health/node/$1" | grep -q "\"CheckID\":\"serfHealth\".*\"Status\":\"$2\""; }
events() { curl -s "http://127.0.1.$1:8500/v1/event/list?name=$2" | grep -o "\"Name\":\"$2\"" | wc -l; }

echo '{"disable_remote_exec": false}' >"$scratch/exec.json"

# ---- joining ----
ours a 1 -server -bootstrap -config-file "$scratch/exec.json"
await 10 health a passing
ours b 2 -join 127.0.1.1 -config-file "$scratch/exec.json"
check "the banner waits for the join" await 5 grep -q "Join completed. Synced with 1 initial agents" "$scratch/b.log"
ours c 3 -retry-join 127.0.1.99 -retry-join 127.0.1.2 -retry-interval 1s
for n in 1 2 3; do
	for name in a b c; do
		check "$n sees $name" await 10 is "$n" "$name" alive
	done
done
check "the catalog has c, alive" await 5 health c passing
equal "a server's tags" server "$(cli 2 members | awk '$1 == "a" { print $4 }')"
matches "a join by hand" 'Successfully joined cluster by contacting 1 nodes' "$(cli 3 join 127.0.1.1)"
matches "one that fails says why" 'connection refused' "$(cli 3 join 127.0.1.98)"
matches "a client has no WAN" 'Must be a server to join WAN cluster' "$(cli 3 join -wan 127.0.1.1)"

# ---- a real Serf agent ----
visitor() { # visitor FLAG...: Serf at 127.0.1.4, which remembers whom it met
	serf agent -node=s -bind=127.0.1.4 -rpc-addr=127.0.1.4:7373 -profile=lan -tag role=visitor -snapshot="$scratch/s.snapshot" \
		-event-handler="user:consul:event:deploy=cat >>$scratch/heard" "$@" >>"$scratch/s.log" 2>&1 &
	pid[s]=$!
	await 5 serf info -rpc-addr=127.0.1.4:7373
}
visitor
matches "Serf joins our pool" 'Successfully joined cluster by contacting 1 nodes' "$(serf join -rpc-addr=127.0.1.4:7373 127.0.1.2:8301)"
for name in a b c; do
	check "Serf sees $name" await 10 sh -c "serf members -rpc-addr=127.0.1.4:7373 -status=alive -name=$name | grep -q ."
done
check "we see Serf" await 10 is 1 s alive
equal "who is no agent of ours is not in the catalog" '' "$(curl -s http://127.0.1.1:8500/v1/catalog/node/s | grep -o Address)"
matches "everybody answers Serf's query" 'Total members: 4' "$(serf reachability -rpc-addr=127.0.1.4:7373)"
lacks "nobody is left out" 'Missing|unreachable' "$(serf reachability -rpc-addr=127.0.1.4:7373)"

# ---- events ----
matches "an event is fired" '^Event ID: [0-9a-f-]{36}$' "$(cli 2 event -name deploy 42)"
for n in 1 2 3; do
	check "$n hears it once" await 5 sh -c "curl -s 'http://127.0.1.$n:8500/v1/event/list?name=deploy' | grep -q '\"Payload\":\"NDI=\"'"
done
check "Serf hears it" await 5 grep -q 42 "$scratch/heard"
cli 1 event -name only -node '^c$' >"$scratch/out"
check "a filter names c" await 5 sh -c "curl -s 'http://127.0.1.3:8500/v1/event/list?name=only' | grep -q only"
equal "and not b" 0 "$(events 2 only)"

# ---- a command on the nodes that allow it ----
ran=$(cli 2 exec -wait 2s 'echo from here; exit 3')
matches "exec: a says" '^    a: from here$' "$ran"
matches "exec: b says" '^    b: from here$' "$ran"
matches "exec: with its end" '^==> b: finished with exit code 3$' "$ran"
matches "exec: c does not" '^2 / 2 node\(s\) completed / acknowledged$' "$ran"

# ---- Serf says goodbye and comes again ----
matches "Serf leaves" 'Graceful leave complete' "$(serf leave -rpc-addr=127.0.1.4:7373)"
check "and ends" await 10 ended "${pid[s]}"
for n in 1 2 3; do
	check "s has left, for $n" await 10 is "$n" s left
done
visitor -rejoin
for n in 1 2 3; do
	check "s is here again, for $n" await 15 is "$n" s alive
done
check "and sees a, b, c" await 15 sh -c "serf members -rpc-addr=127.0.1.4:7373 -status=alive | grep -c alive | grep -qx 4"

# ---- death, return, goodbye ----
kill -9 "${pid[c]}"
kill -9 "${pid[s]}"
check "c has failed" await 30 is 1 c failed
check "so has Serf" await 30 is 1 s failed
check "c is critical" await 5 health c critical
ours c 3
for n in 1 2; do
	check "c is back by its snapshot, for $n" await 15 is "$n" c alive
done
check "c is well again" await 5 health c passing
equal "leave" "Graceful leave complete" "$(cli 3 leave)"
wait "${pid[c]}"
equal "it ends in peace" 0 $?
check "c has left" await 5 is 1 c left
equal "the catalog has forgotten it" '[]' "$(curl -s http://127.0.1.1:8500/v1/health/node/c)"
tries=$(grep -c 'Attempting re-join' "$scratch/c.log")
ours c 3
equal "who has left does not try to come back" "$tries" "$(grep -c 'Attempting re-join' "$scratch/c.log")"
kill -INT "${pid[c]}"
wait "${pid[c]}"
ours c 3 -rejoin
check "unless it is told to" await 15 is 1 c alive
cli 1 force-leave s >"$scratch/out"
check "force-leave: Serf counts as left" await 5 is 1 s left
cli 1 force-leave -prune s >"$scratch/out"
check "pruned: nobody remembers it" await 10 sh -c "! '$consul' members -http-addr http://127.0.1.2:8500 | grep -q '^s '"

# ---- no strangers ----
ours east 5 -server -bootstrap -datacenter east
matches "another datacenter is refused" "part of wrong datacenter" "$(cli 5 join 127.0.1.1)"
check "with a line that names all, where it is asked" grep -Eq "'east' at 127\.0\.1\.5:8301 is of datacenter 'east', we \('[abc]'\) are of 'dc1'" "$scratch/a.log"
check "and where it asks" grep -Eq "'[abc]' at 127\.0\.1\.[123]:8301 is of datacenter 'dc1', we \('east'\) are of 'east'" "$scratch/east.log"
check "nobody is mixed in" sh -c "! '$consul' members -http-addr http://127.0.1.1:8500 | grep -q east"
matches "the WAN takes it" 'contacting 1 nodes' "$(cli 5 join -wan 127.0.1.1)"
check "the WAN sees a" await 10 is 5 a.dc1 alive -wan
check "the WAN sees east" await 10 is 1 east.east alive -wan

# ---- a server comes: it is carried over into the WAN ----
ours d 6 -server -join 127.0.1.2
check "d is in the WAN without a word" await 10 is 5 d.dc1 alive -wan

# ---- a pool with a key, and Serf in it: keys are changed while all are there ----
key=$("$consul" keygen) next=$("$consul" keygen)
keys() { # keys NUMBER-OF-MEMBERS KEY...: these keys, and no others, are held by so many members of the LAN
	local n=$1 list
	shift
	list=$(cli 11 keyring -list | awk '/LAN/ { lan = 1 } /WAN/ { lan = 0 } lan && /\[/ { print $1, $2 }' | sort)
	[ "$list" = "$(printf "%s [$n/$n]\n" "$@" | sort)" ]
}
ours k 11 -server -bootstrap -encrypt "$key"
ours l 12 -encrypt "$key" -join 127.0.1.11
serf agent -node=t -bind=127.0.1.13 -rpc-addr=127.0.1.13:7373 -profile=lan -tag role=visitor -encrypt="$key" >"$scratch/t.log" 2>&1 &
await 5 serf info -rpc-addr=127.0.1.13:7373
matches "Serf joins with the key" 'contacting 1 nodes' "$(serf join -rpc-addr=127.0.1.13:7373 127.0.1.12:8301)"
check "k sees it" await 10 is 11 t alive
matches "nobody joins without" 'Error joining' "$(cli 3 join 127.0.1.11)"
check "which is said" await 5 grep -Eiq 'memberlist: .*encrypt' "$scratch/k.log"
check "all three have the key" within 100 keys 3 "$key"
matches "another is installed" 'Installing new gossip encryption key' "$(cli 11 keyring -install "$next")"
check "everywhere" within 100 keys 3 "$key" "$next"
cli 11 keyring -use "$next" >"$scratch/out"
check "it is used, the old one goes" within 50 cli 11 keyring -remove "$key"
check "all three have the new one" within 100 keys 3 "$next"
check "and hear each other" await 10 sh -c "serf members -rpc-addr=127.0.1.13:7373 -status=alive | grep -c alive | grep -qx 3"
check "Serf knows how far it is" await 20 sh -c "serf rtt -rpc-addr=127.0.1.13:7373 t l"
closing
