#!/bin/sh
# Compile the locks: dev first, then test, server (what the container has) and base held to the same pins, so that
# each is a subset of the next. The lock of the Spark example is test's with PySpark, which is large.
#   requirements/lock.sh [uv options, such as --upgrade or --upgrade-package NAME]
set -eu
cd "$(dirname "$0")/.."

compile() {
    name=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
        pyproject.toml --group build "$@" --output-file "requirements/$name.txt"
}

everything="--extra spec --extra conformance --extra export --extra postgres --group test"
# shellcheck disable=SC2086  # a list of options, not a name with spaces
compile dev $everything --group dev "$@"
# shellcheck disable=SC2086
compile test $everything --constraints requirements/dev.txt
# shellcheck disable=SC2086
compile spark $everything --group spark --constraints requirements/dev.txt
compile server --extra postgres --constraints requirements/dev.txt
compile base --constraints requirements/dev.txt
