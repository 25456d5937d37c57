#!/usr/bin/env bash
# check.sh [PART ...]: format, lint, cppcheck, tidy, asan, tsan (all without words). What `test` has no time for.
# Closes with "N passed, N failed": one a part, the unit tests one each.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
passed=0 failed=0
mkdir -p build/check
sources() { git ls-files --cached -- 'cmd/*.[ch]' 'core/*.[ch]' 'net/*.[ch]' 'store/*.[ch]' "$@"; }

# verdict NAME STATUS: one part; its output is in build/check/NAME.
verdict() {
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
		echo "ok $1"
	else
		failed=$((failed + 1))
		echo "not ok check: $1"
		head -40 "build/check/$1"
	fi
}

# counted NAME COMMAND...: a part that has a closing line of its own.
counted() {
	local name=$1 line
	shift
	"$@" >"build/check/$name" 2>&1
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "build/check/$name" | tail -1)
	if [ -z "$line" ] || [ "${line#*, }" != "0 failed" ]; then
		tail -40 "build/check/$name"
		line=${line:-0 passed, 1 failed}
	fi
	echo "$name: $line"
	passed=$((passed + ${line%% *})) line=${line#*, }
	failed=$((failed + ${line%% *}))
}

part_format() {
	need clang-format/clang-extra-tools || return
	sources 'tests/*.[ch]' | xargs clang-format --dry-run -Werror >build/check/format 2>&1
	verdict format $?
}

# A file at a time on all cores; one that was clean and has not changed since (nor any header) is not looked at again.
part_lint() {
	need clang-tidy/clang-extra-tools clang || return
	local newest
	newest=$(sources | grep '\.h$' | xargs sha256sum .clang-tidy | sha256sum | cut -c1-16)
	mkdir -p build/check/clean
	sources | grep '\.c$' | xargs -P "$(nproc)" -I{} sh -c '
		mark=build/check/clean/$(sha256sum "$1" | cut -c1-16)-$2
		[ -e "$mark" ] || { clang-tidy --quiet "$1" -- -std=c11 -D_GNU_SOURCE -DREVISION=\"check\" -I. 2>/dev/null && touch "$mark"; }' \
		lint {} "$newest" >build/check/lint
	verdict lint $?
}

# clang's analyzer looks for leaks and unset variables better; the others suppressed are wrong about hexadecimal floats,
# compound literals in ?: and a counter that `&&` guards.
part_cppcheck() {
	need cppcheck || return
	mkdir -p build/check/cppcheck.d
	cppcheck --quiet --std=c11 -D_GNU_SOURCE -I. -j "$(nproc)" --cppcheck-build-dir=build/check/cppcheck.d \
		--enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --suppress=memleak --suppress=uninitvar \
		--suppress=autoVariables --suppress=incorrectLogicOperator --suppress=internalAstError \
		--suppress=arrayIndexOutOfBounds:core/gossip/broadcast.c cmd core net store >build/check/cppcheck 2>&1
	verdict cppcheck $?
}

part_tidy() { counted tidy tests/tidy.py; }
part_asan() { need libbearssl-dev/bearssl-dev && counted asan tests/unit/run asan; }

# What several threads share: the ring, the epochs and the tree below them, the host's parking.
part_tsan() {
	need libbearssl-dev/bearssl-dev || return
	for suite in ring baton epoch db; do
		counted "tsan-$suite" tests/unit/run tsan "$suite"
	done
}

[ $# -gt 0 ] || set -- format tidy lint cppcheck asan tsan
for part in "$@"; do
	"part_$part" || { [ $failed -gt 0 ] || failed=1; }
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
