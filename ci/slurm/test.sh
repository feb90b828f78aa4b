#!/usr/bin/env bash
# Tries the job array and its merge with a real Slurm, all of it on this machine: a
# controller, one node and munge, from Debian's packages (apt-get install slurmctld slurmd
# slurm-client munge iproute2). Needs root. Submits an array of three tasks. While they run
# the first is requeued, the program of the second is killed, and the third is told that its
# time is up. The merged run is then held against one in one piece.
#
# Everything runs in namespaces of its own: in the network one there is nothing but a
# loopback, so that neither daemon is seen from outside, and with the first process of the
# PID one all others end, however this script does.
set -euo pipefail

if [ "${1:-}" != inside ]; then
	for program in munged slurmctld slurmd sbatch ip go; do
		command -v "$program" >/dev/null || { echo "$program is missing: see the head of $0" >&2; exit 2; }
	done
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	here=$(cd "$(dirname "$0")" && pwd)
	export GOFLAGS="${GOFLAGS:-} -buildvcs=false"
	(cd "$here/../.." && go build -o "$work/bin/" ./cmd/punchlab ./ci/slurm/same)
	unshare --net --uts --mount --pid --fork --kill-child --mount-proc "$here/test.sh" inside "$here" "$work"
	exit
fi

here=$2
work=$3
export PUNCHLAB=$work/bin/punchlab SLURM_CONF=$work/slurm.conf
# A task takes the environment of who submits it along: not that of a job around this one.
unset "${!SLURM_ARRAY@}" JOB_COMPLETION_INDEX

say() { printf '%s %s\n' "$(date +%T)" "$*"; }

# await FOR SECONDS COMMAND...: looks again and again until the command succeeds.
await() {
	local what=$1 end=$((SECONDS + $2))
	shift 2
	until "$@" >/dev/null 2>&1; do
		if [ "$SECONDS" -ge "$end" ]; then
			say "waited in vain for: $what"
			exit 1
		fi
		sleep 0.2
	done
}

# What is particular to this test, and nothing that a site would want:
# - everybody is root, since labs are made as root here;
# - proctrack/linuxproc and task/none, since cgroups are another's on a machine that is
#   itself a container; no accounting;
# - config_overrides: the node has as many processors as the tasks want, whatever it has;
# - cred_expire: a task that is requeued waits for so long, 120 seconds elsewhere; 5 is the
#   least.
configure() {
	cat >"$SLURM_CONF" <<-END
		ClusterName=test
		SlurmctldHost=node(192.0.2.1)
		SlurmUser=root
		SlurmdUser=root
		AuthType=auth/munge
		AuthInfo=socket=$work/munge.socket,cred_expire=5
		StateSaveLocation=$work/state
		SlurmdSpoolDir=$work/spool
		SlurmctldPidFile=$work/slurmctld.pid
		SlurmdPidFile=$work/slurmd.pid
		SlurmctldLogFile=$work/slurmctld.log
		SlurmdLogFile=$work/slurmd.log
		SlurmdParameters=config_overrides
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_CPU
		JobAcctGatherType=jobacct_gather/none
		MpiDefault=none
		MailProg=/bin/true
		ReturnToService=2
		KillWait=5
		NodeName=node NodeHostname=node NodeAddr=192.0.2.1 CPUs=6 RealMemory=6144
		PartitionName=all Nodes=node Default=YES MaxTime=INFINITE State=UP
	END
	case $(slurmd -V) in
	*' 22.'*) ;; # does not know the word, and looks at no cgroup unless told to
	*) echo CgroupPlugin=disabled >"$work/cgroup.conf" ;;
	esac
}

