#!/usr/bin/env bash
# Sets a Debian or Ubuntu machine up for punchlab: Go, and nothing else. Needs
# root where Go has to be installed. It may be run again.
set -euo pipefail

# Any Go from 1.21 on fetches the version that go.mod asks for, if it may
# (GOTOOLCHAIN=auto, which ci/run.sh sets: Debian's Go has it off).
oldest=21

go_is_there() {
	command -v go >/dev/null || return 1
	local minor
	minor=$(cd / && go env GOVERSION | sed -nE 's/.*go1\.([0-9]+).*/\1/p')
	[ "${minor:-0}" -ge "$oldest" ]
}

install_go() {
	apt-get update
	apt-get install -y --no-install-recommends ca-certificates golang-go
	if ! go_is_there; then
		echo "This system's Go is older than 1.$oldest. Debian 13 and Ubuntu 24.04 have a newer one; or see https://go.dev/doc/install" >&2
		exit 1
	fi
}

# Without root a lab lives in a user namespace. Ubuntu's AppArmor takes the
# capabilities away from those since 23.10, Debian's kernel had a switch of
# its own.
hint_at() {
	local setting=$1 wanted=$2
	local file=/proc/sys/${setting//.//}
	if [ -r "$file" ] && [ "$(cat "$file")" != "$wanted" ]; then
		printf 'Labs without root need:  sudo sysctl -w %s=%s\n' "$setting" "$wanted"
	fi
}

if ! go_is_there; then
	install_go
fi
go version
hint_at kernel.apparmor_restrict_unprivileged_userns 0
hint_at kernel.unprivileged_userns_clone 1
