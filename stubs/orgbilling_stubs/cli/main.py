"""The command line: `orgbilling serve | token | personas | spec | …`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from orgbilling_stubs.cli.errors import exit_status

COMMANDS = {
    "serve": "serve",
    "token": "token",
    "personas": "personas",
    "spec": "app",
    "replay": "replay",
    "coverage": "coverage",
    "conform": "conform",
    "export": "app",
}
"""The commands: each has a module of its name, and is this attribute of it. Only what runs is imported."""

HELP = "The Org Billing API on your laptop: a stateful stub, its OpenAPI description, and demo data."


def build(arguments: Sequence[str]) -> typer.Typer:
    """Build the command line for these arguments: one command if they name it, else all (for the help)."""
    app = typer.Typer(
        name="orgbilling",
        help=HELP,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_start)
    first = arguments[0] if arguments else ""
    for name in [first] if first in COMMANDS else COMMANDS:
        command = getattr(import_module(f".{name}", __package__), COMMANDS[name])
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _start() -> None:
    pass


_start.__doc__ = HELP


def run() -> None:
    """Entry point of the `orgbilling` command. Every error is one line on standard error."""
    try:
        status = build(sys.argv[1:])(standalone_mode=False)
    except Exception as error:
        status = exit_status(error)
    sys.exit(status if isinstance(status, int) else 0)
