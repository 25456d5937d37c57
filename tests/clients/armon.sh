#!/usr/bin/env bash
# The first Go client, armon/consul-api, by its own 41 tests as Debian packages them. They talk to 127.0.0.1:8500; four
# of them skip themselves without an ACL token in the environment. TestAgent_Join reads Config.AdvertiseAddr of agent/self,
# which Consul 1.0 dropped and this agent keeps.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder

# The test program is built once for each version of the package.
sources=/usr/share/gocode/src/github.com/armon/consul-api
program=$PWD/build/clients/armon.test
if [ ! "$program" -nt "$sources/api.go" ]; then
	(cd "$sources" && HOME=$scratch GOPATH=/usr/share/gocode GO111MODULE=off GOPROXY=off GOFLAGS= GOCACHE=$scratch/go \
		go test -c -o "$program" .) >"$scratch/build.log" 2>&1 || {
		fail "the client's tests compile" "$(tail -5 "$scratch/build.log")"
		closing
	}
	touch "$program"
fi

agent a -dev
await 15 sh -c 'curl -s 127.0.0.1:8500/v1/health/state/passing | grep -q serfHealth'
tests=$("$program" -test.list . | grep '^Test')
[ "${CONSUL_IS:-}" != reference ] || tests=$(grep -v TestAgent_Join <<<"$tests")
timeout 120 "$program" -test.v -test.run "^($(paste -sd'|' <<<"$tests"))\$" >"$scratch/out" 2>&1
passed=$(grep -c '^--- \(PASS\|SKIP\)' "$scratch/out")
failed=$(grep -c '^--- FAIL' "$scratch/out")
equal "all tests ran" "$(wc -l <<<"$tests")" $((passed + failed))
[ "$failed" = 0 ] || grep -A8 '^--- FAIL' "$scratch/out" | sed 's/^--- FAIL/not ok armon/'
closing
