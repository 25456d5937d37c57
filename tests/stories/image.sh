#!/usr/bin/env bash
# The image, under a real Docker daemon of its own: `docker load`, an agent that serves, `docker exec`, `docker stop`, and
# an agent as PID 1 that reaps what its checks leave behind. Containers use the host network, which is this test's own.
set -uo pipefail
cd "$(dirname "$0")/../.."
. scripts/need.sh
[ "${OWN_NETWORK:-}" = yes ] || need docker.io/docker busybox-static iproute2 || exit 1
. tests/lib.sh
own_network "$@"
scratch_folder

archive=$scratch/image.tar
scripts/image.sh "$consul" "$archive"
check "the archive has at most 2 MB" test "$(stat -c %s "$archive")" -le 2097152
scripts/image.sh "$consul" "$scratch/again.tar"
check "the same binary gives the same archive" cmp "$archive" "$scratch/again.tar"
equal "one file in it, and two empty folders" "consul data/ tmp/" \
	"$(tar -xOf "$archive" "$(tar -tf "$archive" | grep layer.tar)" | tar -t | paste -sd' ')"

/usr/sbin/dockerd --iptables=false --bridge=none -s vfs --data-root "$scratch/data" --exec-root "$scratch/exec" \
	-p "$scratch/pid" -H "unix://$scratch/d.sock" >"$scratch/dockerd.log" 2>&1 </dev/null &
dockerd=$!
docker() { command /usr/bin/docker -H "unix://$scratch/d.sock" "$@"; }
if ! await 20 docker version; then
	echo "No Docker daemon can start here, so nothing of the image but its shape was tested. It says:"
	grep -E 'level=(error|fatal)|failed to start' "$scratch/dockerd.log" | tail -3
	closing
fi
end() {
	docker kill agent reaper >/dev/null 2>&1
	kill $dockerd
	await 10 ended $dockerd
	umount -R "$scratch"/exec/netns/* "$scratch"/data 2>/dev/null
	rm -rf "$scratch"
}
trap end EXIT
start() { docker run -d --network=host "$@" >"$scratch/run" 2>&1 || fail "docker run" "$(cat "$scratch/run")"; }

matches "docker load" 'Loaded image: consul:latest' "$(docker load -i "$archive")"
start --name agent consul:latest agent -dev -bind 127.0.0.1 -node boxed
check "agent -dev serves" await 5 has_leader
equal "a key over HTTP" true "$(curl -s -X PUT -d 1 http://127.0.0.1:8500/v1/kv/a)"
matches "docker exec members answers" '^boxed +127\.0\.0\.1:8301 +alive +server' "$(docker exec agent /consul members)"
equal "docker exec kv get" 1 "$(docker exec agent /consul kv get a)"
matches "docker logs has the banner" 'Consul agent running!' "$(docker logs agent 2>&1)"
began=$(date +%s%N)
docker stop -t 10 agent >/dev/null
check "docker stop ends it within two seconds" test $((($(date +%s%N) - began) / 1000000)) -lt 2000
equal "by itself, with the exit code of servers" "1 false" "$(docker inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' agent)"

# A data folder from outside survives the container.
mkdir "$scratch/volume"
durable=(-v "$scratch/volume:/data" consul:latest agent -server -bootstrap -data-dir /data -bind 127.0.0.1 -node boxed)
start --name first "${durable[@]}"
await 10 has_leader
curl -s -X PUT -d kept http://127.0.0.1:8500/v1/kv/volume >/dev/null
docker kill first >/dev/null
start --name second "${durable[@]}"
await 10 has_leader
equal "a volume keeps what was written" kept "$(curl -s 'http://127.0.0.1:8500/v1/kv/volume?raw&consistent')"
docker stop second >/dev/null

# PID 1: the check forks a child that forks and dies, every tenth of a second; the orphans fall to the agent.
echo '{"enable_script_checks":true,"check":{"name":"orphans","interval":"100ms",
	"args":["/bin/sh","-c","(/bin/busybox sleep 0.2 & ) ; echo ran"]}}' >"$scratch/check.json"
start --name reaper -v /bin/busybox:/bin/busybox:ro -v /bin/busybox:/bin/sh:ro -v "$scratch/check.json:/check.json:ro" \
	consul:latest agent -dev -bind 127.0.0.1 -config-file /check.json
check "a script check runs in the container" await 10 sh -c "curl -s 127.0.0.1:8500/v1/agent/checks | grep -q 'ran'"
pid=$(docker inspect -f '{{.State.Pid}}' reaper)
equal "the agent is PID 1 there" 1 "$(awk '/^NSpid:/ { print $NF }' "/proc/$pid/status")"
sleep 3
children=$(cat /proc/"$pid"/task/*/children | wc -w)
zombies=$(for child in $(cat /proc/"$pid"/task/*/children); do cat "/proc/$child/status"; done 2>/dev/null | grep -c '^State:.Z')
check "thirty orphans later at most a moment's worth are unreaped ($zombies of $children)" test "$zombies" -le 2
check "and few are left at all ($children)" test "$children" -le 8
docker stop reaper >/dev/null
closing
