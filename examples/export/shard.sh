#!/bin/sh
# One share of an export. The same script runs as a pod of an indexed job, as a task of any other engine, or here.
#
#   OUT=/data SHARDS=8 JOB_COMPLETION_INDEX=0 sh shard.sh --orgs 10000 --format parquet --as-of 2026-01-01
#
# Every share writes other parts, and the parts are the same whatever the number of shares: give all of them the
# same options, --as-of above all, or each would take its own present instant.
set -eu
: "${OUT:?where to write}" "${SHARDS:?how many shares there are}" "${JOB_COMPLETION_INDEX:?which one this is, from 0}"
exec ${ORGBILLING:-orgbilling} export --out "$OUT" --shard "$((JOB_COMPLETION_INDEX + 1))/$SHARDS" "$@"
