#!/usr/bin/env bash
# Sets a Debian or Ubuntu machine up for punchlab: Go, and nothing else. Needs
# root where Go has to be installed. It may be run again.
set -euo pipefail

# Any Go from 1.21 on fetches the version that go.mod asks for.
go_version=1.26.0

go_is_there() {
	command -v go >/dev/null || return 1
	local minor
	minor=$(cd / && go env GOVERSION | sed -nE 's/.*go1\.([0-9]+).*/\1/p')
	[ "${minor:-0}" -ge 21 ]
}

install_go() {
	local arch file dir
	arch=$(dpkg --print-architecture) # amd64, arm64: Go's words too
	file=go$go_version.linux-$arch.tar.gz
	if ! command -v curl >/dev/null; then
		apt-get update
		apt-get install -y --no-install-recommends ca-certificates curl
	fi
	dir=$(mktemp -d)
	curl -fsSL -o "$dir/$file" "https://dl.google.com/go/$file"
	echo "$(curl -fsSL "https://dl.google.com/go/$file.sha256")  $dir/$file" | sha256sum --check --quiet
	rm -rf /usr/local/go
	tar -C /usr/local -xzf "$dir/$file"
	rm -r "$dir"
	ln -sf /usr/local/go/bin/go /usr/local/go/bin/gofmt /usr/local/bin/
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
