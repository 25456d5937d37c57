#!/usr/bin/env bash
# Builds, runs and tests consul. No arguments: the release binary at build/consul, its symbols at build/consul.debug.
#
#   ./build.sh            build
#   ./build.sh run [...]  build, then `consul agent -dev ...`
#   ./build.sh test       everything that CI runs; closes with "N passed, N failed"
#   ./build.sh bench      one table: ours beside nginx, NSD, etcd and, with CONSUL_REFERENCE=path, real Consul
#   ./build.sh check      format, lint, static analysis, sanitizer builds with the unit tests
#   ./build.sh fuzz [s]   each fuzz target for s seconds (default 60)
#   ./build.sh image      build/consul-image.tar, for `docker load`
#   ./build.sh clean
#
# Installs what is missing with apt or apk, asking nothing. Quiet when all is well.
set -euo pipefail
cd "$(dirname "$0")"
jobs=$(nproc)
export DEBIAN_FRONTEND=noninteractive

say() { printf '%s\n' "$*" >&2; }

# need NAME...: installs Debian packages (Alpine names after a slash) that are not there yet.
need() {
	local missing=()
	for p in "$@"; do
		if command -v dpkg-query >/dev/null; then
			dpkg-query -W -f='${Status}' "${p%%/*}" 2>/dev/null | grep -q "install ok installed" || missing+=("${p%%/*}")
		elif command -v apk >/dev/null; then
			apk info -e "${p##*/}" >/dev/null 2>&1 || missing+=("${p##*/}")
		else
			say "This system has neither apt nor apk. Please install: $*"
			exit 1
		fi
	done
	[ ${#missing[@]} -eq 0 ] && return 0
	say "installing ${missing[*]}"
	if command -v apk >/dev/null; then
		apk add -q "${missing[@]}"
		return
	fi
	# Services that packages bring must not start: a policy says no while we install.
	local policy=
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod +x $policy
	fi
	local ok=0
	apt-get install -y -qq --no-install-recommends "${missing[@]}" >build/apt.log 2>&1 ||
		{ apt-get update -qq >build/apt.log 2>&1 &&
			apt-get install -y -qq --no-install-recommends "${missing[@]}" >>build/apt.log 2>&1; } || ok=1
	[ -n "$policy" ] && rm -f "$policy"
	[ $ok = 0 ] || { say "could not install ${missing[*]}:"; tail -5 build/apt.log >&2; exit 1; }
}

tools() {
	mkdir -p build
	need gcc make/make libc6-dev/musl-dev git binutils musl-tools/musl-dev musl-dev libbearssl-dev/bearssl-dev file
	# musl's compiler wrapper sees no /usr/include: BearSSL's headers alone are shown to it.
	mkdir -p build/include
	ln -sfn /usr/include/bearssl.h build/include/bearssl.h
	ln -sfn /usr/include/bearssl build/include/bearssl
}

compile() { # compile MODE TARGET...
	local mode=$1
	shift
	make --no-print-directory -s -j"$jobs" -f scripts/build.mk MODE="$mode" "$@"
}

build() {
	tools
	compile release build/release/consul
	if [ build/release/consul -nt build/consul ]; then
		objcopy --only-keep-debug build/release/consul build/consul.debug
		objcopy --strip-all --add-gnu-debuglink=build/consul.debug build/release/consul build/consul
	fi
	compile_commands
}

compile_commands() {
	local first=1
	{
		echo "["
		find cmd core net store tests/unit -name '*.c' | sort | while read -r f; do
			[ $first = 1 ] || echo ","
			first=0
			printf '{"directory":"%s","file":"%s","arguments":["gcc","-std=c11","-D_GNU_SOURCE","-I.","-c","%s"]}' \
				"$PWD" "$f" "$f"
		done
		echo
		echo "]"
	} >build/compile_commands.json
}

case "${1:-build}" in
build) build ;;
run)
	build
	shift
	exec build/consul agent -dev "$@"
	;;
test) build; exec tests/run ;;
bench) build; shift; exec tests/bench/run "$@" ;;
check) build; exec scripts/check.sh ;;
fuzz) build; exec scripts/fuzz.sh "${2:-60}" ;;
image) build; exec scripts/image.sh build/consul build/consul-image.tar ;;
clean) rm -rf build ;;
*) sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
esac
