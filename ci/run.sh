#!/usr/bin/env bash
# What CI runs, on a machine that ci/setup.sh has set up: as root, or as a user
# who may create user namespaces.
set -euo pipefail
cd "$(dirname "$0")/.."
# Under sudo and in containers the checkout belongs to somebody else, and Go
# would not stamp binaries with its revision.
export GOFLAGS="${GOFLAGS:-} -buildvcs=false"
# Debian's Go does not fetch the version that go.mod asks for unless told to.
export GOTOOLCHAIN="${GOTOOLCHAIN:-auto}"

heading() { printf '\n== %s\n' "$*"; }

heading "format and vet"
unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
	printf 'gofmt would change:\n%s\n' "$unformatted"
	exit 1
fi
go vet ./...
(cd examples && go vet ./...)
(cd ci/kubernetes && go vet ./...)

heading "pure packages on other systems"
for system in darwin windows; do
	GOOS=$system go build ./natprofiles/... ./links/... ./topologies/... ./punch/... ./harness/recording/... \
		./bench/results/... ./bench/expect/... ./bench/populations/... ./bench/report/... ./bench/story/...
done

heading "what this machine can do"
go run ./cmd/punchlab doctor || true # the tests tell what of it they miss

heading "tests"
.ci/run
