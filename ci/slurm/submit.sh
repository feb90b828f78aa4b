#!/usr/bin/env bash
# Submits a run as a job array, and the job that merges its shards behind it:
#
#   ci/slurm/submit.sh FOLDER SHARDS --seed N [flags of punchlab bench]
#   ci/slurm/submit.sh /shared/run 50 --nat all --strategy all --seed 1
#
# FOLDER must be one that all nodes see. The same line again goes on with what has not
# been finished. Options of sbatch can be given by its environment variables
# (SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT).
set -euo pipefail

if [ $# -lt 2 ]; then
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2
	exit 2
fi
mkdir -p "$1"
run=$(cd "$1" && pwd)
shards=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)

array=$(sbatch --parsable --array="1-$shards" --output="$run/shard-%a.log" "$here/shard.sbatch" "$run" "$@")
array=${array%%;*} # behind it may stand the cluster's name
merge=$(sbatch --parsable --dependency="afterok:$array" --kill-on-invalid-dep=yes \
	--output="$run/merge.log" "$here/merge.sbatch" "$run")
echo "array $array of $shards tasks, merge ${merge%%;*}; results will be in $run/merged"
