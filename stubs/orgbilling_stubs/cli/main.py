"""The command line: `orgbilling serve | token | personas | spec | …`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

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
"""Each command's module and what in it is the command; only the one that is asked for is imported."""

HELP = "The Org Billing API on your laptop: a stateful stub, its OpenAPI description, and demo data."


def build(arguments: Sequence[str]) -> typer.Typer:
    """The command line for these arguments: one command when they name it, else all (for the help)."""
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
    """Entry point of the `orgbilling` command."""
    build(sys.argv[1:])()
