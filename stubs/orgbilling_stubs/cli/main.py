"""The command line: `orgbilling serve | token | personas | contract …`. Each command is imported late."""

from __future__ import annotations

import typer

from . import contract, personas, serve, token

app = typer.Typer(
    name="orgbilling",
    help="The Org Billing API on your laptop: a stateful stub, its contract, and demo data that adds up.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("serve")(serve.serve)
app.command("token")(token.token)
app.command("personas")(personas.personas)
app.add_typer(contract.app, name="contract")


def run() -> None:
    """Entry point of the `orgbilling` command."""
    app()
