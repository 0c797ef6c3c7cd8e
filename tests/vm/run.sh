#!/bin/bash
# `make vm`: the kernel tier's tests on a kernel of Debian's own, in QEMU without KVM. The kernel comes out of its package and is
# not installed here; init (beside this file) is what runs inside, from an initramfs that is made of this host's binaries.
#   usage: BUILD=build tests/vm/run.sh [package of a kernel]      VM_SECONDS: time limit for everything inside (default 600)
#   VM_ONLY: run only what has a name beginning so (load, verify, unit, e2e, packet)
# Exit 0, 1, or 77 when it cannot run here. What the machine printed stays in BUILD/vm/<kernel>/serial.log.
set -euo pipefail
cd "$(dirname "$0")/../.."

BUILD=${BUILD:-build}
META=${1:-linux-image-amd64}
SECONDS_MAX=${VM_SECONDS:-600}
PROGRAMS=(bpftool ip ethtool nc.openbsd nsenter)

skip() {
	echo "skipped: $*"
	exit 77
}

# The package a meta package stands for today; any other name stands for itself.
resolve() {
	local real
	real=$(apt-cache depends --important "$1" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
	echo "${real:-$1}"
}

# Leaves vmlinuz and veth.ko in $dir; a directory that has both is left as it is.
fetch_kernel() {
	[ -e "$dir/vmlinuz" ] && [ -e "$dir/veth.ko" ] && return
	local tmp=$dir/unpack
	rm -rf "$tmp"
	mkdir -p "$tmp"
	(cd "$tmp" && apt-get -qq -o APT::Sandbox::User=root download "$kernel") || skip "the package $kernel cannot be had"
	dpkg-deb --fsys-tarfile "$tmp"/*.deb | tar -x -C "$tmp" --wildcards './boot/vmlinuz-*' '*/drivers/net/veth.ko*'
	case $(find "$tmp/lib" -name 'veth.ko*') in
	*.ko.xz) find "$tmp/lib" -name veth.ko.xz -exec xz -dc {} + >"$dir/veth.ko" ;;
	*.ko) find "$tmp/lib" -name veth.ko -exec cp {} "$dir/veth.ko" \; ;;
	*) skip "$kernel has no veth module that can be unpacked" ;;
	esac
	mv "$tmp"/boot/vmlinuz-* "$dir/vmlinuz"
	rm -rf "$tmp"
}

# What a program is linked with, at the same places.
put_libraries() {
	local file
	for file in $(ldd "$1" | grep -o '/[^ ]*'); do
		mkdir -p "$root$(dirname "$file")"
		[ -e "$root$file" ] || cp -L "$file" "$root$file"
	done
}

put_tests() {
	local file
	for file in "$BUILD"/sluice "$BUILD"/packet/run "$BUILD"/verify/verify "$BUILD"/unit/kern/*_test; do
		mkdir -p "$root/t/$(dirname "${file#"$BUILD"/}")"
		cp "$file" "$root/t/${file#"$BUILD"/}"
		put_libraries "$file"
	done
	mkdir "$root/t/bpf"
	cp "$BUILD"/bpf/*.bpf.o "$root/t/bpf/"
	cp tests/verify/variants.txt "$root/t/verify/"
	cp tests/vm/e2e.sh "$dir/veth.ko" "$root/t/"
}

make_initramfs() {
	local program file
	rm -rf "$root"
	mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{dev,proc,sys,tmp,run,t}
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root/"
	for program in busybox "${PROGRAMS[@]}"; do
		file=$(PATH=$PATH:/usr/sbin:/sbin type -P "$program") || skip "$program is not installed (scripts/deps.sh vm)"
		cp -L "$file" "$root/usr/bin/$program"
		[ "$program" = busybox ] || put_libraries "$file"
	done
	for program in $("$root/usr/bin/busybox" --list); do
		[ -e "$root/usr/bin/$program" ] || ln -s busybox "$root/usr/bin/$program"
	done
	put_tests
	install -m 755 tests/vm/init "$root/init"
	(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$dir/initramfs"
}

# A console each for the kernel and for the tests: messages of one must not cut lines of the other in two.
boot() {
	timeout -k 5 "$SECONDS_MAX" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 -nodefaults -no-user-config \
		-display none -monitor none -nic none -no-reboot -serial "file:$dir/console.log" -serial "file:$dir/serial.log" \
		-kernel "$dir/vmlinuz" -initrd "$dir/initramfs" \
		-append "console=ttyS0 quiet panic=-1 oops=panic nmi_watchdog=0 nosoftlockup mitigations=off rdinit=/init only=${VM_ONLY:-}"
}

# Everything between the markers; success is said by the last one, so a machine that died early has failed.
report() {
	tr -d '\r' <"$dir/serial.log" | sed -n '/^@@ /p' | sed 's/^@@ /  /'
	if tr -d '\r' <"$dir/serial.log" | grep -q '^@@ all passed$'; then
		return 0
	fi
	echo "--- the last of the serial console ($dir/serial.log)"
	tail -n 60 "$dir/serial.log"
	echo "--- the last of the kernel's console ($dir/console.log)"
	tail -n 20 "$dir/console.log"
	return 1
}

command -v qemu-system-x86_64 >/dev/null || skip "qemu-system-x86 is not installed (scripts/deps.sh vm)"
kernel=$(resolve "$META")
dir=$BUILD/vm/$kernel
root=$dir/root
mkdir -p "$dir"
fetch_kernel
make_initramfs
: >"$dir/serial.log"
echo "vm: $kernel, at most $SECONDS_MAX s"
began=$SECONDS
status=0
boot || status=$?
[ "$status" -ne 124 ] || echo "vm: stopped after $SECONDS_MAX s"
report || status=1
echo "vm: $kernel, $((SECONDS - began)) s, $([ "$status" -eq 0 ] && echo passed || echo FAILED)"
[ "$status" -eq 0 ]
