#!/usr/bin/env bash
# The Serf CLI, an agent RPC client of its own, on port 8400: what it can do with an agent of Consul, and what it is told.
#
#   tests/stories/serf_cli.sh [BINARY]
set -uo pipefail
cd "$(dirname "$0")/../.."
. scripts/need.sh
need_command serf serf/- || true
command -v serf >/dev/null || {
	echo "0 passed, 0 failed"
	exit 0
}
b=${1:-build/consul}
a=127.66.84.7
passed=0 failed=0
tmp=$(mktemp -d)
trap 'kill "$agent" 2>/dev/null; rm -rf "$tmp"' EXIT

pass() { passed=$((passed + 1)); }
fail() {
	echo "not ok serf_cli: $1"
	sed 's/^/    /' "$tmp/out"
	failed=$((failed + 1))
}
# says WHAT CODE TEXT COMMAND [ARGUMENT...]: the exit status, and a line that the output has (empty: no output at all).
says() {
	local what=$1 code=$2 text=$3 command=$4
	shift 4
	timeout 10 serf "$command" -rpc-addr=$a:8400 "$@" >"$tmp/out" 2>&1
	local got=$?
	if [ $got != "$code" ]; then
		echo "exit $got" >>"$tmp/out"
		fail "$what"
	elif [ -z "$text" ] && [ -s "$tmp/out" ]; then
		fail "$what"
	elif [ -n "$text" ] && ! grep -qF -- "$text" "$tmp/out"; then
		fail "$what"
	else
		pass
	fi
}

"$b" agent -dev -bind $a -client $a >"$tmp/log" 2>&1 &
agent=$!
for _ in $(seq 100); do
	grep -q 'New leader elected' "$tmp/log" && break
	sleep 0.05
done

says "info shows the sections" 0 'serf_lan:' info
says "info as JSON" 0 '"leader": "true"' info -format=json
says "join tells how many it reached" 0 'Successfully joined cluster by contacting 1 nodes.' join $a
says "a failed join says why" 1 'connection refused' join 127.66.84.8:1
says "force-leave of nobody is no error" 0 '' force-leave nosuch
says "keys are answered in Consul's form, which Serf can't read" 1 'Error installing key' keys -install=kZyFABeAmc64UMTrm9XuKA==
# The error, then the end of the connection, as Consul's: the Go client tells whichever of them it comes to see first.
refused=$'Unsupported command\nclient closed'
says "events are none of its commands" 1 "$refused" event deploy
says "tags are none of its commands" 1 "$refused" tags -set a=b
says "queries are none of its commands" 1 "$refused" query uptime
says "members has another name here" 1 $'EOF\nclient closed' members
says "leave" 0 'Graceful leave complete' leave
wait "$agent"
code=$?
: >"$tmp/out"
if [ $code = 0 ]; then pass; else fail "the agent ends in peace after leave (status $code)"; fi
says "nobody listens any more" 1 'connection refused' info

echo "$passed passed, $failed failed"
[ $failed = 0 ]
