"""`orgbilling personas`: list and show the demo organizations, and check persona files of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from orgbilling_fixtures.personas import Persona, PersonaError, load, names
from orgbilling_fixtures.personas.reader import read
from orgbilling_fixtures.personas.schema import PERSONA_SCHEMA, key_rows

from orgbilling_stubs.cli.completion import personas as completed_personas
from orgbilling_stubs.cli.errors import USAGE_STATUS, fail
from orgbilling_stubs.cli.tables import print_table


def personas(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|FILE]",
            help="Show this one as YAML.",
            show_default=False,
            autocompletion=completed_personas,
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Check a persona file; exit 1 and say where it is wrong."),
    ] = None,
    keys: Annotated[
        bool, typer.Option("--keys", help="List every key that a persona file may have.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of persona files, for editors.")
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
            print_table(("key", "expected", "default", "meaning"), key_rows())
        elif schema:
            typer.echo(PERSONA_SCHEMA.file.read_text("utf-8"), nl=False)
        elif name is not None:
            typer.echo(yaml_of(load(name)), nl=False)
        else:
            rows = ((persona.name, _states(persona), persona.shows) for persona in map(load, names()))
            print_table(("persona", "states", "shows"), rows)
    except PersonaError as error:
        fail(error, status=USAGE_STATUS if check is None else 1)


def yaml_of(persona: Persona) -> str:
    """A persona as a YAML file with every key, which parses back to the same persona."""
    import yaml

    return yaml.safe_dump(persona.document, sort_keys=False, allow_unicode=True, width=110)


def _states(persona: Persona) -> str:
    return ", ".join(map(str, persona.states))
