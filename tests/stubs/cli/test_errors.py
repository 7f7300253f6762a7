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
    status, printed = run(monkeypatch, capsys)
    assert status == 70
    assert "in broken\n" in printed
    assert printed.endswith("(a bug: set ORGBILLING_DEBUG=1 to see where)\n")


def test_a_message_is_one_printable_line_of_limited_length(capsys: pytest.CaptureFixture[str]) -> None:
    errors.report_error("a\n b\x1b[31m" + "c" * 2000)
    printed = capsys.readouterr().err
    assert printed.startswith("orgbilling: a b\\x1b[31mccc")
    assert printed.endswith("c…\n")
    assert len(printed) == len("orgbilling: …\n") + errors.LONGEST + len("\\x1b") - 1
