# Sourced by build.sh and by the tests: installs what a step needs, asking nothing, quiet when it is there already.
#
#   need PACKAGE[/APK] ...         Debian packages; after a slash the name in Alpine, '-' for none
#   need_command NAME PACKAGE ...  the packages, unless the command is there (however it came)
#
# Debian and Ubuntu by apt, Alpine by apk; elsewhere a line that says exactly what to install. Log: build/install.log.

say() { printf '%s\n' "$*" >&2; }

need() {
	mkdir -p build
	if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
		need_debian "${@%%/*}"
	elif command -v apk >/dev/null; then
		need_alpine "${@##*/}"
	else
		say "Neither apt nor apk is here. Please install what Debian calls: ${*%%/*}"
		return 1
	fi
}

need_command() {
	local name=$1
	shift
	command -v "$name" >/dev/null || need "$@"
}

need_debian() {
	local there missing=() p
	there=$(dpkg-query -W -f='${Package} ${Status}\n' "$@" 2>/dev/null || true)
	for p in "$@"; do
		grep -qx "$p install ok installed" <<<"$there" || missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] || as_root "apt-get install" install_debian "${missing[@]}"
}

need_alpine() {
	local missing=() p
	for p in "$@"; do
		[ "$p" = - ] || apk info -e "$p" >/dev/null 2>&1 || missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] || as_root "apk add" install_alpine "${missing[@]}"
}

# as_root WHAT FUNCTION PACKAGE...: one message for those who may not install.
as_root() {
	local what=$1 how=$2
	shift 2
	if [ "$(id -u)" != 0 ]; then
		say "Not root. Please run: $what $*"
		return 1
	fi
	say "installing $*"
	"$how" "$@" >>build/install.log 2>&1 || {
		say "could not install $*:"
		tail -5 build/install.log >&2
		return 1
	}
}

# Services that packages bring must not start: a policy says no while we install. One installation at a time.
install_debian() (
	export DEBIAN_FRONTEND=noninteractive
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		trap 'rm -f $policy' EXIT
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod +x $policy
	fi
	apt="apt-get -y -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0"
	$apt install --no-install-recommends "$@" </dev/null ||
		{ $apt update </dev/null && $apt install --no-install-recommends "$@" </dev/null; }
)

install_alpine() { apk add -q "$@" </dev/null; }
