"""`orgbilling replay`: prove that a bundle answers as it did when it was recorded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orgbilling_stubs.cli.errors import fail, file_problem

if TYPE_CHECKING:
    from orgbilling_stubs.tenants.bundle import Bundle, ReplayResult


def replay(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A file made by GET …/bundle.")],
) -> None:
    """Rebuild the organizations of a bundle, and compare every answer byte for byte.

    Exit code 0: all the same; 1: an answer came out differently; 2: the bundle cannot be replayed.
    """
    from orgbilling_stubs.api.serializers import response_digests
    from orgbilling_stubs.tenants import bundle as bundles

    try:
        recorded = bundles.read(bundle.read_text("utf-8"))
        replayed = [bundles.replay(each, response_digests) for each in recorded.organizations]
    except OSError as error:
        fail(file_problem(error, bundle))
    except UnicodeDecodeError:
        fail(f"{bundle}: not UTF-8")
    except bundles.BundleError as error:
        fail(f"{bundle}:{error.line}: {error.problem}")
    _note_contract(recorded)
    _table(replayed)
    wrong = [each for each in replayed if each.different]
    for each in wrong:
        for question in each.different:
            typer.echo(f"{each.organization}: {question}: another answer than recorded", err=True)
    raise typer.Exit(1 if wrong else 0)


def _note_contract(recorded: Bundle) -> None:
    """Say when the bundle was recorded under another contract: that can be why an answer differs."""
    from orgbilling_openapi import description

    if recorded.header.get("contract") != description.digest():
        typer.echo("recorded with another contract than this version serves", err=True)


def _table(replayed: list[ReplayResult]) -> None:
    """Print a table for people, or tab-separated lines when piped."""
    from orgbilling_stubs.billing import instants

    rows = [
        (
            each.organization,
            instants.text(each.at_ms),
            str(each.records),
            str(each.compared),
            f"{len(each.different)} differ" if each.different else "the same",
        )
        for each in replayed
    ]
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in ("Organization", "Instant", "Records", "Answers", "Verdict"):
        table.add_column(head, overflow="fold")
    for row, each in zip(rows, replayed, strict=True):
        table.add_row(*row, style="red" if each.different else None)
    Console().print(table)
