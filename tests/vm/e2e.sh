#!/bin/busybox sh
# The whole way in a small network: native XDP on veth, the agent, real TCP and UDP stacks at both ends. Runs inside the machine.
# Then health checks by way of the server (route, lightweight tunnel, decapsulator), whose path differs between kernels most.
#
#    client             lb                                  host
#   +------------+ veth +----------------------------+ veth +-----------------------------------+
#   | eth0       |------| lb0                    lb1 |------| eth0                              |
#   | 198.18.0.2 |      | 198.18.0.1      198.18.1.1 |      | 198.18.1.11 (b1), 198.18.1.12 (b2)|
#   +------------+      +----------------------------+      +-----------------------------------+
#    VIP 198.18.0.10 via 198.18.0.1: nobody's address, only the program on lb0 knows it
#
# The programs behind eth0 have GRO on (else veth does not take redirected frames) and checksum offload is off everywhere.
SLUICE=${SLUICE:-/t/sluice}
VIP=198.18.0.10
work=$(mktemp -d)
cd "$work" || exit 1
failed=0

ip() { /usr/bin/ip "$@"; }
inside() { # namespace, command...
	local ns=$1
	shift
	/usr/bin/nsenter "--net=/run/netns/$ns" "$@"
}

offload() { inside "$1" /usr/bin/ethtool -K "$2" tx off gro "$3" >/dev/null; }

network() {
	for ns in client lb host; do
		ip netns add $ns
		inside $ns sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
		ip -n $ns link set lo up
	done
	ip -n lb link add lb0 type veth peer name eth0 netns client
	ip -n lb link add lb1 type veth peer name eth0 netns host
	ip -n lb addr add 198.18.0.1/24 dev lb0
	ip -n lb addr add 198.18.1.1/24 dev lb1
	ip -n client addr add 198.18.0.2/24 dev eth0
	ip -n host addr add 198.18.1.11/24 dev eth0
	ip -n host addr add 198.18.1.12/24 dev eth0
	offload client eth0 on && offload host eth0 on && offload lb lb0 off && offload lb lb1 off || return 1
	ip -n lb link set lb0 up
	ip -n lb link set lb1 up
	ip -n client link set eth0 up
	ip -n host link set eth0 up
	ip -n client route add $VIP/32 via 198.18.0.1
	ip -n host route add default via 198.18.1.1
}

# YAML that Traefik's users know; the L4 services are what this test is about.
configure() { # forwarding and more options of the TCP service
	cat >sluice.yml <<-END
		log: { level: DEBUG }
		api: { insecure: true }
		ping: {}
		metrics: { prometheus: {} }
		entryPoints:
		  db: { address: "$VIP:5432" }
		  dns: { address: "$VIP:53/udp" }
		providers: { file: { filename: $work/sluice.yml, watch: false } }
		kernel: { interfaces: [lb0, lb1], xdpMode: native, pinPath: /sys/fs/bpf/sluice }
		control: { socket: $work/control.sock }
		workers: 1
		tcp:
		  routers: { db: { entryPoints: [db], rule: "HostSNI(\`*\`)", service: db } }
		  services: { db: { loadBalancer: { datapath: xdp, $1, servers: [ { address: "198.18.1.11:5432" }, { address: "198.18.1.12:5432" } ] } } }
		udp:
		  routers: { dns: { entryPoints: [dns], service: dns } }
		  services: { dns: { loadBalancer: { datapath: xdp, servers: [ { address: "198.18.1.11:53" }, { address: "198.18.1.12:53" } ] } } }
	END
}

check() { # what, command...; its status
	local what=$1
	shift
	if "$@"; then
		echo "ok   $what"
	else
		echo "FAIL $what"
		failed=$((failed + 1))
		return 1
	fi
}

# Until it is so, or 60 seconds.
eventually() {
	local until=$(($(cut -d. -f1 /proc/uptime) + 60))
	while ! "$@" >/dev/null 2>&1; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$until" ] || return 1
		sleep 0.2
	done
}

