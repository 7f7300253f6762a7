#!/bin/sh
# Make the virtual environment what a lock says it is.   requirements/venv.sh base|test|dev|spark
#   VENV    where it lies (.venv)
#   PYTHON  the interpreter it is made with (the newest suitable one)
# At once when nothing has changed since the last time. Leaves every other environment alone.
set -eu
cd "$(dirname "$0")/.."
lock=$1
VENV=${VENV:-.venv}
PYTHON=${PYTHON:-}
unset PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_REQUIREMENT PIP_EDITABLE
export PIP_USER=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1

fail() {
    echo "orgbilling: $1" >&2
    exit 1
}

# What this interpreter lacks: nothing, "version", "venv", or everything (it does not run).
lacks() {
    "$1" -c 'import sys
if sys.version_info < (3, 11): print("version")
else:
    try: import ensurepip, venv
    except ImportError: print("venv")' 2>/dev/null || echo everything
}

release() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo none
}

find_python() {
    incomplete=
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        case $(lacks "$candidate") in
            "") python=$candidate; return ;;
            venv) incomplete=$candidate ;;
        esac
    done
    if [ -n "$incomplete" ]; then
        fail "$incomplete has no venv module: install it (on Debian or Ubuntu: apt install python3-venv), or set PYTHON=…"
    elif [ -n "$PYTHON" ]; then
        fail "PYTHON=$PYTHON is no Python 3.11 or newer"
    fi
    fail "needs Python 3.11 or newer: install it, or say where it is with PYTHON=…"
}

# Only ever called for nothing, or for an environment that this script made.
create() {
    find_python
    echo "Setting up $VENV (once) with Python $(release "$python") …" >&2
    rm -rf "$VENV"
    mkdir -p "$VENV"
    echo unfinished >"$VENV/.orgbilling"
    "$python" -m venv "$VENV" || fail "could not create $VENV"
    here >"$VENV/.orgbilling"
}

# Where the environment was made: its scripts hold this path, so a moved checkout needs a new one.
here() {
    (cd "$VENV" && pwd -P)
}

# Everything the installed state depends on.
state() {
    cat "requirements/$1.txt" pyproject.toml | cksum
}

installed() {
    [ "$(cat "$VENV/.$1" 2>/dev/null)" = "$(state "$1")" ]
}

if [ ! -e "$VENV" ]; then
    create
elif [ -e "$VENV/.orgbilling" ]; then
    if [ "$(cat "$VENV/.orgbilling")" != "$(here)" ] || ! "$VENV/bin/python" -c "import pip" 2>/dev/null; then
        create
    fi
elif [ -n "$(lacks "$VENV/bin/python")" ] || ! "$VENV/bin/python" -c "import pip" 2>/dev/null; then
    fail "$VENV is there, but it is no environment of Python 3.11 or newer with pip: remove it, or set VENV=…"
fi
if [ -n "$PYTHON" ] && [ -n "$(lacks "$PYTHON")" ]; then
    fail "PYTHON=$PYTHON is no Python 3.11 or newer"
elif [ -n "$PYTHON" ] && [ "$(release "$PYTHON")" != "$(release "$VENV/bin/python")" ]; then
    fail "$VENV is of Python $(release "$VENV/bin/python"), not $(release "$PYTHON"): make clean first, or set VENV=…"
fi

for larger in base test dev spark; do
    case $lock:$larger in test:base | dev:base | dev:test | dev:spark | spark:base | spark:test | spark:dev) continue ;; esac
    if installed "$larger"; then exit 0; fi
done

rm -f "$VENV/.base" "$VENV/.test" "$VENV/.dev" "$VENV/.spark"
echo "Installing requirements/$lock.txt into $VENV …" >&2
"$VENV/bin/python" -m pip install -qq --require-hashes -r "requirements/$lock.txt" ||
    fail "could not install requirements/$lock.txt (pip says why above)"
"$VENV/bin/python" -m pip install -qq --no-deps --no-build-isolation --editable . ||
    fail "could not install the project itself (pip says why above)"
state "$lock" >"$VENV/.$lock"
