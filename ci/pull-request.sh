#!/usr/bin/env bash
# What a pull request shows: a quick bench of it, held against ci/expect.yaml and beside one
# of the branch that it goes to.
#
#   ci/pull-request.sh [BASE [FOLDER]]
#
# BASE is a commit, by default origin/$GITHUB_BASE_REF, or main by hand. FOLDER gets the
# results, in head/ and base/, by default punchlab-results/pull-request; what the script left
# there before is replaced. In GitHub Actions the reports go to the job's summary.
#
# It fails if the bench does or if a pair is not as expected: which pairs connect follows from
# the mechanism, on any machine. It does not fail of the comparison. Times differ on a machine
# that others use too though no line has changed, and of 20 trials of each pair nothing less
# than a collapse is found, which ci/expect.yaml finds as well (docs/comparing.md). To be as
# fair as such a machine allows, both runs are made on it at the same time: what others do
# there, they do to both.
set -euo pipefail
cd "$(dirname "$0")/.."

base=${1:-${GITHUB_BASE_REF:+origin/$GITHUB_BASE_REF}}
base=${base:-main}
results=${2:-punchlab-results/pull-request}
summary=${GITHUB_STEP_SUMMARY:-/dev/stderr}
export GOFLAGS="${GOFLAGS:-} -buildvcs=false"

# Some 10 seconds: pairs without a way use up their patience.
quick=(--nat quick --trials 20 --seed 1)

work=$(mktemp -d)
trap 'git worktree remove --force "$work/base" 2>/dev/null || true; rm -rf "$work"' EXIT
rm -rf "$results/head" "$results/base"

# bench WHAT runs the quick set by one of the two programs.
bench() { "$work/punchlab-$1" bench "${quick[@]}" -o "$results/$1" >"$work/$1.txt" 2>"$work/$1.log"; }

# build_base fails where the base cannot be had.
build_base() {
	git worktree add --quiet --detach "$work/base" "$1" || return
	(cd "$work/base" && go build -o "$work/punchlab-base" ./cmd/punchlab)
}

go build -o "$work/punchlab-head" ./cmd/punchlab
commit=$(git rev-parse --short --verify "$base^{commit}") && build_base "$commit" || commit=

beside=
if [ -n "$commit" ]; then
	bench base &
	beside=$!
fi
status=0
bench head || status=1
cat "$work/head.log" >&2
if [ -e "$results/head/results.jsonl" ]; then
	"$work/punchlab-head" report "$results/head" --expect ci/expect.yaml || status=1
	{ cat "$results/head/report.md"; echo; } >>"$summary"
fi

if [ -n "$beside" ] && wait "$beside"; then
	printf '## Compared with %s (%s)\n\n```\n' "$base" "$commit"
	COLUMNS=120 "$work/punchlab-head" compare "$results/base" "$results/head"
	printf '```\n'
else
	echo "No comparison: $base has no bench that runs here."
	[ ! -e "$work/base.log" ] || cat "$work/base.log" >&2
fi >>"$summary"
exit "$status"
