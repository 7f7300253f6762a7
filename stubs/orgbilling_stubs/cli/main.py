"""The command line: `orgbilling serve | token | personas | spec | …`."""

from __future__ import annotations

import codecs
import inspect
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Annotated

import typer

from orgbilling_stubs.cli.completion import completed_words
from orgbilling_stubs.cli.errors import CLOSED_STATUS, OUTPUT_STATUS, exit_status, report_error

COMMANDS = {
    "serve": "serve",
    "doctor": "doctor",
    "token": "token",
    "personas": "personas",
    "scenario": "scenario",
    "clock": "clock",
    "compare": "compare",
    "open": "open_console",
    "spec": "app",
    "replay": "replay",
    "coverage": "coverage",
    "conform": "conform",
    "beside": "beside",
    "export": "app",
    "agent": "app",
}
"""The commands: each has a module of its name, and is this attribute of it. Only what runs is imported."""

CONTEXT_SETTINGS: Mapping[str, dict[str, bool]] = {"clock": {"ignore_unknown_options": True}}
"""Settings of a command's parser: a duration may begin with a hyphen, such as -P1D."""

HELP = "The Org Billing API on your laptop: a stateful stub, its OpenAPI description, and demo data."


def build(arguments: Sequence[str]) -> typer.Typer:
    """Build the command line for these arguments: one command if they name it, else all (for the help)."""
    app = typer.Typer(
        name="orgbilling",
        help=HELP,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        add_completion=True,
    )
    app.callback(invoke_without_command=True)(_start)
    first = next(iter(arguments or completed_words()), "")
    for name in [first] if first in COMMANDS else COMMANDS:
        command = getattr(import_module(f".{name}", __package__), COMMANDS[name])
        if isinstance(command, typer.Typer):
            for info in command.registered_commands:
                info.help = info.help or _help_text(info.callback)
            app.add_typer(command, name=name)
        else:
            settings = CONTEXT_SETTINGS.get(name)
            app.command(name, context_settings=settings, help=_help_text(command))(command)
    return app


def _help_text(command: Callable[..., object] | None) -> str:
    """The docstring of a command, each paragraph in one line: Typer would keep its line breaks."""
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _start(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed_version

        typer.echo(f"orgbilling {installed_version('orgbilling')}")
        raise typer.Exit


_start.__doc__ = HELP


def run() -> None:
    """Entry point of the `orgbilling` command. Every error is one line on standard error."""
    _prepare_output()
    try:
        status = build(sys.argv[1:])(prog_name="orgbilling", standalone_mode=False)
    except BrokenPipeError:
        status = _closed_output(CLOSED_STATUS)
    except SystemExit as ended:  # of shell completion with 0; of a broken pipe, Click and Rich make 1
        status = _closed_output(CLOSED_STATUS) if ended.code else 0
    except Exception as error:
        status = exit_status(error)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = _closed_output(CLOSED_STATUS)
    except OSError as error:
        report_error(f"standard output: {(error.strerror or str(error)).lower()}")
        status = _closed_output(OUTPUT_STATUS)
    sys.exit(status if isinstance(status, int) else 0)


SUBSTITUTES = {
    "✗": "x", "✓": "+", "✔": "+", "·": "*", "•": "*", "–": "-", "—": "-", "−": "-", "…": "...", "×": "x",
    "→": "->", "←": "<-", "▲": "^", "▼": "v", "≥": ">=", "≤": "<=", "’": "'", "‘": "'", "“": '"', "”": '"',
}  # fmt: skip
"""What stands for a sign of ours on a terminal whose encoding does not have it."""


def _substitute(error: UnicodeError) -> tuple[str, int]:
    """What is written for characters that an encoding does not have, and where to go on; for `codecs`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(SUBSTITUTES.get(character, "?") for character in lacking), error.end


def _prepare_output() -> None:
    """Let output be written whatever the encoding of the terminal is."""
    codecs.register_error("orgbilling-substitute", _substitute)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started the command
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 -- until the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="orgbilling-substitute")


def _closed_output(status: int) -> int:
    """Write what is left to nowhere, so that Python does not complain at its end; return the status."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status
