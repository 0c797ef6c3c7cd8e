#!/bin/bash
# `make run`: builds, makes a network of namespaces around this host (tests/lib/topology.py draws it), starts demo backends in it and
# the balancer in front, and waits. However it ends, nothing of it stays behind.
# Without root there are no namespaces and no XDP: then three backends listen on loopback and HTTP works alone.
set -uo pipefail
cd "$(dirname "$0")/.."

BUILD=${BUILD:-build}
SLUICE=$BUILD/sluice
NAME=sluice
PIN=/sys/fs/bpf/sluice
PYTHON=/usr/bin/python3
work=$(mktemp -d)
pids=()
agent=
network=

say() { printf '%s\n' "$*"; }

stop_agent() {
	[ -n "$agent" ] || return 0
	kill -TERM "$agent" 2>/dev/null
	for _ in $(seq 150); do
		kill -0 "$agent" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$agent" 2>/dev/null
	wait "$agent" 2>/dev/null
	agent=
}

cleanup() {
	trap '' INT TERM HUP
	stop_agent
	for pid in "${pids[@]}"; do
		kill -TERM "$pid" 2>/dev/null
	done
	for pid in "${pids[@]}"; do
		wait "$pid" 2>/dev/null
	done
	# The interfaces take their XDP programs with them; pins are only left when the agent was killed.
	[ -z "$network" ] || "$PYTHON" tests/lib/topology.py down "$NAME" --host
	[ -z "$network" ] || rm -rf "$PIN"
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 0' INT TERM HUP

backend() { # name, command prefix (may be empty), whoami arguments...
	local name=$1 prefix=$2
	shift 2
	$prefix setpriv --pdeathsig TERM "$SLUICE" whoami --name "$name" "$@" &
	pids+=($!)
}

# A lock that lives as long as this shell and no longer: namespaces without its holder were left by one that was killed.
take_network() {
	exec 9>"/run/$NAME-run.lock"
	if ! flock -n 9; then
		say "another 'make run' is active on this host"
		exit 1
	fi
	if [ -e "/run/netns/$NAME-client" ]; then
		say "removing what an earlier run left behind"
		"$PYTHON" tests/lib/topology.py down "$NAME" --host
		rm -rf "$PIN"
	fi
}

start_namespaces() {
	take_network
	mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf || say "no BPF file system: the kernel tier will not work"
	"$PYTHON" tests/lib/topology.py up "$NAME" --host 9>&- || exit 1
	network=1
	for i in 1 2 3; do
		backend "b$i" "nsenter --net=/run/netns/$NAME-b$i" --listen ":80" --tcp "198.18.1.1$i:5432" --udp "198.18.1.1$i:53" 9>&-
	done
	config=config/quickstart.yml
}

# The same demonstration without a network of its own: loopback addresses, no tcp and udp, no kernel section.
start_loopback() {
	say "not root: HTTP through the agent only; TCP and UDP through XDP need root"
	config=$work/quickstart.yml
	sed -e '/^# sluice: the kernel tier/,/^http:/{/^http:/!d}' -e '/^tcp:/,$d' -e '/^  db:/,/address/d' -e '/^  dns:/,/address/d' \
		-e 's|198.18.1.11:80|127.0.0.1:18081|; s|198.18.1.12:80|127.0.0.1:18082|; s|198.18.1.13:80|127.0.0.1:18083|' \
		-e "s|filename: .*|filename: $config|" config/quickstart.yml >"$config"
	printf 'control:\n  socket: %s/control.sock\n' "$work" >>"$config"
	for i in 1 2 3; do
		backend "b$i" "" --listen "127.0.0.1:1808$i"
	done
}

hints() {
	cat <<-TEXT

	Try, in another terminal:
	  curl http://127.0.0.1:8000/                                      HTTP through the agent, three servers
	  curl -H 'Host: api.test' http://127.0.0.1:8000/v1/hello          stripPrefix: the server sees /hello
	  curl -d 503 http://127.0.0.1:8000/health                         makes one server ill: the log says so, no request goes there
	TEXT
	[ -z "$network" ] || cat <<-TEXT
	  nsenter --net=/run/netns/$NAME-client nc 198.18.0.10 5432        TCP through XDP, from the client's network (as root)
	  echo hello | nsenter --net=/run/netns/$NAME-client nc -u -w1 198.18.0.10 53      UDP through XDP
	  nsenter --net=/run/netns/$NAME-b1 curl -sX POST -d 503 http://127.0.0.1/health   takes b1 out (200 puts it back)
	TEXT
	cat <<-TEXT
	  curl http://127.0.0.1:8080/metrics                               metrics of both tiers
	  curl http://127.0.0.1:8080/api/status                            state as JSON
	  $SLUICE status$([ -n "$network" ] || printf -- ' -c %s' "$config")
	Ctrl-C ends it and removes everything.

	TEXT
}

if [ "$(id -u)" -eq 0 ]; then
	start_namespaces
else
	start_loopback
fi

# Should this shell be killed outright, its children are told to end all the same.
setpriv --pdeathsig TERM "$SLUICE" run -c "$config" 9>&- &
agent=$!
for _ in $(seq 100); do
	curl -fsS -o /dev/null http://127.0.0.1:8080/ping 2>/dev/null && break
	kill -0 "$agent" 2>/dev/null || break
	sleep 0.1
done
kill -0 "$agent" 2>/dev/null && hints
wait "$agent"
status=$?
agent=
exit $status
