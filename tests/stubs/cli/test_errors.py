"""Errors of the command line as a user sees them: one line on standard error, and never a traceback."""

from __future__ import annotations

import sys

import pytest
import typer
from orgbilling_stubs.cli import errors, main


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str]:
    """The exit status of `orgbilling ARGUMENTS`, and what it printed on standard error."""
    monkeypatch.setattr(sys, "argv", ["orgbilling", *arguments])
    with pytest.raises(SystemExit) as exited:
        main.run()
    assert isinstance(exited.value.code, int)
    return exited.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["sing"], 2, "No such command 'sing'; see orgbilling --help"),
        (["serve", "--nope"], 2, "No such option: --nope; see orgbilling serve --help"),
        (["serve", "--port", "x"], 2, "Invalid value for '--port': 'x' is not a valid int"),
        (["spec", "explain"], 2, "Missing argument 'POINTER'; see orgbilling spec explain --help"),
        (["token", "--bad", "teapot"], 2, "Invalid value for '--bad': 'teapot': one of expired, "),
        (["token", "--org", "org_"], 2, "--org: an organization needs a name, such as low_balance"),
        (["serve", "--clock", "tomorrow", "--port", "0"], 2, "--clock: not an RFC 3339 instant: 'tomorrow'"),
        (["serve", "--webhook", "soon"], 2, "--webhook: "),
        (["personas", "lowbalance"], 1, 'lowbalance: no such persona; did you mean "low_balance"?'),
        (["replay", "/nowhere"], 2, "/nowhere: no such file or directory"),
        (["coverage", "--url", "ftp://x"], 2, "not an http URL: ftp://x"),
        (["conform"], 2, "give one target: an address, --app MODULE:ATTRIBUTE or --har FILE"),
        (["export", "verify", "/nowhere"], 2, "/nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    line: str,
) -> None:
    code, printed = run(monkeypatch, capsys, *arguments)
    assert code == status
    assert printed.startswith(f"orgbilling: {line}")
    assert printed.count("\n") == 1
    assert "Traceback" not in printed


@pytest.mark.parametrize("arguments", [[], ["spec"]])
def test_without_arguments_the_help_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["orgbilling", *arguments])
    with pytest.raises(SystemExit) as exited:
        main.run()
    printed = capsys.readouterr()
    assert exited.value.code == 2
    assert (printed.out + printed.err).count("Usage: orgbilling") == 1


def test_help_and_success_have_status_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, capsys, "token") == (0, "")
    assert run(monkeypatch, capsys, "serve", "--help") == (0, "")


def test_a_bug_is_one_line_and_its_traceback_is_there_for_who_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("division by zero")

    app = typer.Typer()
    app.command()(broken)
    monkeypatch.setattr(main, "build", lambda arguments: app)
    assert run(monkeypatch, capsys) == (
        70,
        "orgbilling: ZeroDivisionError: division by zero (a bug: set ORGBILLING_DEBUG=1 to see where)\n",
    )
    monkeypatch.setenv(errors.DEBUG_VARIABLE, "1")
    with pytest.raises(ZeroDivisionError):
        main.run()


def test_a_message_is_one_printable_line_of_limited_length(capsys: pytest.CaptureFixture[str]) -> None:
    errors.report_error("a\n b\x1b[31m" + "c" * 2000)
    printed = capsys.readouterr().err
    assert printed.startswith("orgbilling: a b\\x1b[31mccc")
    assert printed.endswith("c…\n")
    assert len(printed) == len("orgbilling: …\n") + errors.LONGEST + len("\\x1b") - 1
