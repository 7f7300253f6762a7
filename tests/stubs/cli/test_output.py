"""Output on terminals and pipes of any kind: it degrades, and the exit status stays what it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = "from orgbilling_stubs.cli.main import run; run()"
ENCODINGS = ("ascii", "ascii:strict", "cp1252", "cp437")
COMMANDS = [
    (0, ["--help"]),
    (0, ["serve", "--help"]),
    (0, ["personas"]),
    (0, ["token", "--org", "low_balance"]),
    (0, ["spec", "explain", "#/info"]),
    (0, ["export", "--preview"]),
    (2, ["spec", "diff", "no-such-filé"]),
    (2, ["conform", "--har", "no-such-filé"]),
    (2, ["coverage", "--url", "http://127.0.0.1:1"]),
    (2, ["replay", "no-such-filé"]),
    (2, ["no-such-commandé"]),
]


def _run(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", COMMAND, *arguments], timeout=120, **options)  # type: ignore[call-overload, no-any-return]


def _environment(encoding: str) -> dict[str, str]:
    return {**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C"}


def _check(encoding: str, status: int, arguments: list[str]) -> None:
    done = _run(*arguments, capture_output=True, env=_environment(encoding))
    printed = done.stdout + done.stderr
    assert b"Traceback" not in printed
    assert b"Error: " not in printed
    assert done.returncode == status
    if encoding.startswith("ascii"):
        assert printed.isascii()


def test_a_table_is_shown_in_ascii() -> None:
    _check("ascii", 0, ["personas"])


@pytest.mark.slow
def test_signs_of_ours_stay_apart_in_ascii(tmp_path: Path) -> None:
    """An error, a warning and what was not run look different in the matrix of a conformance run."""
    entry = {
        "request": {"method": "GET", "url": "https://a.example.com/api/v1/org/billing", "headers": []},
        "response": {
            "status": 200,
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "content": {"text": '{"\ud83d": "\u20ac"}', "size": 1},
        },
    }
    (tmp_path / "a.har").write_text(json.dumps({"log": {"entries": [entry]}}))
    done = _run(
        "conform", "--har", str(tmp_path / "a.har"), capture_output=True, env=_environment("ascii:strict")
    )
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"* x errors * ! warnings * - not run" in b" ".join(done.stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(("status", "arguments"), COMMANDS, ids=lambda value: str(value))
def test_every_command_keeps_its_status_in_every_encoding(
    encoding: str, status: int, arguments: list[str]
) -> None:
    _check(encoding, status, arguments)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["personas"], ["spec", "explain", "#/info"], ["--help"]])
def test_a_reader_that_has_gone_is_no_error(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = _run(*arguments, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        done = _run("token", stdout=full, stderr=subprocess.PIPE)
    assert done.stderr.startswith(b"orgbilling: standard output: no space left on device\n")
    assert done.returncode == 74


@pytest.mark.slow
def test_closed_output_is_no_error() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "{sys.executable}" -c "{COMMAND}" personas >&-'],
        stderr=subprocess.PIPE,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.slow
@pytest.mark.parametrize("home", ["/dev/null/x", "/proc/no"])
def test_without_a_home_a_token_names_the_variable(home: str) -> None:
    done = _run("token", capture_output=True, env={**os.environ, "ORGBILLING_HOME": home})
    assert done.returncode == 2
    assert b"set ORGBILLING_HOME" in done.stderr
    assert done.stderr.count(b"\n") == 1
