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
# Installs what is missing with apt or apk, asking nothing (scripts/need.sh). Quiet when all is well.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/need.sh

# BearSSL is Debian's archive, linked by its path, with the three fortified functions that musl lacks supplied by
# net/fortify.c. Measured against Debian's source package built with musl-gcc -O2 (one core of an EPYC, 16 KiB records):
#
#                    AES-NI, PCLMUL   AES-128-GCM   SHA-256    P-256 mulgen
#   the archive      yes              4.1 GB/s      305 MB/s   3,080/s
#   from source      yes              4.3 GB/s      348 MB/s   3,470/s
#
# The intrinsics are in both. A handshake is worth 0.3 ms either way and bulk moves far faster than we parse: not worth a
# source download, deb-src lines that a fresh Debian has not, and 8 s of every first build.
tools() {
	need gcc make git binutils musl-dev musl-tools/- libc6-dev/- libbearssl-dev/bearssl-dev
	if [ ! -d /usr/include/bearssl ] && [ -e /etc/alpine-release ]; then
		need -/bearssl-static
	fi
	# musl's compiler wrapper sees no /usr/include: BearSSL's headers alone are shown to it.
	mkdir -p build/include
	for header in bearssl.h bearssl; do
		[ -e build/include/$header ] || ln -sfn /usr/include/$header build/include/$header
	done
}

build() {
	tools
	make --no-print-directory -s -j"$(nproc)" -f scripts/build.mk MODE=release build/release/consul
	if [ build/release/consul -nt build/consul ]; then
		objcopy --only-keep-debug build/release/consul build/consul.debug
		objcopy --strip-all --add-gnu-debuglink=build/consul.debug build/release/consul build/consul.new
		mv build/consul.new build/consul # in one step: an agent that runs from it is not disturbed
	fi
	compile_commands
}

# For clangd, clang-tidy and the like: how each file would be compiled, without the release build's own flags.
compile_commands() {
	find cmd core net store tests/unit tests/sim tests/fuzz -name '*.c' | LC_ALL=C sort |
		awk -v dir="$PWD" '
			BEGIN { print "[" }
			BEGIN { flags = "\"gcc\",\"-std=c11\",\"-D_GNU_SOURCE\",\"-I.\",\"-Wall\",\"-Wextra\",\"-c\"" }
			NR > 1 { print "," }
			{ printf "{\"directory\":\"%s\",\"file\":\"%s\",\"arguments\":[%s,\"%s\"]}", dir, $0, flags, $0 }
			END { print "\n]" }' >build/compile_commands.new
	if cmp -s build/compile_commands.new build/compile_commands.json; then
		rm build/compile_commands.new
	else
		mv build/compile_commands.new build/compile_commands.json
	fi
	[ -e compile_commands.json ] || ln -s build/compile_commands.json compile_commands.json
}

word=${1:-build}
[ $# -eq 0 ] || shift
case $word in
build) build ;;
run)
	build
	exec build/consul agent -dev "$@"
	;;
test)
	build
	exec tests/run "$@"
	;;
bench)
	build
	need python3 wrk nginx-core/nginx nsd dnsperf etcd-server/etcd nghttp2-client/nghttp2
	make --no-print-directory -s -j"$(nproc)" -f scripts/build.mk MODE=release bench
	exec tests/bench/run "$@"
	;;
check)
	build
	exec scripts/check.sh "$@"
	;;
fuzz)
	tools
	exec scripts/fuzz.sh "${1:-60}"
	;;
image)
	build
	exec scripts/image.sh build/consul build/consul-image.tar
	;;
clean) rm -rf build compile_commands.json ;;
*)
	sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
	exit 1
	;;
esac
