#!/usr/bin/env bash
# What the binary is: one static, position independent, hardened file of at most 1.5 MB that links musl and BearSSL only.
set -uo pipefail
cd "$(dirname "$0")/../.."
. scripts/need.sh
need file || exit 1
passed=0 failed=0
export LC_ALL=C
check() { # check WHAT COMMAND...
	local what=$1
	shift
	if "$@" >/dev/null 2>&1; then
		passed=$((passed + 1))
	else
		echo "not ok binary: $what"
		failed=$((failed + 1))
	fi
}
b=build/consul
headers=$(readelf -lW $b 2>/dev/null)
dynamic=$(readelf -dW $b 2>/dev/null)
check "is a static PIE" sh -c "file -L $b | grep -q 'static-pie linked'"
check "ldd finds nothing to load" sh -c "! ldd $b 2>&1 | grep -q '=>'"
check "names no interpreter" sh -c "! echo '$headers' | grep -q INTERP"
check "has RELRO" sh -c "echo '$headers' | grep -q GNU_RELRO"
check "binds at start" sh -c "echo '$dynamic' | grep -Eq 'BIND_NOW|NOW'"
check "has no executable stack" sh -c "echo '$headers' | grep GNU_STACK | grep -qv 'RWE'"
check "has stack protectors" sh -c "nm build/release/consul | grep -q __stack_chk_fail"
check "is stripped" sh -c "file -L $b | grep -qv 'not stripped'"
check "has at most 1.5 MB" test "$(stat -Lc %s $b)" -le 1572864
check "was linked against musl" sh -c "nm build/release/consul | grep -q __libc_start_init || nm build/release/consul | grep -q __init_libc"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
