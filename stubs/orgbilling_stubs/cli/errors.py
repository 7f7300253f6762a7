"""Errors of the command line: one line on standard error that says what is wrong and what to do about it."""

from __future__ import annotations

import os
from typing import NoReturn

import typer

USAGE_STATUS = 2
CRASH_STATUS = 70  # EX_SOFTWARE of sysexits.h
LONGEST = 1000  # characters of a message

DEBUG_VARIABLE = "ORGBILLING_DEBUG"


def report_error(problem: object) -> None:
    """Print `orgbilling: …` on standard error: one line of printable characters."""
    text = " ".join(str(problem).split())
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text[:LONGEST])
    typer.echo(f"orgbilling: {line}{'…' if len(text) > LONGEST else ''}", err=True)


def fail(problem: object, status: int = USAGE_STATUS) -> NoReturn:
    """End the command with one line that says what is wrong, and an exit status."""
    report_error(problem)
    raise typer.Exit(status)


def file_problem(error: OSError, path: object = "") -> str:
    """What the file system said, with the file that it was about."""
    return f"{error.filename or path}: {(error.strerror or str(error)).lower()}"


def exit_status(error: Exception) -> int:
    """Report an exception that no command has handled; return the exit status for it.

    A usage error of Typer, such as an unknown option, also says which help to read. Anything else is a bug of
    ours. Its traceback is shown when ORGBILLING_DEBUG is set.
    """
    # Typer exports no base class of its usage errors, and has moved it between its versions.
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        if os.environ.get(DEBUG_VARIABLE):
            raise error
        report_error(f"{type(error).__name__}: {error} (a bug: set {DEBUG_VARIABLE}=1 to see where)")
        return CRASH_STATUS
    context = getattr(error, "ctx", None)
    if type(error).__name__ != "NoArgsIsHelpError":  # Making that error has printed the help already.
        command = context.command_path if context else "orgbilling"
        report_error(f"{format_message().rstrip('.')}; see {command} --help")
    return USAGE_STATUS
