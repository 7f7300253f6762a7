#!/usr/bin/env bash
# Install the release that this action belongs to into an environment of its own, pinned and checked by hash.
#   install.sh base|test     base serves; test has what the conformance suite needs, too
#   PYTHON       the interpreter (python3)
#   RUNNER_TEMP  the folder for the environment
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
VENV=${RUNNER_TEMP:?}/orgbilling PYTHON=${PYTHON:-python3} sh "$root/requirements/venv.sh" "$1"
if [ -n "${GITHUB_PATH:-}" ]; then
    echo "$RUNNER_TEMP/orgbilling/bin" >>"$GITHUB_PATH"
fi
