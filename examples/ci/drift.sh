#!/bin/sh
# Holds an API to the description, and opens one issue when there is something new. drift.yml runs it every night.
#
#   TARGET         the address of the API
#   TOKEN          a session token; or, as those of Clerk live for a minute:
#   TOKEN_COMMAND  a shell command that prints a fresh one, whenever the last is about to end
#   DOCUMENT       optional: the address of the OpenAPI document that the vendor publishes
#   OPTIONS        optional: further options of `orgbilling conform`, separated by spaces
#   REPORTS        optional: the folder of the reports; what it has from the last run is known (default: reports)
#
# Exit status: 1 something new, in the API or in the document; otherwise what the two commands say: 0 nothing new,
# 2 it cannot be run so, 3 nothing can be said about the API.
set -u

reports=${REPORTS:-reports}
label=billing-drift
mkdir -p "$reports" || exit 2
rm -f "$reports/report.json" "$reports/report.md"

set --
if [ -f "$reports/known.json" ]; then
  set -- --compare "$reports/known.json"
fi
if [ -n "${TOKEN_COMMAND:-}" ]; then
  set -- "$@" --token-command "$TOKEN_COMMAND"
elif [ -n "${TOKEN:-}" ]; then
  set -- "$@" --token-env TOKEN
fi
conform=0
# shellcheck disable=SC2086 # options are several words
orgbilling conform "$TARGET" ${OPTIONS:-} \
  --json "$reports/report.json" --markdown "$reports/report.md" "$@" || conform=$?

# Whatever the API answers today, the document can be read. Only what breaks a client is news: an API that grows has
# additions every week.
diff=0
breaks=""
: >"$reports/diff.txt"
if [ -n "${DOCUMENT:-}" ]; then
  orgbilling spec diff "$DOCUMENT" >"$reports/diff.txt" || diff=$?
  sed -n '/^Breaking/,/^$/p' "$reports/diff.txt" >"$reports/breaks.txt"
  if [ "$diff" -eq 1 ]; then
    breaks=new
    if cmp -s "$reports/breaks.txt" "$reports/known-breaks.txt"; then
      breaks=known
    fi
  fi
fi

document() {
  printf '## The published document\n\n'
  if [ "$breaks" = new ]; then
    printf 'It has changes that break a client of the description, other ones than in the last run.\n'
  else
    printf 'It breaks a client of the description as it did in the last run.\n'
  fi
  printf '\n~~~~~~text\n'
  head -c 10000 "$reports/diff.txt"
  printf '\n~~~~~~\n'
}

news=0
if [ "$conform" -eq 1 ] || [ "$breaks" = new ]; then
  news=1
  {
    if [ "$conform" -eq 1 ]; then
      # GitHub takes 65,536 characters.
      head -c 50000 "$reports/report.md"
      printf '\n'
      [ -z "$breaks" ] || document
    else
      document
      printf '\nWhat to do: read the changes, and change the clients before the API changes as its document does.\n'
      if [ "$conform" -eq 0 ]; then
        printf 'What the API answers has nothing new in this run.\n'
      else
        printf 'About what the API answers nothing can be said in this run (exit status %s).\n' "$conform"
      fi
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

# Known from now on; not before the issue is there, and only what was read.
if [ "$conform" -le 1 ]; then
  cp "$reports/report.json" "$reports/known.json"
fi
if [ -n "${DOCUMENT:-}" ] && [ "$diff" -le 1 ]; then
  cp "$reports/breaks.txt" "$reports/known-breaks.txt"
fi
if [ "$news" -eq 1 ]; then
  exit 1
fi
if [ "$conform" -gt 1 ]; then
  exit "$conform"
fi
if [ "$diff" -gt 1 ]; then
  exit "$diff"
fi
