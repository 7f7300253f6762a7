#!/bin/sh
# Holds an API to the description, and opens one issue when there is something new. drift.yml runs it every night.
#
#   TARGET    the address of the API
#   TOKEN     a session token
#   DOCUMENT  optional: the address of the OpenAPI document that the vendor publishes
#   OPTIONS   optional: further options of `orgbilling conform`, separated by spaces
#   REPORTS   optional: the folder of the reports; what it has from the last run is known (default: reports)
#
# Exit status: 0 nothing new, 1 something new, 2 it cannot be run so, 3 nothing can be said about the API.
set -u

reports=${REPORTS:-reports}
label=billing-drift
mkdir -p "$reports" || exit 2

set --
if [ -f "$reports/known.json" ]; then
  set -- --compare "$reports/known.json"
fi
conform=0
# shellcheck disable=SC2086 # options are several words
orgbilling conform "$TARGET" --token-env TOKEN ${OPTIONS:-} \
  --json "$reports/report.json" --markdown "$reports/report.md" "$@" || conform=$?
if [ "$conform" -gt 1 ]; then
  exit "$conform"
fi

diff=0
: >"$reports/diff.txt"
if [ -n "${DOCUMENT:-}" ]; then
  orgbilling spec diff "$DOCUMENT" >"$reports/diff.txt" || diff=$?
  if [ "$diff" -gt 1 ]; then
    exit "$diff"
  fi
  if cmp -s "$reports/diff.txt" "$reports/known-diff.txt"; then
    diff=0
  fi
fi

if [ "$conform" -eq 1 ] || [ "$diff" -eq 1 ]; then
  {
    # GitHub takes 65,536 characters.
    head -c 50000 "$reports/report.md"
    if [ -s "$reports/diff.txt" ]; then
      printf '\n## The published document\n\n~~~~~~text\n'
      head -c 10000 "$reports/diff.txt"
      printf '\n~~~~~~\n'
    fi
  } >"$reports/issue.md"
  number=$(gh issue list --label "$label" --state open --json number --jq '.[0].number // empty') || exit 2
  if [ -n "$number" ]; then
    gh issue comment "$number" --body-file "$reports/issue.md" || exit 2
  else
    gh label create "$label" --description "The billing API drifted" 2>/dev/null || true
    gh issue create --title "The billing API drifted" --label "$label" --body-file "$reports/issue.md" || exit 2
  fi
fi

# Known from now on; not before the issue is there.
cp "$reports/report.json" "$reports/known.json"
cp "$reports/diff.txt" "$reports/known-diff.txt"
if [ "$conform" -eq 1 ] || [ "$diff" -eq 1 ]; then
  exit 1
fi
