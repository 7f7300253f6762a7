"""Errors of the command line: one line on standard error that says what is wrong and what to do about it."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from orgbilling_openapi.redaction import redact

USAGE_STATUS = 2
CRASH_STATUS = 70  # EX_SOFTWARE of sysexits.h
OUTPUT_STATUS = 74  # EX_IOERR: standard output cannot be written
INTERRUPTED_STATUS = 130  # 128 and SIGINT, as shells have it
CLOSED_STATUS = 141  # 128 and SIGPIPE: whoever reads the output has gone, as `head` does
LONGEST = 1000  # characters of a message

DEBUG_VARIABLE = "ORGBILLING_DEBUG"


def report_error(problem: object) -> None:
    """Print `orgbilling: …` on standard error: one line of printable characters, without secrets."""
    text = redact(" ".join(str(problem).split()))
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text[:LONGEST])
    # Not by `typer.echo`: it writes UTF-8 to a stream in ASCII.
    print(f"orgbilling: {line}{'…' if len(text) > LONGEST else ''}", file=sys.stderr, flush=True)


def fail(problem: object, status: int = USAGE_STATUS) -> NoReturn:
    """End the command with one line that says what is wrong, and an exit status."""
    report_error(problem)
    raise typer.Exit(status)


@contextmanager
def errors_of_option(option: str, *errors: type[Exception]) -> Iterator[None]:
    """End the command with `OPTION: problem` for an error that the value of an option causes."""
    try:
        yield
    except errors as error:
        fail(f"{option}: {error}")


def file_problem(error: OSError, path: object = "") -> str:
    """What the file system said, with the file that it was about."""
    return f"{error.filename or path}: {(error.strerror or str(error)).lower()}"


def exit_status(error: Exception) -> int:
    """Report an exception that no command has handled; return the exit status for it.

    A usage error of Typer is one of the user, such as an unknown option. Anything else is a bug of ours. Its
    traceback is shown when ORGBILLING_DEBUG is set. No status of these is one that a command has for its
    result: 0 and 1, and 3 of `conform`.
    """
    if type(error).__name__ == "Abort":  # Click's, for Ctrl-C
        return INTERRUPTED_STATUS
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        report_error(f"standard output: {os.strerror(errno.ENOSPC).lower()}")
        return OUTPUT_STATUS
    if not hasattr(error, "format_message"):  # which every usage error of Typer has
        if os.environ.get(DEBUG_VARIABLE):
            typer.echo(redact("".join(traceback.format_exception(error))), nl=False, err=True)
        report_error(f"{type(error).__name__}: {error} (a bug: set {DEBUG_VARIABLE}=1 to see where)")
        return CRASH_STATUS
    if type(error).__name__ != "NoArgsIsHelpError":  # Making that error has printed the help already.
        from orgbilling_stubs.cli.usage_errors import usage_line

        report_error(usage_line(error))
    return USAGE_STATUS
