#!/bin/bash
# `make verify`: every BPF object with every line of variants.txt, and its size beside the one recorded in sizes.txt. Sizes depend on
# the compiler and on the kernel, so they are compared where both are those of the recording, and only printed elsewhere.
#   usage: BUILD=build CLANG=clang tests/verify/run.sh        UPDATE=1: record the sizes of today
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
table=tests/verify/sizes.txt
here="clang $(${CLANG:-clang} -dumpversion | cut -d. -f1), kernel $(uname -r | cut -d. -f1,2)"

if [ -n "${UPDATE:-}" ]; then
	text=$("$BUILD/verify/verify" -w tests/verify/variants.txt "$BUILD"/bpf/*.bpf.o)
	printf '# recorded with: %s\n%s\n' "$here" "$text" >"$table"
	cat "$table"
	exit 0
fi
if [ "$(sed -n 's/^# recorded with: //p' "$table")" = "$here" ]; then
	exec "$BUILD/verify/verify" -t "$table" tests/verify/variants.txt "$BUILD"/bpf/*.bpf.o
fi
echo "verify: sizes are not compared: here is $here, $(head -n 1 "$table" | cut -c3-)"
exec "$BUILD/verify/verify" -v tests/verify/variants.txt "$BUILD"/bpf/*.bpf.o
