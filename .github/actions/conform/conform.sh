#!/usr/bin/env bash
# Run the conformance suite, and add its report to the summary of the job.
#   TARGET               the address of the API
#   SESSION_TOKEN        a session token; empty: one that this machine mints, which a stub on it accepts
#   OPTIONS              further options of `orgbilling conform`, separated by spaces
#   RUNNER_TEMP          the folder for the reports
#   GITHUB_OUTPUT, GITHUB_STEP_SUMMARY   the files for outputs and the summary
set -euo pipefail
reports=${RUNNER_TEMP:?}/orgbilling-reports
mkdir -p "$reports"
read -r -a options <<<"${OPTIONS:-}"
if [ -n "${SESSION_TOKEN:-}" ]; then
    export SESSION_TOKEN
    token=(--token-env SESSION_TOKEN)
else
    token=(--token-command "orgbilling token")
fi

echo "reports=$reports" >>"$GITHUB_OUTPUT"
status=0
orgbilling conform "${TARGET:?}" "${token[@]}" ${options[@]+"${options[@]}"} \
    --json "$reports/conform.json" --junit "$reports/conform.xml" \
    --sarif "$reports/conform.sarif" --markdown "$reports/conform.md" || status=$?
if [ -e "$reports/conform.md" ]; then
    cat "$reports/conform.md" >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"
