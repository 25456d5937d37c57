#!/usr/bin/env bash
# fuzz.sh SECONDS [NAME ...]: runs each fuzz target (tests/fuzz/*.c) for that long with libFuzzer, address and undefined
# behaviour sanitizers on. Starts from the kept corpus (tests/fuzz/corpus/NAME); what is found on the way stays in
# build/fuzz/NAME.corpus for the next run. A finding is named with its file, and fails the run.
#
#   scripts/fuzz.sh keep [NAME ...]    merges what the last runs found into the kept corpus, as few small files as cover it
#
# Closes with "N passed, N failed": one a target.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
seconds=${1:-60}
shift || true
need clang/clang libclang-rt-14-dev/compiler-rt || exit 1
need_command clang clang || exit 1
flags=(-std=c11 -D_GNU_SOURCE -I. -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all)
sanitize=address,undefined
B=build/fuzz
mkdir -p $B
cores=$(nproc)

# The code under test once, for all targets: an archive, so that each links what it needs and no more.
cat >$B/lib.mk <<'EOF'
SRC := $(filter-out cmd/main.c,$(shell find cmd core net store -name '*.c')) $(wildcard tests/sim/disk.c)
OBJ := $(SRC:%.c=build/fuzz/o/%.o)
build/fuzz/lib.a: $(OBJ)
	@rm -f $@
	ar rcs $@ $^
build/fuzz/o/%.o: %.c
	@mkdir -p $(@D)
	clang $(FLAGS) -DREVISION='"fuzz"' -MMD -MP -fsanitize=fuzzer-no-link,address,undefined -c $< -o $@
-include $(shell find build/fuzz/o -name '*.d' 2>/dev/null)
EOF
make --no-print-directory -s -j"$cores" -f $B/lib.mk FLAGS="${flags[*]}" build/fuzz/lib.a || exit 1

[ $# -gt 0 ] || set -- $(cd tests/fuzz && ls ./*.c | sed 's#^./##; s/\.c$//')

build_target() {
	[ "$B/$1" -nt "$B/lib.a" ] && [ "$B/$1" -nt "tests/fuzz/$1.c" ] ||
		clang "${flags[@]}" -fsanitize=fuzzer,$sanitize "tests/fuzz/$1.c" $B/lib.a -lbearssl -lm -lpthread -o "$B/$1"
}

run_target() {
	local name=$1
	mkdir -p "$B/$name.corpus" "tests/fuzz/corpus/$name"
	"$B/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
		-artifact_prefix="$B/$name." "$B/$name.corpus" "tests/fuzz/corpus/$name" >"$B/$name.log" 2>&1
}

keep_target() {
	local name=$1 kept=tests/fuzz/corpus/$1
	rm -rf "$B/$name.merged"
	mkdir -p "$B/$name.merged" "$kept"
	"$B/$name" -merge=1 -max_len=4096 "$B/$name.merged" "$kept" "$B/$name.corpus" >"$B/$name.merge.log" 2>&1 || return
	# Small and few: the hundred smallest files that add coverage; seeds with names of their own stay.
	find "$kept" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' -delete
	find "$B/$name.merged" -type f -size -5k -printf '%s %p\n' | sort -n | head -100 | cut -d' ' -f2- | xargs -r cp -t "$kept"
}

passed=0 failed=0 names=()
verdict() { # verdict NAME STATUS
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
		echo "ok $1: $(awk '/stat::number_of_executed_units/ { print $2 }' "$B/$1.log") runs"
	else
		failed=$((failed + 1))
		echo "not ok fuzz: $1"
		grep -E 'ERROR|SUMMARY|runtime error|MUST|Test unit written' "$B/$1.log" | head -8
	fi
}

for name in "$@"; do
	build_target "$name" || { echo "not ok fuzz: $name does not build"; failed=$((failed + 1)); continue; }
	if [ "$seconds" = keep ]; then
		keep_target "$name" && echo "$name: $(ls "tests/fuzz/corpus/$name" | wc -l) files"
		continue
	fi
	names+=("$name")
done
# As many at once as there are cores.
for ((i = 0; i < ${#names[@]}; i += cores)); do
	pids=()
	for name in "${names[@]:i:cores}"; do
		run_target "$name" &
		pids+=($!)
	done
	for j in "${!pids[@]}"; do
		wait "${pids[j]}"
		verdict "${names[i + j]}" $?
	done
done
[ "$seconds" = keep ] || echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
