#!/usr/bin/env bash
# Runs the tests that deal with the kernel on Debian's stock kernels, each in a
# virtual machine without any network device: those kernels have modules and
# netem, which the machine's own may lack. README.md says what is run and why.
#
# Needs Go, apt, dpkg-deb, GNU tar and some 1.5 GB in a cache folder, for which
# packages are fetched once; root is not needed, nothing is installed. On other
# systems than Debian and Ubuntu, run it in a container of debian:stable.
#
#   KERNELS    suites of Debian whose kernels are taken       (bookworm trixie)
#   PACKAGES   packages of the plan, without them all
#   RUN        tests, as for go test -run
#   ACCEL      kvm or tcg                                (kvm where there is it)
#   CPUS       of the machine                                               (2)
#   KERNELS_CACHE  the folder; remove it to have newer packages
#                                               (~/.cache/punchlab-kernels)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
for program in go apt-get dpkg-deb tar; do
	if ! command -v "$program" >/dev/null; then
		echo "ci/kernels/run.sh needs $program; see its head" >&2
		exit 2
	fi
done
cache=${KERNELS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/punchlab-kernels}
export GOFLAGS="${GOFLAGS:-} -buildvcs=false" GOTOOLCHAIN="${GOTOOLCHAIN:-auto}" CGO_ENABLED=0
export GOOS=linux GOARCH=amd64
# accelerator tells whether the processor helps: /dev/kvm may be there without.
accelerator() {
	if [ -w /dev/kvm ] && grep -q -w -E 'vmx|svm' /proc/cpuinfo; then echo kvm; else echo tcg; fi
}
accel=${ACCEL:-$(accelerator)}

# shellcheck source=ci/kernels/debian.sh
. "$here/debian.sh"
# shellcheck source=ci/kernels/image.sh
. "$here/image.sh"

# plan prints the lines of plan.txt that are wanted: a package, its seconds, and
# the tests that are left out. Where the processor is emulated everything takes
# longer, and what wants real time is left out; elsewhere nothing is.
plan() {
	local package seconds skip
	while read -r package seconds skip; do
		case $package in '#'* | '') continue ;; esac
		if [ -n "${PACKAGES:-}" ] && [[ " $PACKAGES " != *" $package "* ]]; then continue; fi
		if [ "$accel" = kvm ]; then echo "$package" 600; else echo "$package" "$seconds" "$skip"; fi
	done <"$here/plan.txt"
}

# fetch gets what is not in the cache yet.
fetch() {
	local suite
	for suite in bookworm "$@"; do
		if [ ! -d "$cache/$suite/kernel" ] || [ ! -d "$cache/$suite/root" ]; then
			open_suite "$suite"
			once "$cache/$suite/root" fetch_root "$suite"
			once "$cache/$suite/kernel" fetch_kernel "$suite"
		fi
	done
	once "$cache/qemu" fetch_qemu
}

# image puts a machine together in a folder of its own and prints nothing.
image() {
	local suite=$1 work=$2
	cp -a "$cache/$suite/root" "$work/root"
	cp "$here/init" "$work/root/init"
	cp "$work/plan" "$work/root/plan"
	printf %s "${RUN:-}" >"$work/root/run.pattern"
	add_modules "$suite" "$work/root"
	cp -a "$work/tests/." "$work/root/"
	pack "$work/root" "$work/initrd"
	rm -rf "$work/root"
}

# run boots one suite's kernel and judges what its log says.
run() {
	local suite=$1 work=$2 log=$cache/log/$1.log
	boot "$suite" "$work/initrd" "$limit" | tee "$log" | grep -a --line-buffered '^kernels: ' || true
	grep -a -q -E '^kernels: end: [1-9][0-9]* passed, 0 of the parts failed$' "$log" && return
	echo "$suite: failed, or did not come to its end; its log says why: $log"
	grep -a -E '^ *--- FAIL: |^panic: |Kernel panic' "$log" || true
	return 1
}

read -ra suites <<<"${KERNELS:-bookworm trixie}"
mkdir -p "$cache/log"
work=$(mktemp -d "$cache/run.XXXXXX")
trap 'rm -rf "$work"' EXIT
fetch "${suites[@]}" >"$cache/log/fetch.log"
plan >"$work/plan"
if [ ! -s "$work/plan" ]; then
	echo "nothing to run: PACKAGES=\"${PACKAGES:-}\" names none of ci/kernels/plan.txt" >&2
	exit 2
fi
mkdir -p "$work"/tests/{tests,src,usr/bin}
add_tests "$work/tests" "$work/plan"
limit=$(awk '{ seconds += $2 + 60 } END { print seconds + 900 }' "$work/plan")
failed=0
for suite in "${suites[@]}"; do
	image "$suite" "$work"
	echo "== $suite, $(kernel_version "$suite"), $accel: $cache/log/$suite.log"
	run "$suite" "$work" || failed=1
done
exit "$failed"
