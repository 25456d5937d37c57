#!/usr/bin/env bash
# The server RPC beside Go's own: net/rpc in msgpack over yamux, from the libraries that Consul uses. Their client at our
# server and our client at theirs (tests/peers/rpc_peer), then their client at an agent's port 8300.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder

go_peer rpc_peer
ours=$PWD/build/release/rpc_peer
make -s -f scripts/build.mk build/release/rpc_peer >"$scratch/build.log" 2>&1 || {
	fail "our half compiles" "$(tail -5 "$scratch/build.log")"
	closing
}

"$ours" serve 127.0.0.1:9300 >"$scratch/ours.log" 2>&1 &
"$theirs" serve 127.0.0.2:9300 >"$scratch/theirs.log" 2>&1 &
await 5 "$ours" call 127.0.0.1:9300 1 1 1 Test.Echo
await 5 "$ours" call 127.0.0.2:9300 1 1 1 Test.Echo
# CALLS AT_A_TIME SIZE METHOD; a "!" closes streams under calls at random
check "theirs to ours: small calls" "$theirs" call 127.0.0.1:9300 20000 100 100 Test.Echo
check "theirs to ours: a thousand at a time" "$theirs" call 127.0.0.1:9300 3000 1000 50 Test.Park
check "theirs to ours: errors" "$theirs" call 127.0.0.1:9300 2000 100 1 Test.Fail
check "theirs to ours: 8 MB both ways" "$theirs" call 127.0.0.1:9300 6 2 8000000 Test.Echo
check "theirs to ours: closed in the middle of answers" "$theirs" call 127.0.0.1:9300 1000 30 300000 'Test.Big!'
check "theirs to ours: closed in the middle of arguments" "$theirs" call 127.0.0.1:9300 1000 30 300000 'Test.Echo!'
check "theirs to ours: closed while waiting" "$theirs" call 127.0.0.1:9300 3000 300 5 'Test.Park!'
check "ours to theirs: small calls" "$ours" call 127.0.0.2:9300 20000 100 100 Test.Echo
check "ours to theirs: a thousand at a time" "$ours" call 127.0.0.2:9300 3000 1000 50 Test.Park
check "ours to theirs: errors" "$ours" call 127.0.0.2:9300 2000 100 1 Test.Fail
check "ours to theirs: 8 MB both ways" "$ours" call 127.0.0.2:9300 6 2 8000000 Test.Echo

agent a -dev
leader='Status.Leader: 127.0.0.1:8300 <nil>'
for byte in 0 4; do
	out=$("$theirs" ask 127.0.0.1:8300 $byte Status.Leader Status.Peers Status.Ping KVS.Get 2>&1)
	matches "byte $byte: leader" "^$leader\$" "$out"
	matches "byte $byte: peers" '^Status.Peers: \[.*\] <nil>$' "$out"
	matches "byte $byte: nothing to say" '^Status.Ping: map\[\] <nil>$' "$out"
	matches "byte $byte: a key" '^KVS.Get: map\[.*Entries.*\] <nil>$' "$out"
	out=$("$theirs" ask 127.0.0.1:8300 $byte Status.Leader Nope.X Status.Leader 2>&1)
	equal "byte $byte: an unknown service" "$leader"$'\n'"Nope.X: <nil> rpc: can't find service Nope.X" "$(head -2 <<<"$out")"
	# Their client writes on before it has read the end: what it then meets is either.
	matches "byte $byte: and the end of the stream" '^Status.Leader: <nil> .*(EOF|reset|broken pipe)' "$(tail -n +3 <<<"$out")"
done
out=$("$theirs" ask 127.0.0.1:8300 4 Status.Nope 2>&1)
equal "an unknown method" "Status.Nope: <nil> rpc: can't find method Status.Nope" "$out"
out=$("$theirs" ask 127.0.0.1:8300 4 Nope 2>&1)
equal "no method at all" "Nope: <nil> rpc: service/method request ill-formed: Nope" "$out"
out=$("$theirs" ask 127.0.0.1:8300 2 Status.Leader 2>&1)
matches "an unknown first byte: closed" '^Status.Leader: <nil> .*(EOF|reset|broken pipe)' "$out"
closing