# The first line whoami sends names the backend and the peer it sees.
ask_tcp() { inside client /usr/bin/nc.openbsd -N -w 5 $VIP 5432 </dev/null | head -n 1; }
ask_udp() { echo question | inside client timeout 5 /usr/bin/nc.openbsd -u -W 1 -w 5 $VIP 53; }
answers() { ask_tcp | grep -q '^b[12] '; }
ping_agent() { inside lb wget -q -O /dev/null http://127.0.0.1:8080/ping; }
metric() { inside lb wget -q -O - http://127.0.0.1:8080/metrics | sed -n "s/^sluice_kernel_packets_total{.*reason=\"$1\".*} //p"; }

# Every server answers within 40 connections (all on one has probability 2^-39).
servers_seen() {
	local seen= i=0
	while [ $i -lt 40 ]; do
		seen="$seen $($1 | cut -d' ' -f1)"
		case $seen in *b1*b2* | *b2*b1*) return 0 ;; esac
		i=$((i + 1))
	done
	echo "answers:$seen"
	return 1
}

big_echo() {
	dd if=/dev/urandom of=sent bs=1024 count=256 2>/dev/null
	inside client timeout 60 /usr/bin/nc.openbsd -N $VIP 5432 <sent | tail -n +2 | cmp - sent
}

native() { ip -n lb -d link show "$1" | grep -q ' xdp '; }
nothing_left() { ! ip -n lb -d link show lb0 | grep -q xdp && [ ! -e /sys/fs/bpf/sluice ]; }

forwarding() {
	check "native XDP on lb0" native lb0 && check "native XDP on lb1" native lb1 || return
	check "a TCP connection through the VIP" eventually answers || return
	check "TCP reaches both servers" servers_seen ask_tcp
	check "256 KiB there and back unchanged" big_echo
	check "UDP reaches both servers" servers_seen ask_udp
	echo "     forwarded $(metric forwarded), replied $(metric replied) packets"
	check "packets are counted" [ "$(metric forwarded)" -gt 100 ]
}

# Both servers are one host here, so they have the VIP and pass together.
passing() { inside lb wget -q -O - http://127.0.0.1:8080/api/status | grep -o "through $1 to [0-9.]*: health check passed" | sort -u | wc -l | grep -qx 2; }
failing() { inside lb wget -q -O - http://127.0.0.1:8080/api/status | grep -o "through $1 to [0-9.]*: connect timed out" | sort -u | wc -l | grep -qx 2; }
no_detour() { ! ip -n lb rule show | grep -q 0x51ce0000; }

checks() {
	local mode
	ip -n host addr add $VIP/32 dev lo
	/usr/bin/nsenter --net=/run/netns/host "$SLUICE" whoami --name vip --tcp $VIP:5432 >vip.log 2>&1 &
	inside host "$SLUICE" bpf load decap --interface eth0 --vip $VIP || failed=$((failed + 1))
	for mode in ipip gue dsr; do
		configure "forwarding: $mode, healthCheck: { interval: 500ms, timeout: 1s }"
		kill -HUP $agent
		check "checks through $mode pass" eventually passing $mode
		ip -n host addr del $VIP/32 dev lo
		check "checks through $mode find the address missing" eventually failing $mode
		ip -n host addr add $VIP/32 dev lo
		check "checks through $mode pass again" eventually passing $mode
	done
}

network || { echo "FAIL the network cannot be made"; exit 1; }
configure "forwarding: snat"
for i in 1 2; do
	/usr/bin/nsenter --net=/run/netns/host "$SLUICE" whoami --name b$i --tcp 198.18.1.1$i:5432 --udp 198.18.1.1$i:53 >b$i.log 2>&1 &
done
# Not `inside`: a function in the background is a shell, and the signal is for the agent.
/usr/bin/nsenter --net=/run/netns/lb "$SLUICE" run -c sluice.yml >agent.log 2>&1 &
agent=$!
check "the agent starts" eventually ping_agent && forwarding && checks
kill -TERM $agent
wait $agent
check "the agent ends well (status $?)" [ $? -eq 0 ]
check "nothing of it is left" nothing_left
check "no rule is left" no_detour
if [ $failed -ne 0 ]; then
	echo "--- agent's log"
	tail -n 40 agent.log
fi
kill $(jobs -p) 2>/dev/null
[ $failed -eq 0 ]
