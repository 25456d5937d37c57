# Sourced by the shell tests: counts checks, starts agents, cleans up. Run from the repository's root.
#
#   own_network "$@"                goes on in a network and a process namespace of its own: every port is free there, and
#                                   whatever the test starts ends with it
#   agent NAME FLAG...              starts `consul agent`, output in $scratch/NAME.log, its pid in $agent_pid; waits for a leader
#   check WHAT COMMAND...           passes when the command does
#   equal WHAT EXPECTED ACTUAL      passes when the texts are the same
#   matches WHAT REGEX ACTUAL       passes when a line of the text matches (extended)
#   lacks WHAT REGEX ACTUAL         passes when no line matches
#   await SECONDS COMMAND...        runs it until it passes; false when it never did
#   closing                         prints "N passed, N failed" and exits
#
# CONSUL_BIN names another binary, so that a test can be tried on the reference.
set -uo pipefail
consul=$(realpath "${CONSUL_BIN:-build/consul}")
passed=0 failed=0
test_name=$(basename "$0" .sh)

own_network() {
	[ "${OWN_NETWORK:-}" != yes ] || {
		ip link set lo up
		return
	}
	local root=
	[ "$(id -u)" = 0 ] || root=-r
	OWN_NETWORK=yes exec unshare $root --net --pid --fork --kill-child --mount-proc "$0" "$@"
}

scratch_folder() {
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/consul-$test_name.XXXXXX")
	trap 'rm -rf "$scratch"' EXIT
}

agent() {
	local name=$1
	shift
	"$consul" agent "$@" >"$scratch/$name.log" 2>&1 </dev/null &
	agent_pid=$!
	await 15 has_leader || {
		echo "not ok $test_name: agent $name has no leader"
		tail -30 "$scratch/$name.log"
		failed=$((failed + 1))
		closing
	}
}

has_leader() { curl -s -m 2 "http://${CONSUL_HTTP_ADDR:-127.0.0.1:8500}/v1/status/leader" | grep -q '[0-9]'; }

pass() { passed=$((passed + 1)); }
fail() { # fail WHAT [DETAIL]
	failed=$((failed + 1))
	echo "not ok $test_name: $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | head -20 | sed 's/^/    /'
}

check() {
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then pass; else fail "$what" "$out"; fi
}

equal() { if [ "$2" = "$3" ]; then pass; else fail "$1" "expected: $2"$'\n'"got:      $3"; fi; }
matches() { if grep -Eq -- "$2" <<<"$3"; then pass; else fail "$1" "no line like $2 in:"$'\n'"$3"; fi; }
lacks() { if grep -Eq -- "$2" <<<"$3"; then fail "$1" "a line like $2 in:"$'\n'"$3"; else pass; fi; }

await() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# ended PID: no such process, or only its remains that nobody waited for.
ended() { [ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }

# within TENTHS COMMAND...: the command passes before so many tenths of a second are over.
within() {
	local tenths=$1
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$((tenths -= 1))" -gt 0 ] || return 1
		sleep 0.1
	done
}

closing() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
	exit
}

# hosts NAME...: network namespaces, without any wire yet; `on NAME COMMAND...` runs something there. After own_network.
hosts() {
	local name
	mkdir -p /run/netns
	mount -t tmpfs none /run/netns
	for name in "$@"; do
		ip netns add "$name"
		ip -n "$name" link set lo up
	done
}

# wired ADDRESS...: a host for each address, named like it, on a wire that `wire COMMAND...` rules (tests/wire.py). After
# own_network and scratch_folder.
wired() {
	hosts "$@"
	mkfifo "$scratch/wire"
	python3 tests/wire.py "$scratch/wire" "$@" &
	exec 9>"$scratch/wire"
	await 10 ip -n "${!#}" route get "$1"
}
wire() { echo "$@" >&9; }
on() {
	local address=$1
	shift
	ip netns exec "$address" "$@"
}

# go_peer NAME: builds tests/peers/NAME.go on Debian's libraries when it is newer; the program is $theirs.
go_peer() {
	theirs=$PWD/build/clients/$1_go
	[ ! "$theirs" -nt "tests/peers/$1.go" ] || return 0
	HOME=$scratch GOPATH=/usr/share/gocode GO111MODULE=off GOPROXY=off GOFLAGS= GOCACHE=$scratch/go \
		go build -o "$theirs" "tests/peers/$1.go" >"$scratch/build.log" 2>&1 || {
		fail "their half compiles" "$(tail -5 "$scratch/build.log")"
		closing
	}
}
