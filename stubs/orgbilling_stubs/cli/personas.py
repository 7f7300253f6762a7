"""`orgbilling personas`: what the demo organizations are, and whether a persona file of your own is right."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from orgbilling_fixtures.describe import rows
from orgbilling_fixtures.personas import Persona, PersonaError, load, names
from orgbilling_fixtures.personas.catalog import read
from rich.console import Console
from rich.table import Table


def personas(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME|FILE]", help="Show this one as YAML.", show_default=False)
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Check a persona file; exit 1 and say where it is wrong."),
    ] = None,
    keys: Annotated[
        bool, typer.Option("--keys", help="List every key that a persona file may have.")
    ] = False,
) -> None:
    """List the personas with what each shows, show one as YAML, or check a file of your own.

    Organization ids choose their persona: org_low_balance and org_low_balance_anything get low_balance.
    """
    try:
        if check is not None:
            persona = read(check)
            typer.echo(f"{check}: {persona.name} is a valid persona: {persona.shows}")
        elif keys:
            _table(("key", "expected", "default", "meaning"), rows())
        elif name is not None:
            typer.echo(yaml_of(load(name)), nl=False)
        else:
            shown = (load(each) for each in names())
            _table(("persona", "states", "shows"), ((one.name, _states(one), one.shows) for one in shown))
    except PersonaError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def yaml_of(persona: Persona) -> str:
    """A persona as a YAML file with every key, which parses back to the same persona."""
    import yaml

    document: dict[str, Any] = persona.document
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)


def _states(persona: Persona) -> str:
    return ", ".join(map(str, persona.states))


def _table(heads: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> None:
    """Print a table for people, or tab-separated lines when piped."""
    if not sys.stdout.isatty():
        for line in lines:
            typer.echo("\t".join(line))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    for line in lines:
        table.add_row(*line)
    Console().print(table)
