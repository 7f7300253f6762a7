#!/bin/sh
# The job on this machine: every share in a process of its own, then one manifest, then the proof.
#
#   sh local.sh demo 4 --orgs 1000 --format parquet --as-of 2026-01-01
set -eu
here=$(dirname "$0")
out=$1 shards=$2
shift 2
pids=
for index in $(seq 0 $((shards - 1))); do
    OUT=$out SHARDS=$shards JOB_COMPLETION_INDEX=$index sh "$here/shard.sh" --jobs 1 "$@" &
    pids="$pids $!"
done
for pid in $pids; do wait "$pid"; done
${ORGBILLING:-orgbilling} export merge "$out"
${ORGBILLING:-orgbilling} export verify "$out"
