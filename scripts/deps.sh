#!/bin/bash
# Installs the Debian packages that a purpose needs, and only those that are missing.
#   deps.sh run|test|bench|fuzz|fmt|vm...   ("test" includes "run", "bench" includes both)
set -euo pipefail

declare -A packages=(
	[run]="gcc libc6-dev linux-libc-dev clang bpftool pkg-config libbpf-dev libelf-dev zlib1g-dev libyaml-dev libmnl-dev
		liburcu-dev libjansson-dev libxxhash-dev libpcre2-dev libidn2-dev libssl-dev python3 iproute2 ethtool curl netcat-openbsd procps util-linux"
	[test]="libcmocka-dev python3-pytest python3-websockets prometheus openssl haproxy nginx-light iputils-ping"
	[bench]="wrk nftables"
	[fuzz]="libclang-rt-14-dev"
	[fmt]="clang-format"
	[vm]="qemu-system-x86 busybox-static cpio xz-utils"
)
declare -A includes=([run]="run" [test]="run test" [bench]="run test bench" [fuzz]="run fuzz" [fmt]="fmt" [vm]="run test vm")

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
for purpose in "$@"; do
	for group in ${includes[$purpose]:?"unknown purpose $purpose"}; do
		for package in ${packages[$group]}; do
			installed "$package" || missing+=("$package")
		done
	done
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "missing packages; as root: apt-get install ${missing[*]}" >&2
	exit 1
fi

# prometheus (for promtool), nginx and haproxy are wanted as programs, not as services that start by themselves.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