start() {
	ip link set lo up
	# The libc does not look up addresses where there are none but 127.0.0.1 (AI_ADDRCONFIG).
	ip address add 192.0.2.1/32 dev lo
	hostname node
	printf '127.0.0.1 localhost\n192.0.2.1 node\n' >"$work/hosts"
	mount --bind "$work/hosts" /etc/hosts
	mkdir "$work/state" "$work/spool" "$work/run"
	chmod 711 "$work" # munged wants others to reach its socket
	head -c 1024 /dev/urandom >"$work/munge.key"
	chmod 400 "$work/munge.key"
	configure
	munged --force --foreground --socket="$work/munge.socket" --key-file="$work/munge.key" --pid-file="$work/munged.pid" \
		--seed-file="$work/munge.seed" --log-file="$work/munged.log" 2>/dev/null &
	await "munge" 20 test -S "$work/munge.socket"
	slurmctld -D &>>"$work/slurmctld.out.log" &
	slurmd -D -N node &>>"$work/slurmd.out.log" &
	await "the node" 60 sh -c 'sinfo -h -o %T | grep -qx idle'
}

lines() { wc -l <"$work/run/shard-$1/results.jsonl"; }
begun() { [ "$(lines "$1")" -ge "$2" ]; }
id_of() { squeue -h -a -r -j "$array" -o '%K %A' | awk -v task="$1" '$1 == task { print $2 }'; }
field() { scontrol show job "$1" | sed -nE "s/.*\b$2=([^ ]*).*/\1/p"; }
over() { ! squeue -h -t all -j "$1" -o %T | grep -qv -e COMPLETED -e FAILED -e CANCELLED -e TIMEOUT; }

# bench_of finds the program of a task: the one that the batch script has started, and not
# those that it starts itself in its namespaces.
bench_of() {
	local pid parent
	for pid in $(scontrol listpids "$1" | awk 'NR > 1 { print $1 }'); do
		parent=$(awk '{ print $4 }' "/proc/$pid/stat")
		if [ "$(cat "/proc/$pid/comm")" = punchlab ] && [ "$(cat "/proc/$parent/comm")" != punchlab ]; then
			echo "$pid"
		fi
	done
}

told() {
	local status=$?
	[ "$status" -eq 0 ] || tail -n 20 "$work"/*.log "$work"/run/*.log || true
}
trap told EXIT

start
say "$(sinfo --version), one node"
flags=(--nat 'linux-masquerade,openwrt,eim-eif' --trials 40 --rtt 100ms --seed 11)
submitted=$("$here/submit.sh" "$work/run" 3 "${flags[@]}")
say "$submitted"
array=$(sed -E 's/array ([0-9]+).*/\1/' <<<"$submitted")
merge=$(sed -E 's/.*merge ([0-9]+).*/\1/' <<<"$submitted")

await "trials of all shards" 120 eval 'begun 1 10 && begun 2 10 && begun 3 10'
before=$(lines 1)
killed=$(bench_of "$(id_of 2)")
say "lines so far: $before, $(lines 2), $(lines 3); requeue task 1, kill process $killed of task 2, tell task 3 that its time is up"
scontrol requeue "${array}_1"
kill -KILL "$killed"
scancel --batch --signal=USR1 "${array}_3"

await "the array" 300 over "$array"
await "the merge" 60 over "$merge"
for job in "${array}_1" "${array}_2" "${array}_3" "$merge"; do
	say "job $job: $(field "$job" JobState), restarted $(field "$job" Restarts) times"
	[ "$(field "$job" JobState)" = COMPLETED ]
	[ "$job" = "$merge" ] || [ "$(field "$job" Restarts)" -eq 1 ]
done
grep -h 'of before; results' "$work"/run/shard-*.log
[ "$(grep -l 'of before; results' "$work"/run/shard-*.log | wc -l)" -eq 3 ]
[ "$(lines 1)" -ge "$before" ]

"$PUNCHLAB" bench "${flags[@]}" -o "$work/whole" >/dev/null 2>"$work/whole.log"
"$work/bin/same" "$work/run/merged" "$work/whole"

# The comparison can fail: of a line twice, and of one less.
differs() { ! "$work/bin/same" "$work/$1" "$work/whole" 2>/dev/null; }
mkdir "$work/twice" "$work/less"
sed '$p' "$work/run/merged/results.jsonl" >"$work/twice/results.jsonl"
sed '$d' "$work/run/merged/results.jsonl" >"$work/less/results.jsonl"
differs twice
differs less
say "ok"
