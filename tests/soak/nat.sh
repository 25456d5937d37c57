#!/usr/bin/env bash
# nat.sh [SECONDS]: two servers and a client behind one address, with port maps as Docker makes them, a server and a client
# outside. All are alive to all, none is ever accused, and each answers every call, for so many seconds (15; ten minutes by hand).
set -uo pipefail
cd "$(dirname "$0")/../.."
. scripts/need.sh
[ "${OWN_NETWORK:-}" = yes ] || need_command iptables iptables || exit 1
. tests/lib.sh
own_network "$@"
scratch_folder
hosts outer router client inner1 inner2 inner3

switch() { # switch NAME ADDRESS HOST...: hosts get the addresses after it
	local name=$1 net=${2%.*} n=${2##*.} host
	ip link add "$name" type bridge
	ip link set "$name" up
	shift 2
	for host in "$@"; do
		ip link add "$name$n" type veth peer name "$name" netns "$host"
		ip link set "$name$n" master "$name" up
		ip -n "$host" addr add "$net.$n/24" dev "$name"
		ip -n "$host" link set "$name" up
		n=$((n + 1))
	done
}
switch out 203.0.113.11 outer client router
switch in 10.9.0.1 router inner1 inner2 inner3
public=203.0.113.13
rule() { on router iptables -t nat -A "$@"; }
if ! rule POSTROUTING -s 10.9.0.0/24 -j MASQUERADE 2>"$scratch/iptables"; then
	echo "No NAT can be had here, so nothing was tested: $(tail -1 "$scratch/iptables")"
	pass
	closing
fi
on router sysctl -qw net.ipv4.ip_forward=1
for n in 1 2 3; do
	on inner$n ip route add default via 10.9.0.1
	for port in 8300 8301 8302; do
		for protocol in tcp udp; do
			rule PREROUTING -d $public -p $protocol --dport $((port + n * 100)) -j DNAT --to-destination 10.9.0.$((n + 1)):$port
		done
	done
done
python3 tests/soak/nat.py "$consul" "$scratch" "${1:-15}" $public
