#!/bin/sh
# Golden files of the configuration: N-name.in is checked by `sluice check`; what it prints must be N-name.ok (the normalised
# configuration, for a valid one, with warnings in N-name.warn) or N-name.err (the exact error lines). An .in may be a directory
# with a main.yaml. Each .ok that came from one file is fed back and must print itself again. Shipped examples must be valid,
# and an example that is generated must be what the tables say today.
#   usage: run.sh [path of sluice]     UPDATE=1: rewrite the expected files instead of comparing
set -u
bin=${1:-build/sluice}
case $bin in /*) ;; *) bin=$PWD/$bin ;; esac
cd "$(dirname "$0")" || exit 1
[ -x "$bin" ] || { echo "skipped: $bin is not built"; exit 77; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0 cases=0 errs=0

fail() {
	failed=$((failed + 1))
	echo "FAIL $*"
}

# same WANTED GOT: compares, or rewrites WANTED; a file that should be empty does not exist.
same() {
	if [ -n "${UPDATE:-}" ]; then
		if [ -s "$2" ]; then cp "$2" "$1"; else rm -f "$1"; fi
	elif [ -e "$1" ] || [ -s "$2" ]; then
		want=$1
		[ -e "$1" ] || want=/dev/null
		diff -u "$want" "$2" || fail "$1"
	fi
}

check_case() {
	in=$1 name=${1%.in}
	[ -d "$in" ] && in=$in/main.yaml
	timeout 20 "$bin" check -c "$in" --print >"$tmp/out" 2>"$tmp/err"
	status=$?
	case $status in
	0)
		same "$name.ok" "$tmp/out"
		same "$name.warn" "$tmp/err"
		: >"$tmp/none"
		same "$name.err" "$tmp/none"
		;;
	1)
		errs=$((errs + 1))
		same "$name.err" "$tmp/err"
		: >"$tmp/none"
		same "$name.ok" "$tmp/none"
		[ -s "$tmp/out" ] && fail "$name: printed a configuration that is not valid"
		;;
	*)
		cat "$tmp/err"
		fail "$name: exit status $status"
		;;
	esac
}

round_trip() {
	timeout 20 "$bin" check -c "$1" --print >"$tmp/out" 2>"$tmp/err" || fail "$1: fed back, it is refused: $(cat "$tmp/err")"
	diff -u "$1" "$tmp/out" || fail "$1: fed back, it is not the same"
}

# What permissions files have in a checkout is not for the tests to depend on.
chmod 600 tls/*.key && chmod 644 tls/open.key
for in in [0-9]*.in; do
	cases=$((cases + 1))
	check_case "$in"
done
for ok in [0-9]*.ok; do
	[ -d "${ok%.ok}.in" ] || round_trip "$ok"
done
cd ../.. || exit 1
for example in config/*.yaml config/*.yml; do
	[ -e "$example" ] || continue
	timeout 20 "$bin" check -c "$example" >/dev/null 2>"$tmp/err" || fail "$example: $(cat "$tmp/err")"
done
if "$bin" help example >"$tmp/full" 2>/dev/null; then
	diff -u config/full.yaml "$tmp/full" >/dev/null || fail "config/full.yaml is not what \`sluice help example\` prints"
	"$bin" help options >"$tmp/options" && { diff -u docs/OPTIONS.md "$tmp/options" >/dev/null || fail "docs/OPTIONS.md is out of date"; }
fi
echo "conf: $cases cases ($errs with errors), $failed failed"
[ "$failed" = 0 ]
